"""Choose the months of a report, and name those that it cannot have."""

from collections.abc import Iterable, Mapping
from datetime import date

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import Month, first_month_kept, months_between
from invenio_stats.counter.reports.request import ReportRequest

NO_USAGE, NOT_READY, NO_LONGER, PARTIAL = 3030, 3031, 3032, 3040


def choose_months(request: ReportRequest, closed: Mapping[str, Month]) -> list[Month]:
    """Return the closed months of the request, in order."""
    return [closed[name] for name in sorted(closed) if request.begin <= name <= request.end]


def explain_missing_months(
    request: ReportRequest, closed: Mapping[str, Month], first_month: str | None, today: date
) -> list[CounterException]:
    """Return the exceptions of months that are not there, and of those that have a gap.

    :param first_month: the first one that reports are made of, if it is set.
    """
    offered = sorted(closed)
    oldest = offered[0] if offered else max(first_month or "", first_month_kept(today))
    gone = [name for name in months_between(request.begin, min(request.end, oldest)) if name < oldest]
    open_months = [name for name in months_between(max(request.begin, oldest), request.end) if name not in closed]
    exceptions = []
    if open_months:
        exceptions.append(CounterException(NOT_READY, ", ".join(_ranges(open_months))))
    if gone:
        there = _span(offered[0], offered[-1]) if offered else f"{oldest} and later, once they are processed"
        exceptions.append(CounterException(NO_LONGER, f"Usage is available for {there}"))
    partial = [
        f"{month.month}: {reason['reason']}" for month in choose_months(request, closed) for reason in month.accepted
    ]
    if partial:
        exceptions.append(CounterException(PARTIAL, "; ".join(dict.fromkeys(partial))))
    return exceptions


def _ranges(months: Iterable[str]) -> list[str]:
    """Return the months, those in a row as one."""
    ranges: list[list[str]] = []
    for month in months:
        if ranges and months_between(ranges[-1][1], month)[1:] == [month]:
            ranges[-1][1] = month
        else:
            ranges.append([month, month])
    return [_span(first, last) for first, last in ranges]


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"
