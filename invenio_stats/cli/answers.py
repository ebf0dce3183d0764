"""Print the answer to a query: values on lines, then a table with a line for each interval or group."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]
"""The values of an interval or group by column."""

_SHAPE = frozenset({"type", "field", "key", "key_type", "buckets"})
"""Keys that describe the form of an answer or a bucket; programs need them, readers see the table."""


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print an answer of any query; values that are not understood are printed as JSON."""
    values, rows = _values(answer), list(_groups(answer))
    if answer.get("key_type") == "date":
        rows = list(_intervals(answer))
        values.update(_take_constants(rows))
    for name, value in values.items():
        click.echo(f"{name}: {_cell(value)}")
    if rows:
        click.echo()
        Console(highlight=False).print(_table(rows))


def _values(result: Mapping[str, Any]) -> Row:
    return {name: value for name, value in result.items() if name not in _SHAPE}


def _intervals(answer: Mapping[str, Any]) -> Iterator[Row]:
    """Yield a row for each interval; its date without the time, which is always midnight."""
    for bucket in answer["buckets"]:
        values = _values(bucket)
        yield {"date": str(values.pop("date", "-"))[:10], **values}


def _groups(result: Mapping[str, Any], outer: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """Yield a row for each group, followed by those of the groups in it, which repeat the keys of the outer ones."""
    for bucket in result.get("buckets", ()):
        keys = {**(outer or {}), str(result.get("field")): bucket.get("key")}
        yield {**keys, **_values(bucket)}
        yield from _groups(bucket, keys)


def _take_constants(rows: list[Row]) -> Row:
    """Remove and return the texts that are the same in all intervals with totals, such as the name of the file."""
    constants = {}
    for name in [name for name in (rows[0] if rows else ()) if name != "date"]:
        found = [row[name] for row in rows if row.get(name) is not None]
        if all(isinstance(value, str) and value == found[0] for value in found):
            constants[name] = found[0] if found else None
            for row in rows:
                row.pop(name, None)
    return constants


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    columns = list(max(rows, key=len))  # those of an innermost group, which has all keys
    for name in columns:
        is_number = any(isinstance(row.get(name), int | float) for row in rows)
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[name]) if name in row else "") for name in columns))
    return table


def _cell(value: Any) -> str:
    """Return a value as text; what a terminal would execute, such as escape sequences, is replaced."""
    if value is None:
        return "-"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
