"""Print tables: a line for each row with whole cells, or a block for each row in a terminal that is too narrow."""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click
from flask_babel import gettext as _
from rich.cells import cell_len

_GAP = "  "
_NO_BREAK = "\0"
_WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_NUMBER = r"[+-]?[\d.,]+( [kMGTPE]?B| bytes?)?"


class Table(NamedTuple):
    """A table to print: cells may be texts, numbers, moments in ISO format, lists, dicts and None."""

    title: str
    columns: Sequence[str]
    """Their titles; the first column has the name of what a row is about."""
    rows: Sequence[Sequence[Any]]
    optional: Sequence[str] = ()
    """Columns that may be left out where a row does not fit on a line, the least important first."""
    caption: str = ""
    if_empty: str = ""
    """A sentence in place of the columns if there are no rows."""


def table_of_facts(title: str, what: str, facts: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return facts by name as a table with a column for each fact; `what` is the title of the names' column."""
    columns = list(dict.fromkeys(column for line in facts.values() for column in line))
    rows = [[name, *(line.get(column) for column in columns)] for name, line in facts.items()]
    return Table(title, [what, *(column.replace("_", " ") for column in columns)], rows)


def format_change(change: int) -> str:
    """Return how much a number has changed, with its sign."""
    return f"{change:+}" if change else "0"


def table_of_months(title: str, months: Mapping[str, Mapping[str, int]]) -> Table:
    """Return by how much numbers change in each month as a table."""
    changes = {month: {number: format_change(by) for number, by in line.items()} for month, line in months.items()}
    return table_of_facts(title, _("month"), changes)


def print_table(table: Table) -> None:
    """Print a table with its title and caption."""
    click.secho(table.title, bold=True)
    if table.rows or not table.if_empty:
        print_rows(table)
    else:
        click.echo(table.if_empty)
    if table.caption:
        click.echo(table.caption)
    click.echo()


def print_rows(table: Table) -> None:
    """Print the rows as wide as they are; if standard output is a terminal, no line is wider than that."""
    for line in lines(table, terminal_width()):
        click.echo(line)


def terminal_width() -> int | None:
    """Return the number of columns of the terminal; None if standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrap(text: str, width: int | None, first: str = "", later: str = "") -> list[str]:
    """Return a text on lines of this width, after these indents; None is no limit.

    A line ends only behind a comma: a name and its number, or a date and its time, stay together.
    """
    if width is None:
        return [first + text]
    parts = text.replace(" ", _NO_BREAK).replace(f",{_NO_BREAK}", ", ")
    wrapped = textwrap.wrap(parts, width, initial_indent=first, subsequent_indent=later, **_WHOLE_WORDS)
    return [line.replace(_NO_BREAK, " ") for line in wrapped]


def print_paragraph(text: str, first: str = "", later: str = "", color: str | None = None) -> None:
    """Print a text after these indents; in a terminal on lines of its width, which end between words."""
    width = terminal_width()
    if width is None:
        wrapped = [first + text]
    else:
        wrapped = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=later, **_WHOLE_WORDS)
    for line in wrapped:
        click.secho(line, fg=color)


def lines(table: Table, width: int | None) -> Iterator[str]:
    """Yield the lines of a table below its title. None as `width` is no limit; a name is never divided."""
    left_out: list[str] = []
    while True:
        shown = [number for number, column in enumerate(table.columns) if column not in left_out]
        cells = [[_text(row[number]) for number in shown] for row in (table.columns, *table.rows)]
        if width is None or _width(cells) <= width:
            break
        if len(left_out) == len(table.optional):
            yield from _blocks(table, width)
            return
        left_out.append(table.optional[len(left_out)])
    yield from _aligned(cells)
    if left_out:
        yield from wrap(_("Not shown in so narrow a terminal: %(columns)s.", columns=", ".join(left_out)), width)


def _aligned(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row; columns of numbers are aligned to the right."""
    columns = [(max(map(cell_len, column)), _is_numeric(column[1:])) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (_pad(cell, *column) for cell, column in zip(row, columns, strict=True))
        yield _GAP.join(padded).rstrip()


def _blocks(table: Table, width: int) -> Iterator[str]:
    """Yield the name of each row, and below it a line for each of the other cells."""
    titles = table.columns[1:]
    indent = max(map(cell_len, titles), default=0) + 2 * len(_GAP)
    for name, *cells in table.rows:
        yield _text(name)
        for title, cell in zip(titles, cells, strict=True):
            yield from wrap(_text(cell), width, _GAP + _pad(title, indent - len(_GAP), False), " " * indent)


def _width(cells: Sequence[Sequence[str]]) -> int:
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _pad(cell: str, width: int, is_right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if is_right else cell + blanks


def _is_numeric(cells: Sequence[str]) -> bool:
    values = [cell for cell in cells if cell != "-"]
    return bool(values) and all(re.fullmatch(_NUMBER, value) for value in values)


def _text(value: Any) -> str:
    """Return a cell on one line, without characters that a terminal obeys: keys of totals may be anything."""
    if value is None or value in ([], {}, ""):
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(
            _text(fact) if name == "finished" else f"{_text(name)} {_text(fact)}" for name, fact in value.items()
        )
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    text = str(value)
    if re.match(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", text):  # in UTC, cut to the second
        return text[:19].replace("T", " ")
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
