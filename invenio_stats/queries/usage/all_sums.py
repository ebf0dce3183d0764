"""Find the largest sums in all sums: what a list costs whose order nothing less proves."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from invenio_stats.queries.usage.ranking import Ranked, in_order, take
from invenio_stats.queries.usage.shards import read_values
from invenio_stats.queries.usage.sources import Source
from invenio_stats.queries.usage.sums import build_body
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest, TooManyBucketsError
from invenio_stats.search.steps import Steps, fetch_all, together

Add = Callable[[Iterable[Ranked]], None]
"""Takes some of the sums."""


class Largest:
    """The first rows in order of those that were added, and the number of all; others are not kept."""

    def __init__(self, wanted: int, after: Ranked | None = None):
        """Keep so many rows: the first ones, or those that follow the row `after`."""
        self.count = 0
        self._wanted = wanted
        self._after = None if after is None else in_order(after)
        self._rows: list[Ranked] = []

    def add(self, rows: Iterable[Ranked]) -> None:
        """Take some more rows."""
        for row in rows:
            self.count += 1
            if self._after is None or in_order(row) > self._after:
                self._rows.append(row)
        if len(self._rows) > 2 * self._wanted:
            self._rows = take(self._wanted, self._rows)

    def rows(self) -> list[Ranked]:
        """Return the rows, in order."""
        return take(self._wanted, self._rows)


def fetch_all_sums(client: Any, sources: Sequence[Source], metric: str, terms: int, page: int, add: Add) -> Steps[None]:
    """Add the sum of each key in the sources; only if there are several sources or fields, all are in memory at once.

    Up to so many `terms` are fetched with one aggregation, others page by page.
    """
    parts = [(source, key, missing) for source in sources for key, missing in source.groups()]
    if len(parts) == 1:
        yield from _fetch_sums(client, *parts[0], metric, terms, page, add)
        return
    sums: Counter[str] = Counter()

    def add_up(rows: Iterable[Ranked]) -> None:
        for row in rows:
            sums[row.key] += row.value

    yield from together([_fetch_sums(client, *part, metric, terms, page, add_up) for part in parts])
    add(Ranked(*item) for item in sums.items())


def _fetch_sums(
    client: Any, source: Source, key: str, missing: Sequence[Body], metric: str, terms: int, page: int, add: Add
) -> Steps[None]:
    """Add the sum of each key of a source: with one aggregation if the engine returns all, else page by page."""
    query = clauses.all_of([source.query, *missing])
    field = source.fields.get(metric)
    sums = {metric: {"sum": {"field": field}}} if field else {}
    everything = {clauses.GROUPS: {"terms": {"field": key, "size": terms}, **({"aggs": sums} if sums else {})}}
    try:
        # Groups that are read and not kept count in no budget but that of time.
        request = SearchRequest(client, source.target, build_body(query, everything), keeps_buckets=False)
        (response,) = yield from fetch_all([request])
        groups = response.get("aggregations", {}).get(clauses.GROUPS, {"buckets": []})
        if not groups.get("sum_other_doc_count"):
            add(Ranked(*item) for item in read_values(groups["buckets"], metric).items())
            return
    except TooManyBucketsError:
        pass  # the instance's engine has a lower limit
    body: Body | None = clauses.composite(query, [clauses.by_value("key", key)], page, sums)
    while body is not None:
        (response,) = yield from fetch_all([request.with_body(body)])
        if not response.get("aggregations"):
            return
        buckets = response["aggregations"][clauses.GROUPS]["buckets"]
        add(Ranked(*item) for item in read_values(({**group, **group["key"]} for group in buckets), metric).items())
        body = clauses.next_page(body, response)
