"""Know the formats of reports, their media types, and the names of their files."""

from collections.abc import Callable, Mapping
from typing import IO

from invenio_stats.counter.reports.json import write_json
from invenio_stats.counter.reports.report import Report
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.tsv import write_tsv
from invenio_stats.counter.reports.xlsx import write_xlsx

WRITERS: Mapping[str, Callable[[Report, IO[bytes]], None]] = {
    "json": write_json,
    "tsv": write_tsv,
    "xlsx": write_xlsx,
}
"""By format."""

MEDIA_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""By format."""


def suggest_file_name(request: ReportRequest, chosen: str) -> str:
    """Return the name that a reader's copy of a report gets: `IR-2026-01-2026-06.tsv`."""
    return f"{request.report_id}-{request.begin}-{request.end}.{chosen}"
