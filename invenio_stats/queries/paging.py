"""Fetch all groups of an answer, page by page if the search engine returns only a part of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from invenio_stats.queries import search_bodies
from invenio_stats.search.client import Response, Searcher, SearchRequest, TooManyBucketsError, search

PAGE_SIZE = 5_000
"""Number of groups in one page."""

Path = tuple[Any, ...]


def fetch(
    request: SearchRequest, fields: Sequence[str], limit: int, page_size: int = PAGE_SIZE, first: Searcher = search
) -> Response:
    """Return the search engine's answer with all groups, in the engine's order and form.

    One request if the engine returns all groups, otherwise one more for each page and level. `first` sends the first
    request. TooManyBucketsError if there are more groups than `limit`.
    """
    if not fields or fields[0] not in request.body.get("aggs", {}):
        return first(request)
    try:
        response = first(request)
        if not _is_cut(response.get("aggregations", {}), fields):
            return response
    except TooManyBucketsError:
        response = search(request.with_body(search_bodies.without_groups(request.body, fields[0])))
    response.setdefault("aggregations", {})[fields[0]] = _all_groups(request, fields, page_size, limit)
    return response


def _is_cut(level: Mapping[str, Any], fields: Sequence[str]) -> bool:
    if not fields or fields[0] not in level:
        return False
    terms = level[fields[0]]
    return terms.get("sum_other_doc_count", 0) > 0 or any(_is_cut(bucket, fields[1:]) for bucket in terms["buckets"])


def _all_groups(request: SearchRequest, fields: Sequence[str], page_size: int, limit: int) -> Response:
    """Return the tree of groups, in the form of nested terms aggregations."""
    # Level by level from the outside: a group is attached to its parent, which must already be known.
    root: Response = {}
    parents: dict[Path, Response] = {(): root}
    count = 0
    for depth, field in enumerate(fields, start=1):
        level: dict[Path, Response] = {}
        for path, bucket in _pages(request, fields, depth, page_size):
            count += 1
            if count > limit:
                raise TooManyBucketsError(f"There are more than {limit} groups by {', '.join(fields)}.")
            if path[:-1] in parents:  # a group that was created after its parent's level was fetched has no parent
                level[path] = bucket
                parents[path[:-1]].setdefault(field, _empty())["buckets"].append(bucket)
        for parent in parents.values():
            parent.setdefault(field, _empty())["buckets"].sort(key=_by_size)
        parents = level
    groups: Response = root[fields[0]]
    return groups


def _pages(request: SearchRequest, fields: Sequence[str], depth: int, size: int) -> Iterator[tuple[Path, Response]]:
    after = None
    while True:
        body = search_bodies.page(request.body, fields, depth, size, after)
        page = search(request.with_body(body)).get("aggregations", {}).get(search_bodies.PAGE, {})
        for bucket in page.get("buckets", []):
            path = tuple(_plain(bucket["key"][str(position)]) for position in range(depth))
            yield path, {**bucket, "key": path[-1]}
        after = page.get("after_key")
        if not after:
            return


def _plain(key: Any) -> Any:
    """Return a key in the form of a terms aggregation, with 0 and 1 for booleans."""
    return int(key) if isinstance(key, bool) else key


def _empty() -> Response:
    return {"buckets": [], "sum_other_doc_count": 0}


def _by_size(bucket: Mapping[str, Any]) -> tuple[int, Any]:
    return -bucket["doc_count"], bucket["key"]
