"""Write a table as an Excel file, with a second sheet that says what it is about."""

from html import escape
from importlib.util import find_spec
from typing import IO, Any

from flask_babel import gettext as _

from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.exports.rows import Sheet, is_number, to_cell

MAX_ROWS = 1_048_575
"""Rows of a sheet below its header."""
MAX_CHARACTERS = 32_767
"""Characters of a cell, as Excel counts them: those beyond U+FFFF are two. A longer text is cut."""


def is_available() -> bool:
    """Return True if XlsxWriter is installed."""
    return find_spec("xlsxwriter") is not None


def write_xlsx(sheet: Sheet, file: IO[bytes]) -> None:
    """Write the file; rows are in memory one by one. Texts are never formulas, and never links."""
    from xlsxwriter import Workbook  # an extra

    with Workbook(file, {"constant_memory": True}) as workbook:
        table = workbook.add_worksheet("Data")
        write_row(table, 0, sheet.columns)
        for number, row in enumerate(sheet.rows, start=1):
            if number > MAX_ROWS:
                raise InvalidRequestInputError(
                    _("A sheet of Excel has %(limit)s rows, and the answer has more. Ask for csv.", limit=MAX_ROWS)
                )
            write_row(table, number, row)
        about = workbook.add_worksheet("About")
        for number, (name, value) in enumerate(sheet.about.items()):
            write_row(about, number, [name, to_cell(value)])


def write_row(worksheet: Any, number: int, row: list[Any]) -> None:
    """Write numbers as numbers, and texts as texts: never as formulas or links; a text that is too long is cut."""
    for column, value in enumerate(row):
        if is_number(value):
            worksheet.write_number(number, column, value)
        elif value is not None:
            worksheet.write_string(number, column, _unformatted(_cut(value)))


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
