"""Write a table as CSV: UTF-8, a header, and no text that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from invenio_stats.exports.rows import Sheet

ROWS_AT_ONCE = 1_000
"""Rows in one piece of a stream."""

_RUN_BY_SPREADSHEETS = tuple("=+-@\t\r\n＝＋－＠")
"""A text that begins with one of these is a formula to some spreadsheet."""


def write_csv(sheet: Sheet) -> Iterator[str]:
    """Yield the file in pieces; lines end as RFC 4180 has it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(map(neutralise, sheet.columns))
    for number, row in enumerate(sheet.rows, start=1):
        writer.writerow(map(neutralise, row))
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def neutralise(value: Any) -> Any:
    """Return the value; a text that would be run begins with an apostrophe, and none has a character NUL.

    No spreadsheet reads a NUL, and Python 3.10 does not write it.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text
