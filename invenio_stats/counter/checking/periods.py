"""Check the dates of a report's header."""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from typing import Any

from invenio_stats.counter.checking.findings import Finding


def check_period(filters: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with Begin_Date and End_Date: the first and the last day of a month."""
    begin, end = filters["Begin_Date"], filters["End_Date"]
    year, month, day = (int(part) for part in end.split("-"))
    if day != monthrange(year, month)[1]:
        yield Finding("period", "Report_Filters", f"End_Date {end} is not the last day of its month")
    if begin > end:
        yield Finding("period", "Report_Filters", f"Begin_Date {begin} is after End_Date {end}")
