"""Make a report: its header, and its items one after the other."""

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, cast

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import months_between
from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.months import fetch_months
from invenio_stats.counter.reports.availability import NO_USAGE, choose_months, explain_missing_months
from invenio_stats.counter.reports.customers import Institution, find_institution
from invenio_stats.counter.reports.header import build_header
from invenio_stats.counter.reports.items import ReportItem
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.sources import choose_source
from invenio_stats.errors import UnknownCustomerError
from invenio_stats.proxies import current_stats, unwrap


class Report(NamedTuple):
    """A report that is ready to be written."""

    request: ReportRequest
    header: dict[str, Any]
    """As JSON has it."""
    months: tuple[str, ...]
    """All months of the period that the header names, in order."""
    items: Generator[ReportItem, None, None]
    """In the order of the report, made while they are read; can be read once. Close it if it is not read to the end."""
    has_more_rows: Callable[[int], bool]
    """Returns True if a table of the report has more rows than a number."""


def build_report(
    client: Any, request: ReportRequest, now: datetime, exceptions: Iterable[CounterException] = ()
) -> Report:
    """Return a report of the closed months in the request; UnknownCustomerError if there is no such customer.

    :param now: the present moment, in UTC.
    :param exceptions: further ones for the header, of parameters that were ignored.
    """
    client = unwrap(client)  # the items can be read, or given up, outside the application context
    platform, institution = _find(request)
    closed = fetch_months(client, now.date())
    months = choose_months(request, closed)
    missing = explain_missing_months(request, closed, platform.first_month, now.date())
    source = choose_source(client, request, platform, institution, months)
    items = source.items()
    first = next(items, None)
    if first is None and months:
        missing.append(CounterException(NO_USAGE))
    period = (months[0].month, months[-1].month) if months else (request.begin, request.end)
    return Report(
        request,
        build_header(request, platform, institution, period, [*missing, *exceptions], now),
        tuple(months_between(*period)),
        _continue(first, items),
        source.has_more_rows,
    )


def count_documents(client: Any, request: ReportRequest, now: datetime) -> int:
    """Return how many documents of months have to be read for a report; 0 for PR and PR_P1, which sum in the engine.

    UnknownCustomerError if there is no such customer.
    """
    months = choose_months(request, fetch_months(client, now.date()))
    return choose_source(client, request, *_find(request), months).count()


def _find(request: ReportRequest) -> tuple[Platform, Institution]:
    platform = cast(Platform, current_stats.counter_platform)  # nobody asks for a report without one
    institution = find_institution(current_stats.customers, request.customer_id, platform)
    if institution is None:
        raise UnknownCustomerError(request.customer_id)
    return platform, institution


def _continue(first: ReportItem | None, items: Iterator[ReportItem]) -> Generator[ReportItem, None, None]:
    if first is not None:
        yield first
        yield from items
