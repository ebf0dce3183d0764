"""Make the questions of a page from its parameters."""

from collections.abc import Mapping
from typing import Any

from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest

Answer = Mapping[str, Any]


def is_asked(name: str) -> bool:
    """Return True if the instance has a query: without a database, some are absent."""
    return name in current_stats.queries


def make_request(key: str, name: str, params: Mapping[str, Any]) -> QueryRequest:
    """Return the request with those of the parameters that the query has."""
    query = current_stats.get_query(name)
    known = {*query.required_filters, *query.optional_filters}
    return QueryRequest(key, name, {param: value for param, value in params.items() if param in known})
