"""Groups of an answer, all of them: where the engine cut a list short, the rest is fetched page by page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from invenio_stats.queries import search_bodies
from invenio_stats.search.client import Response, Searcher, SearchRequest, TooManyBucketsError, search

PAGE_SIZE = 5_000
"""Groups in one page."""

Path = tuple[Any, ...]


def fetch(
    request: SearchRequest, fields: Sequence[str], most: int, page_size: int = PAGE_SIZE, first: Searcher = search
) -> Response:
    """Return the engine's answer with every group in it, in the engine's own order and shape.

    One request where the engine gives all groups; else one more per page and level. `first` sends the first one.
    TooManyBucketsError when there are more groups than `most`.
    """
    if not fields or fields[0] not in request.body.get("aggs", {}):
        return first(request)
    try:
        response = first(request)
        if not _is_cut(response.get("aggregations", {}), fields):
            return response
    except TooManyBucketsError:
        response = search(request.with_body(search_bodies.without_groups(request.body, fields[0])))
    response.setdefault("aggregations", {})[fields[0]] = _all_groups(request, fields, page_size, most)
    return response


def _is_cut(level: Mapping[str, Any], fields: Sequence[str]) -> bool:
    if not fields or fields[0] not in level:
        return False
    terms = level[fields[0]]
    return terms.get("sum_other_doc_count", 0) > 0 or any(_is_cut(bucket, fields[1:]) for bucket in terms["buckets"])


def _all_groups(request: SearchRequest, fields: Sequence[str], page_size: int, most: int) -> Response:
    """Build the tree of groups as one terms aggregation below the other would have."""
    root: Response = {}
    parents: dict[Path, Response] = {(): root}
    count = 0
    for depth, field in enumerate(fields, start=1):
        found: dict[Path, Response] = {}
        for path, bucket in _pages(request, fields, depth, page_size):
            count += 1
            if count > most:
                raise TooManyBucketsError(f"There are more than {most} groups by {', '.join(fields)}.")
            if path[:-1] in parents:  # a group that came into being between two pages has no parent yet
                found[path] = bucket
                parents[path[:-1]].setdefault(field, _empty())["buckets"].append(bucket)
        for parent in parents.values():
            parent.setdefault(field, _empty())["buckets"].sort(key=_by_size)
        parents = found
    groups: Response = root[fields[0]]
    return groups


def _pages(request: SearchRequest, fields: Sequence[str], depth: int, size: int) -> Iterator[tuple[Path, Response]]:
    after = None
    while True:
        body = search_bodies.page(request.body, fields, depth, size, after)
        page = search(request.with_body(body)).get("aggregations", {}).get(search_bodies.PAGE, {})
        for bucket in page.get("buckets", []):
            path = tuple(_plain(bucket["key"][str(place)]) for place in range(depth))
            yield path, {**bucket, "key": path[-1]}
        after = page.get("after_key")
        if not after:
            return


def _plain(key: Any) -> Any:
    """Return a key as a terms aggregation gives it: booleans as 0 and 1."""
    return int(key) if isinstance(key, bool) else key


def _empty() -> Response:
    return {"buckets": [], "sum_other_doc_count": 0}


def _by_size(bucket: Mapping[str, Any]) -> tuple[int, Any]:
    return -bucket["doc_count"], bucket["key"]
