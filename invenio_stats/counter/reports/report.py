"""Make a report: its header, and its items one after the other."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import Month, months_between
from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.items import KnownItem, find_items, scan_items
from invenio_stats.counter.months import fetch_months
from invenio_stats.counter.reports.availability import NO_USAGE, choose_months, explain_missing_months
from invenio_stats.counter.reports.customers import Institution, find_institution
from invenio_stats.counter.reports.descriptions import Describer
from invenio_stats.counter.reports.folding import Shape
from invenio_stats.counter.reports.header import build_header
from invenio_stats.counter.reports.item_usage import ItemUsageReader, batch_size
from invenio_stats.counter.reports.items import ItemSequence, ReportItem
from invenio_stats.counter.reports.platform_usage import fold_platform
from invenio_stats.counter.reports.request import ReportRequest
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
    platform = _get_platform()
    institution = find_institution(current_stats.customers, request.customer_id, platform)
    if institution is None:
        raise UnknownCustomerError(request.customer_id)
    closed = fetch_months(client, now.date())
    months = choose_months(request, closed)
    missing = explain_missing_months(request, closed, platform.first_month, now.date())
    source = _Source(client, request, platform, institution, months)
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


def _continue(first: ReportItem | None, items: Iterator[ReportItem]) -> Generator[ReportItem, None, None]:
    if first is not None:
        yield first
        yield from items


def count_documents(client: Any, request: ReportRequest, now: datetime) -> int:
    """Return how many documents of months have to be read for a report; 0 for PR and PR_P1, which sum in the engine."""
    platform = _get_platform()
    institution = find_institution(current_stats.customers, request.customer_id, platform)
    if institution is None or not request.kind.has_items:
        return 0
    months = choose_months(request, fetch_months(client, now.date()))
    return _Source(client, request, platform, institution, months).count()


def _get_platform() -> Platform:
    """Return the platform: what makes reports is not there without one."""
    return cast(Platform, current_stats.counter_platform)


class _Source:
    """Where the numbers and items of a report come from."""

    def __init__(
        self,
        client: Any,
        request: ReportRequest,
        platform: Platform,
        institution: Institution,
        months: Sequence[Month],
    ):
        self._client, self._request, self._platform, self._months = client, request, platform, months
        self._customers = institution.customers
        self._shape = Shape.of(request, [month.month for month in months])
        ids = request.filters.get("Item_ID")
        self._chosen = None if ids is None else list(self._find(ids))
        item_ids = None if self._chosen is None else [item.item_id for item in self._chosen]
        self._reader = ItemUsageReader(client, request, self._customers, months, self._shape, item_ids)

    def items(self) -> Iterator[ReportItem]:
        """Yield the items; for a report of the platform, the platform if it has usage."""
        if not self._request.kind.has_items:
            yield from self._platform_usage()
            return
        if not self.count():
            return
        describer = Describer(self._request, self._platform)
        only = self._request.kind.fixed.get("Data_Type", ())
        sequence = ItemSequence(self._client, self._reader, describer, batch_size(len(self._months)), only)
        known = scan_items(self._client) if self._chosen is None else self._chosen
        yield from sequence.by_parent(known) if self._request.has_parents else sequence.in_one_group(known)

    def count(self) -> int:
        return self._reader.count()

    def has_more_rows(self, limit: int) -> bool:
        return self._request.kind.has_items and self._reader.has_more_rows(limit)

    def _platform_usage(self) -> Iterator[ReportItem]:
        performances = fold_platform(self._client, self._request, self._customers, self._months, self._shape)
        if performances:
            yield ReportItem("", None, {"Platform": self._platform.name}, performances)

    def _find(self, ids: Iterable[str]) -> Iterator[KnownItem]:
        """Return the items of some DOIs and Proprietary ids."""
        own = self._platform.own_id("")
        return find_items(
            self._client,
            [value.removeprefix(own) for value in ids if value.startswith(own)],
            [value for value in ids if not value.startswith(own)],
        )
