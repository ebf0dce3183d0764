"""Build the searches for the usage of closed months that a report shows."""

from collections.abc import Iterable, Iterator

from invenio_stats.core.counter_reports import COUNTRY, UNKNOWN_COUNTRY
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.search.clauses import Body, all_of, any_of, none_of

FIELDS = {
    "Data_Type": "data_type",
    "YOP": "yop",
    "Access_Type": "access_type",
    "Access_Method": "access_method",
    COUNTRY: "country",
}
"""Field of a month's documents, by name of an attribute."""


def usage_clauses(request: ReportRequest, customers: Iterable[str] | None) -> list[Body]:
    """Return what the documents of a report match; `customers` as in `Institution`."""
    clauses = [] if customers is None else [{"terms": {"institution": list(customers)}}]
    for name, values in request.all_filters.items():
        if name == "YOP":
            clauses.append({"terms": {FIELDS[name]: sorted({year for value in values for year in _years(value)})}})
        elif name == COUNTRY:
            clauses.append(_countries(values))
        elif name in FIELDS:
            clauses.append({"terms": {FIELDS[name]: list(values)}})
    return clauses


def usage_query(request: ReportRequest, customers: Iterable[str] | None) -> Body:
    """Return the query for these documents."""
    return all_of(usage_clauses(request, customers))


def attribute_sources(attributes: Iterable[str]) -> list[Body]:
    """Return composite sources that group documents by attributes; one without a country has a group, too."""
    missing = {COUNTRY: {"missing_bucket": True}}
    return [{FIELDS[name]: {"terms": {"field": FIELDS[name], **missing.get(name, {})}}} for name in attributes]


def _years(value: str) -> Iterator[str]:
    """Yield the years of a range: all that there are fit into one clause, of which the engine takes 1,024."""
    first, _, last = value.partition("-")
    yield from (f"{year:04}" for year in range(int(first), int(last or first) + 1))


def _countries(values: Iterable[str]) -> Body:
    known = any_of([{"terms": {"country": [value for value in values if value != UNKNOWN_COUNTRY]}}])
    if UNKNOWN_COUNTRY not in values:
        return known
    return any_of([known, none_of([{"exists": {"field": "country"}}])])
