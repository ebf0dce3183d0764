"""Make reports in tests, in the three formats."""

import csv
import io
import json

from openpyxl import load_workbook

from invenio_stats.counter.reports.json import write_json
from invenio_stats.counter.reports.report import build_report
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.tsv import write_tsv
from invenio_stats.counter.reports.xlsx import write_xlsx
from tests.fixtures.closed_months import NOW


def make(client, report_id="IR", begin="2026-05", end="2026-06", write=write_json, now=NOW, **options):
    """Return the bytes of a report."""
    stream = io.BytesIO()
    write(build_report(client, ReportRequest(report_id, begin, end, **options), now), stream)
    return stream.getvalue()


def make_json(client, *args, **options):
    """Return a report as JSON has it."""
    return json.loads(make(client, *args, **options))


def make_tsv(client, *args, **options):
    """Return the rows of a report, all cells as texts."""
    text = make(client, *args, write=write_tsv, **options).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text), dialect="excel-tab"))


def make_xlsx(client, *args, **options):
    """Return the rows of a report, counts as numbers."""
    sheet = load_workbook(io.BytesIO(make(client, *args, write=write_xlsx, **options))).active
    rows = ([cell for cell in row] for row in sheet.iter_rows(values_only=True))
    return [["" if cell is None else cell for cell in row] for row in rows]
