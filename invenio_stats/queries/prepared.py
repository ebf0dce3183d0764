"""Hold a query whose parameters are checked and whose search is ready to be sent."""

from collections.abc import Callable
from typing import Any, NamedTuple

from invenio_stats.search.client import Searcher, SearchRequest


class PreparedQuery(NamedTuple):
    """A search request, the function that sends it and builds the answer, and what is known of its size."""

    request: SearchRequest
    answer: Callable[[Searcher], dict[str, Any]]
    """Returns the answer to the client; its argument sends the search request."""
    max_buckets: int = 0
    """Maximal number of buckets of the answer; 0 if only the search can tell."""
