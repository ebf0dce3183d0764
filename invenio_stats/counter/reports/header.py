"""Describe a report: its header, as COUNTER's JSON has it."""

from calendar import monthrange
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from invenio_stats.core.counter_exceptions import CounterException, merge
from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.counter_reports import COUNTRY, RELEASE
from invenio_stats.counter.reports.customers import Institution
from invenio_stats.counter.reports.request import ReportRequest

_SINGLE = ("Item_ID", COUNTRY)
"""Filters that are one text in the header, not a list."""


def build_header(
    request: ReportRequest,
    platform: Platform,
    institution: Institution,
    period: tuple[str, str],
    exceptions: Iterable[CounterException],
    now: datetime,
) -> dict[str, Any]:
    """Return the header.

    :param period: first and last month of the report.
    :param now: when it is made, in UTC.
    """
    attributes = _attributes(request)
    merged = [exception.as_dict() for exception in merge(exceptions)]
    return {
        "Report_Name": request.kind.name,
        "Report_ID": request.report_id,
        "Release": RELEASE,
        "Institution_Name": institution.name,
        "Institution_ID": dict(institution.identifiers),
        "Report_Filters": _filters(request.all_filters, period),
        **({"Report_Attributes": attributes} if attributes else {}),
        **({"Exceptions": merged} if merged else {}),
        "Created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Created_By": platform.created_by,
        "Registry_Record": platform.registry_record,
    }


def _filters(filters: Mapping[str, tuple[str, ...]], period: tuple[str, str]) -> dict[str, Any]:
    begin, end = period
    last_day = monthrange(int(end[:4]), int(end[5:]))[1]
    chosen = {name: "|".join(values) if name in _SINGLE else list(values) for name, values in filters.items()}
    return {**chosen, "Begin_Date": f"{begin}-01", "End_Date": f"{end}-{last_day:02}"}


def _attributes(request: ReportRequest) -> dict[str, Any]:
    return {
        **({"Attributes_To_Show": list(request.attributes)} if request.attributes else {}),
        **({"Granularity": "Totals"} if request.totals_only else {}),
        **({"Include_Parent_Details": "True"} if request.include_parents else {}),
    }
