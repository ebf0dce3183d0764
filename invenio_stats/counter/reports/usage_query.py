"""Build the searches for the usage of closed months that a report shows."""

from collections.abc import Iterable

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

COMPLETE = {"ignore_unavailable": False, "allow_no_indices": False}
"""Options of a search: a closed month without its index is an error, never a month without usage."""


def usage_clauses(request: ReportRequest, customers: Iterable[str] | None) -> list[Body]:
    """Return what the documents of a report match; `customers` as in `Institution`."""
    clauses = [] if customers is None else [{"terms": {"institution": list(customers)}}]
    for name, values in request.all_filters.items():
        if name == "YOP":
            clauses.append(any_of([_years(value) for value in values]))
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


def _years(value: str) -> Body:
    first, _, last = value.partition("-")
    return {"range": {"yop": {"gte": first, "lte": last or first}}}


def _countries(values: Iterable[str]) -> Body:
    known = any_of([{"terms": {"country": [value for value in values if value != UNKNOWN_COUNTRY]}}])
    if UNKNOWN_COUNTRY not in values:
        return known
    return any_of([known, none_of([{"exists": {"field": "country"}}])])
