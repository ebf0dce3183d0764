"""Prepared: a query that is checked and ready to be sent."""

from collections.abc import Callable
from typing import Any, NamedTuple

from invenio_stats.search.client import Searcher, SearchRequest


class PreparedQuery(NamedTuple):
    """A question that is ready to be asked."""

    request: SearchRequest
    answer: Callable[[Searcher], dict[str, Any]]
    """Returns what a client gets, given what sends the question."""
