"""Write a report as an Excel file of one sheet: counts are numbers, all else is text."""

from datetime import datetime
from typing import IO

from invenio_stats.counter.reports.report import Report
from invenio_stats.counter.reports.table import HEADER_ROWS, table_rows
from invenio_stats.errors import TooManyRowsError
from invenio_stats.exports.xlsx import MAX_ROWS, write_row

SHEET_ROWS = MAX_ROWS + 1
"""Rows of a sheet."""

_ROWS_ABOVE = HEADER_ROWS + 2
"""Rows above the data: the header, an empty one, and the headings."""


def check_rows(report: Report) -> None:
    """Raise TooManyRowsError if a report has more rows than a sheet; it can be written nevertheless after that."""
    if report.has_more_rows(SHEET_ROWS - _ROWS_ABOVE):
        raise TooManyRowsError(SHEET_ROWS)


def write_xlsx(report: Report, stream: IO[bytes]) -> None:
    """Write the report, rows one by one; TooManyRowsError before anything is made if they are too many."""
    from xlsxwriter import Workbook  # an extra

    check_rows(report)
    with Workbook(stream, {"constant_memory": True}) as workbook:
        # The file names its date of creation; that of the report is the same for the same report.
        created = datetime.strptime(report.header["Created"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - as Excel has it
        workbook.set_properties({"created": created})
        sheet = workbook.add_worksheet(report.request.report_id)
        for number, row in enumerate(table_rows(report)):
            write_row(sheet, number, row)
