"""Run by the tools' own Python: is this an OpenAPI document, and is each of its examples what its schema says?"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate


def media_types(node, where=()):
    """Every media type object that has a schema and examples."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node:
            yield where, node
        for name, child in node.items():
            yield from media_types(child, (*where, name))


document = json.loads(Path(sys.argv[1]).read_text())
validate(document)
examples = 0
for where, media in media_types(document["paths"]):
    schema = {**media["schema"], "components": document["components"]}
    for name, example in media["examples"].items():
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(example["value"])
        examples += 1
print(f"{examples} examples")
