"""Ask several queries for one page; each entry has an answer or an error of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from invenio_stats.errors import StatsError
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, answer_permitted, check_permissions, find_queries

Answer = Mapping[str, Any]


def is_asked(name: str) -> bool:
    """Return True if the instance has a query: without a database, some are absent."""
    return name in current_stats.queries


def make_request(key: str, name: str, params: Mapping[str, Any]) -> QueryRequest:
    """Return the request with those of the parameters that the query has."""
    query = current_stats.get_query(name)
    known = {*query.required_filters, *query.optional_filters}
    return QueryRequest(key, name, {param: value for param, value in params.items() if param in known})


def ask(requests: Sequence[QueryRequest]) -> dict[str, Answer | StatsError]:
    """Return an answer or an error for each entry, by key; permission is checked for each of them."""
    # One entry after the other, until `queries.batch` answers entries with errors of their own in one multi-search.
    return {request.key: _answer_or_error(request) for request in requests}


def _answer_or_error(request: QueryRequest) -> Answer | StatsError:
    try:
        (entry,) = find_queries([request])
        check_permissions([entry])
        return answer_permitted(entry)
    except StatsError as error:
        return error
