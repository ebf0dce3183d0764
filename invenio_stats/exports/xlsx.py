"""Write a table as an Excel file, with a second sheet that says what it is about."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from importlib.util import find_spec
from itertools import zip_longest
from typing import IO, Any

from flask_babel import gettext as _

from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.exports.facts import describe
from invenio_stats.exports.rows import Sheet, is_number, to_cell

MAX_ROWS = 1_048_575
"""Rows of a sheet below its header."""
MAX_CHARACTERS = 32_767
"""Characters of a cell, as Excel counts them: those beyond U+FFFF are two. A longer text is cut."""

WIDTHS = (6, 60)
"""Least and greatest width of a column in characters."""
_ROWS_MEASURED = 200
"""Rows that decide how wide a column is."""
_DATE_COLUMNS = ("date", "day", "from", "to")
_DAY = re.compile(r"(19|[2-9]\d)\d\d-\d\d-\d\d", re.ASCII)
"""A day that Excel knows: its time begins in 1900."""
_BEFORE = "before_"


def is_available() -> bool:
    """Return True if XlsxWriter is installed."""
    return find_spec("xlsxwriter") is not None


def write_xlsx(sheet: Sheet, file: IO[bytes]) -> None:
    """Write the file; rows are in memory one by one. Texts are never formulas, and never links."""
    from xlsxwriter import Workbook  # an extra

    with Workbook(file, {"constant_memory": True}) as workbook:
        bold, day = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "yyyy-mm-dd"})
        table = workbook.add_worksheet("Data")
        table.freeze_panes(1, 0)
        write_row(table, 0, sheet.columns, [bold] * len(sheet.columns))
        widths = [len(name) for name in sheet.columns]
        for number, row in enumerate(sheet.rows, start=1):
            if number > MAX_ROWS:
                raise InvalidRequestInputError(
                    _("A sheet of Excel has %(limit)s rows, and the answer has more. Ask for csv.", limit=MAX_ROWS)
                )
            cells = list(map(_with_dates, sheet.columns, row))
            write_row(table, number, cells, [day if isinstance(cell, date) else None for cell in cells])
            if number <= _ROWS_MEASURED:
                widths = list(map(max, widths, map(_length, cells)))
        _set_widths(table, widths)
        about = workbook.add_worksheet("About")
        facts = [(name, _with_dates(name, _in_words(value))) for name, value in sheet.about.items()]
        for number, (name, value) in enumerate(facts):
            write_row(about, number, [name, value], [bold, day if isinstance(value, date) else None])
        _set_widths(about, [max(map(_length, column)) for column in zip(*facts, strict=True)])


def write_row(worksheet: Any, number: int, row: list[Any], formats: Sequence[Any] = ()) -> None:
    """Write numbers as numbers, dates as dates, and texts as texts: never as formulas or links.

    A text that is too long is cut.
    """
    for column, (value, style) in enumerate(zip_longest(row, formats)):
        if is_number(value):
            worksheet.write_number(number, column, value, style)
        elif isinstance(value, date):
            worksheet.write_datetime(number, column, value, style)
        elif value is not None:
            worksheet.write_string(number, column, _unformatted(_cut(value)), style)


def _with_dates(name: str, value: Any) -> Any:
    """Return a day in a column of days as a date."""
    if name.removeprefix(_BEFORE) in _DATE_COLUMNS and isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _in_words(value: Any) -> Any:
    """Return a value as a number or a text that people read."""
    return describe(value, _write_fact) if isinstance(value, Mapping | list) else to_cell(value)


def _write_fact(value: Any) -> str:
    return "-" if value is None else str(to_cell(value))


def _length(value: Any) -> int:
    return 0 if value is None else len(str(value))


def _set_widths(worksheet: Any, widths: Iterable[int]) -> None:
    least, greatest = WIDTHS
    for column, width in enumerate(widths):
        worksheet.set_column(column, column, min(max(width + 2, least), greatest))


def _cut(text: str) -> str:
    """Return as much of a text as a cell can have: with more, Excel calls the file damaged."""
    if len(text) <= MAX_CHARACTERS // 2:
        return text
    return text.encode("utf-16-le")[: 2 * MAX_CHARACTERS].decode("utf-16-le", "ignore")


def _unformatted(text: str) -> str:
    """Return what XlsxWriter writes as this text: one in `<r>` is to it the markup of formatted text, written as it is.

    That markup around it makes a text of it. With the markup of 32,767 characters or more, XlsxWriter leaves the cell
    empty; then the last character is missing.
    """
    if not (text.startswith("<r>") and text.endswith("</r>")):
        return text
    markup = f'<r><t xml:space="preserve">{escape(text, quote=False)}</t></r>'
    return markup if len(markup) < MAX_CHARACTERS else text[:-1]
