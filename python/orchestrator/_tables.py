"""Tables for people: pandas data frames and HTML for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

_STYLE = ' style="text-align: right"'


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as missing:
        raise ImportError("to_pandas() needs pandas: pip install 'orchestrator[pandas]'") from missing
    return pandas


def frame_of(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str]) -> pandas.DataFrame:
    """A data frame of a few plain rows: words as categories, everything else as it
    is."""
    pandas = _pandas()
    series = {}
    for name in columns:
        values = [row[name] for row in rows]
        present = next((value for value in values if value is not None), None)
        if isinstance(present, StrEnum):
            words = [None if value is None else value.value for value in values]
            series[name] = pandas.Categorical(words, categories=[member.value for member in type(present)])
        elif isinstance(present, (bool, int)) and None not in values:
            series[name] = pandas.Series(values)
        else:
            series[name] = pandas.Series(values, dtype=object)
    return pandas.DataFrame(series, columns=list(columns))


def frame_of_columns(columns: Mapping[str, tuple[Any, ...]], *, index: str) -> pandas.DataFrame:
    """A data frame of what Session.order_columns() gives."""
    pandas = _pandas()
    import numpy

    series: dict[str, Any] = {}
    for name, (kind, values, *words) in columns.items():
        if kind == "O":
            # Assigning a list asks each value whether it is a sequence, which takes ten times as long.
            series[name] = numpy.fromiter(values, dtype=object, count=len(values))
        elif kind == "category":
            codes = numpy.frombuffer(values, dtype="i1")
            series[name] = pandas.Categorical.from_codes(codes, categories=words[0])
        elif kind == "M8[ns]":
            series[name] = pandas.DatetimeIndex(numpy.frombuffer(values, dtype=kind)).tz_localize("UTC")
        else:
            series[name] = numpy.frombuffer(values, dtype=kind)
    labels = pandas.Index(series.pop(index), name=index)
    return pandas.DataFrame(series, index=labels, copy=False)


def _cell(value: Any) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        return f"<td>{_rows(value)}</td>"
    if isinstance(value, Mapping):
        return f"<td>{_pairs(value)}</td>"
    if isinstance(value, Decimal):
        return f"<td{_STYLE}>{value:,f}</td>"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"<td{_STYLE}>{value}</td>"
    if isinstance(value, datetime):
        return f"<td>{value:%Y-%m-%d %H:%M:%S.%f}Z</td>"
    return f"<td>{escape(str(value))}</td>"


def _pairs(record: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><th>{escape(str(name))}</th>{_cell(value)}</tr>" for name, value in record.items())
    return f"<table>{rows}</table>"


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row for each record, a column for each field that any of them has."""
    if not rows:
        return ""
    names = [name for name in rows[0] if any(row[name] not in (None, [], ()) for row in rows)]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(_cell(row[name]) for name in names) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_of(title: str, record: Mapping[str, Any]) -> str:
    """What a notebook shows for one record."""
    return f"<div><b>{escape(title)}</b>{_pairs(record)}</div>"


def html_of_rows(title: str, rows: Sequence[Mapping[str, Any]], *, more: bool = False) -> str:
    """What a notebook shows for a list of records."""
    rest = "<p>… and more</p>" if more else ""
    return f"<div><b>{escape(title)}</b>{_rows(rows)}{rest}</div>"
