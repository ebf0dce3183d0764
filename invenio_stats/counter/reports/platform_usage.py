"""Count the usage of the whole platform: sums of items by attributes, and searches."""

from collections.abc import Iterable, Sequence
from typing import Any

from invenio_stats.core.counter_months import METRICS, REGULAR, SEARCHES, Month
from invenio_stats.core.counter_reports import COUNTRY, PLATFORM_TYPE, UNKNOWN_COUNTRY
from invenio_stats.counter.months import usage_index
from invenio_stats.counter.reports.folding import Folding, Performance, Shape
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.usage_query import FIELDS, attribute_sources, usage_query
from invenio_stats.search.clauses import composite, sums_of
from invenio_stats.search.client import COMPLETE, SearchRequest
from invenio_stats.search.groups import read_groups

PAGE_SIZE = 1_000
"""Groups in one response."""


def fold_platform(
    client: Any, request: ReportRequest, customers: Iterable[str] | None, months: Sequence[Month], shape: Shape
) -> list[Performance]:
    """Return the usage of the platform; a search or more for each month, however many items were used."""
    folding = Folding(shape)
    metrics = [METRICS.get(metric) for metric in shape.metrics]
    sources = attribute_sources(shape.attributes)
    sums = sums_of(filter(None, metrics))
    for position, month in enumerate(months):
        body = composite(usage_query(request, customers), sources, PAGE_SIZE, sums)
        for group in read_groups(SearchRequest(client, usage_index(month), body, COMPLETE)) if sums else ():
            attributes = tuple(group["key"][FIELDS[name]] or UNKNOWN_COUNTRY for name in shape.attributes)
            folding.add(attributes, position, [int(group[field]["value"]) if field else 0 for field in metrics])
        if SEARCHES in shape.metrics:
            _add_searches(folding, request, customers, month, position, shape)
    return list(folding.performances())


def _add_searches(
    folding: Folding,
    request: ReportRequest,
    customers: Iterable[str] | None,
    month: Month,
    position: int,
    shape: Shape,
) -> None:
    """Add the searches of a month, which its document has."""
    institutions = None if customers is None else set(customers)
    for row in month.searches:
        values = {
            "Data_Type": PLATFORM_TYPE,
            "Access_Method": row.get("access_method") or REGULAR,
            COUNTRY: row.get("country") or UNKNOWN_COUNTRY,
        }
        is_asked_for = all(values[name] in allowed for name, allowed in request.all_filters.items() if name in values)
        if is_asked_for and (institutions is None or row.get("institution") in institutions):
            attributes = tuple(values[name] for name in shape.attributes)
            folding.add(attributes, position, [row["count"] if name == SEARCHES else 0 for name in shape.metrics])
