"""Print the answer to a query: values on lines, then a table with a line for each interval or group."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from invenio_stats.cli.tables import Table, print_rows

Row = dict[str, Any]
"""The values of an interval or group by column."""

_SHAPE = frozenset({"type", "field", "key", "key_type", "buckets"})
"""Keys that describe the form of an answer or a group; programs need them, readers see the table."""


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print an answer of our classes of queries; of one of another class, each value as JSON."""
    values, rows = _values(answer), list[Row]()
    if answer.get("key_type") == "date":
        rows = list(_intervals(answer))
        values.update(_take_constants(rows))
    elif answer.get("key_type") == "terms":
        rows = list(_groups(answer))
    else:
        values = dict(answer)
    for name, value in values.items():
        click.echo(f"{name}: {_cell(value)}")
    if rows:
        click.echo()
        print_rows(_table(rows))


def _values(result: Mapping[str, Any]) -> Row:
    return {name: value for name, value in result.items() if name not in _SHAPE}


def _intervals(answer: Mapping[str, Any]) -> Iterator[Row]:
    """Yield a row for each interval, with its start as a date: the time is always midnight."""
    for bucket in answer["buckets"]:
        values = {name: value for name, value in bucket.items() if name != "key"}
        yield {"date": str(values.pop("date", "-"))[:10], **values}


def _groups(result: Mapping[str, Any], outer: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """Yield a row for each group, followed by those of the groups in it, which repeat the keys of the outer ones."""
    for bucket in result.get("buckets", ()):
        keys = {**(outer or {}), str(result.get("field")): bucket.get("key")}
        yield {**keys, **_values(bucket)}
        yield from _groups(bucket, keys)


def _take_constants(rows: list[Row]) -> Row:
    """Remove and return what is the same in all intervals with totals and no number, such as the name of the file."""
    constants = {}
    for name in [name for name in (rows[0] if rows else ()) if name != "date"]:
        found = [row[name] for row in rows if row[name] is not None]
        if all(not isinstance(value, int | float) and value == found[0] for value in found):
            constants[name] = found[0] if found else None
            for row in rows:
                del row[name]
    return constants


def _table(rows: list[Row]) -> Table:
    columns = list(max(rows, key=len))  # those of an innermost group, which has the keys of all fields
    return Table("", columns, [[_cell(row.get(name)) for name in columns] for row in rows])


def _cell(value: Any) -> str:
    """Return a value as text; what a terminal would execute, such as escape sequences, is replaced."""
    if value is None:
        return "-"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
