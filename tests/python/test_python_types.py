"""The stub of the native half says what is there."""

import ast
import inspect
from pathlib import Path

import pytest

import orchestrator as o

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "orchestrator"
NATIVE = o._native


def classes_of_the_stub():
    tree = ast.parse((PACKAGE / "_native.pyi").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def properties(node):
    return {item.name: ast.unparse(item.returns) for item in node.body if isinstance(item, ast.FunctionDef)
            and any(ast.unparse(decorator) == "property" for decorator in item.decorator_list)}


def methods(node):
    return {item.name for item in node.body if isinstance(item, ast.FunctionDef)} - set(properties(node))


def test_the_stub_names_every_class_and_no_other():
    assert set(classes_of_the_stub()) == {name for name, value in vars(NATIVE).items() if isinstance(value, type)}


@pytest.mark.parametrize("name", sorted(classes_of_the_stub()))
def test_the_stub_has_the_members_of_the_class_with_the_types_of_their_docstrings(name):
    node, there = classes_of_the_stub()[name], getattr(NATIVE, name)
    documented = {member: value.__doc__.split(": ")[0] for member, value in vars(there).items()
                  if isinstance(value, property) and value.__doc__}
    stubbed = properties(node)
    if hasattr(there, "__match_args__"):
        assert stubbed == documented
        assert there.__match_args__ == tuple(stubbed)
    public = {member for member in vars(there) if not member.startswith("_")} - set(stubbed)
    assert methods(node) - {"__init__", "__eq__", "_repr_html_"} == public


@pytest.mark.parametrize("name", ["Order", "Receipt", "OrderBatch", "Execution", "Violation", "OrderRequest"])
def test_a_record_cannot_be_had_without_its_value(name):
    record = getattr(o, name)
    for new in [record.__new__, record.__mro__[1].__new__, object.__new__]:
        with pytest.raises(TypeError):
            new(record)


def test_a_record_that_the_library_makes_cannot_be_called_for():
    with pytest.raises(TypeError, match="Order is made by the library alone"):
        o.Order()


def test_an_order_that_shows_itself_before_it_has_a_value_is_no_order(in_memory):
    class Early(o.OrderRequest):
        def __init__(self):
            in_memory.place([self], portfolio_id=1)

    with pytest.raises(o.OrchestratorError) as refused:
        Early()
    assert [violation.code for violation in refused.value.violations] == ["order.invalid"]


def test_every_verb_can_be_awaited_with_the_same_arguments():
    def verbs(facade):
        return {name: list(inspect.signature(value).parameters.values())
                for name, value in inspect.getmembers(facade, inspect.isfunction) if not name.startswith("_")}

    assert verbs(o.AsyncOrchestrator) == verbs(o.Orchestrator)
