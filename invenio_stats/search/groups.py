"""Read all groups of a composite aggregation, page by page: exact for any number of groups, in bounded memory."""

from collections.abc import Iterator

from invenio_stats.search.clauses import GROUPS, Body, Group, next_page
from invenio_stats.search.client import SearchRequest, search


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
