"""Print the answer to a query: values on lines, then a table with a line for each interval or group."""

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

import click

from invenio_stats.cli.tables import Table, print_rows, terminal_width, wrap
from invenio_stats.exports.facts import describe
from invenio_stats.exports.rows import Row, split

_LESS_IMPORTANT = (
    *("months_", "before_date", "before_state", "before_unique", "before_"),
    *("url", "volume", "unique_", "shares_"),
)
"""Beginnings of the columns that a narrow terminal leaves out of answers about usage, the first ones first."""


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print an answer: a line for each value, and a table if it has several rows."""
    is_table = "key_type" in answer or any(isinstance(answer.get(name), list) for name in ("points", "rows"))
    is_usage = "query" in answer and "gaps" in answer
    values, rows = split(answer) if is_table else (dict(answer), [])
    if answer.get("key_type") == "date":
        values.update(_take_constants(rows))
    if is_usage and rows:
        values = {name: value for name, value in values.items() if name not in ("other", "unknown")}  # they are rows
    for name, value in values.items():
        for line in wrap(
            f"{name}: {describe(value, _cell) if is_usage else _cell(value)}", terminal_width(), later="    "
        ):
            click.echo(line)
    if rows:
        click.echo()
        print_rows(_table(rows, _LESS_IMPORTANT if is_usage else ()))


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


def _table(rows: list[Row], less_important: tuple[str, ...]) -> Table:
    columns = list(max(rows, key=len))  # those of an innermost group, which has the keys of all fields
    columns += [name for name in dict.fromkeys(chain.from_iterable(rows)) if name not in columns]
    optional = dict.fromkeys(name for start in less_important for name in columns[:0:-1] if name.startswith(start))
    return Table("", columns, [[_cell(row.get(name)) for name in columns] for row in rows], list(optional))


def _cell(value: Any) -> str:
    """Return a value as text; what a terminal would execute, such as escape sequences, is replaced."""
    if value is None:
        return "-"
    if isinstance(value, float):
        value = int(value) if value.is_integer() else round(value, 4)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
