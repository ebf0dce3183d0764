"""Count documents by group, exactly for any number of groups and in bounded memory, and by index."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from invenio_stats.errors import StatsError
from invenio_stats.search.clauses import GROUPS, Body, Group, next_page
from invenio_stats.search.client import OPTIONS, SearchRequest, search
from invenio_stats.search.failures import error_type

_MAX_INDICES = 10_000
"""Indices of one event type that are told apart in a search."""


def read_groups(request: SearchRequest) -> Iterator[Group]:
    """Yield the groups of a search that `clauses.composite` has built; none if there is no index, and that is allowed.

    A page is asked for only when the groups before it have been read.
    """
    body: Body | None = dict(request.body)
    while body is not None:
        response = search(request.with_body(body))
        if "aggregations" not in response:
            return
        yield from response["aggregations"][GROUPS]["buckets"]
        body = next_page(body, response)


def count_by_index(client: Any, indices: Sequence[str], queries: Iterable[Body]) -> list[dict[str, int]]:
    """Return for each query how many documents of the indices match it, by index, in one request.

    An index without a match is missing, and so is a closed one. StatsError if a search fails.
    """
    if not indices:
        return [{} for _query in queries]
    by_index = {"terms": {"field": "_index", "size": _MAX_INDICES}}
    lines: list[Any] = []
    for query in queries:
        body = {"size": 0, "track_total_hits": False, "query": query, "aggs": {GROUPS: by_index}}
        lines += [{"index": list(indices), **OPTIONS}, body]  # as a multi-search: years of names do not fit into a URL
    return [_read_counts(answer) for answer in client.msearch(body=lines)["responses"]]


def _read_counts(answer: Mapping[str, Any]) -> dict[str, int]:
    if "error" in answer:
        raise StatsError(f"The search engine cannot count events: {error_type(answer)}. Run the command again.")
    buckets: Iterable[Mapping[str, Any]] = answer.get("aggregations", {}).get(GROUPS, {}).get("buckets", ())
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}
