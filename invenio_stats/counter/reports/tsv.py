"""Write a report as tab-separated values in UTF-8, with the byte order mark that spreadsheets look for."""

import csv
import io
from collections.abc import Iterator
from typing import IO

from invenio_stats.counter.reports.report import Report
from invenio_stats.counter.reports.table import table_rows

ROWS_AT_ONCE = 1_000
"""Rows in one piece of a stream."""


def write_tsv(report: Report, stream: IO[bytes]) -> None:
    """Write the report; the same bytes for the same report but for `Created`."""
    for piece in tsv_pieces(report):
        stream.write(piece)


def tsv_pieces(report: Report) -> Iterator[bytes]:
    """Yield the report in pieces; quotes are as in CSV, and lines end as there."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, dialect="excel-tab")
    buffer.write("\ufeff")
    for number, row in enumerate(table_rows(report), start=1):
        writer.writerow(row)
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
