"""Find the most used things of a list, exactly over any number of indices, shards and keys."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.queries.usage.parameters import Position
from invenio_stats.queries.usage.ranking import Ranked, ShardTop, find_top, in_order, take
from invenio_stats.queries.usage.sources import Source
from invenio_stats.queries.usage.sums import build_body, fetch, group_by, read_groups
from invenio_stats.search import clauses
from invenio_stats.search.budget import Budget, current_budget, limited
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import Response, SearchRequest, TooManyBucketsError, search, search_all

EXACT_COUNT = 40_000
"""Up to here the engine counts different values exactly."""


class Limits(NamedTuple):
    """How much is fetched in which way."""

    top: int = 100
    """Keys of each shard that are fetched at first, or twice the rows that are wanted, if these are more."""
    deep: int = 2_000
    """A list that begins further down is read from all sums."""
    terms: int = 65_000
    """Keys in one aggregation; the engine's limit is 65,535 groups (`search.max_buckets`)."""
    page: int = 10_000
    """Keys in one page of a composite aggregation."""


class Found(NamedTuple):
    """A part of a list."""

    rows: list[Ranked]
    first_rank: int
    total: int
    """The number of all rows."""
    is_about: bool
    """Whether the engine has estimated that number."""
    has_more: bool


class Wanted(NamedTuple):
    """The part of a list that is asked for."""

    by: str
    """The metric by which the list is ordered."""
    size: int
    skipped: int = 0
    """Rows before the first one."""
    after: Position | None = None
    """The row before the first one, in place of `skipped`."""

    @property
    def depth(self) -> int:
        """The number of rows down to the last one."""
        return (self.after.rank if self.after else self.skipped) + self.size


def find_items(client: Any, sources: Sequence[Source], wanted: Wanted, limits: Limits = Limits()) -> Found:  # noqa: B008 - immutable
    """Return the wanted rows of the keys of all totals in the sources, ordered by the metric, equal ones by key."""
    if len(sources) == 1 and len(sources[0].keys) == 1 and wanted.depth <= limits.deep:
        shards = _Shards(client, sources[0], wanted.by)
        rows = find_top(wanted.depth, max(limits.top, 2 * wanted.depth), shards.fetch_tops, shards.fetch_sums)
        if rows is not None and _goes_on(rows, wanted):
            return _part(rows, wanted, shards.count)
    return _find_in_all(_all_sums(client, sources, wanted.by, limits), wanted)


def _goes_on(rows: list[Ranked], wanted: Wanted) -> bool:
    """Return False if the last row of the answer before has another rank now, because totals have changed."""
    last = wanted.after
    return last is None or rows[: last.rank][-1:] == [Ranked(last.id, last.value)]


def _part(rows: list[Ranked], wanted: Wanted, count: int) -> Found:
    first = wanted.depth - wanted.size
    is_about = count > EXACT_COUNT
    return Found(rows[first:], first + 1, max(count, len(rows)), is_about, has_more=count > wanted.depth)


def _find_in_all(sums: Iterable[Ranked], wanted: Wanted) -> Found:
    """Return the wanted rows of all sums, which are read once and not kept."""
    counter = _Counting(sums)
    if wanted.after is None:
        rows = take(wanted.depth, counter)[wanted.skipped :]
        return Found(rows, wanted.skipped + 1, counter.count, False, counter.count > wanted.depth)
    last = in_order(Ranked(wanted.after.id, wanted.after.value))
    rows = take(wanted.size + 1, (row for row in counter if in_order(row) > last))
    return Found(rows[: wanted.size], wanted.after.rank + 1, counter.count, False, len(rows) > wanted.size)


class _Counting:
    """Counts what passes."""

    def __init__(self, rows: Iterable[Ranked]):
        self.rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Ranked]:
        for row in self.rows:
            self.count += 1
            yield row


class _Shards:
    """Asks the shards of a source one by one; `count` is the number of keys, once they were asked."""

    def __init__(self, client: Any, source: Source, metric: str):
        self.client = client
        self.source = source
        self.metric = metric
        self.count = 0
        self.shards = _shards_of(client, source.target)
        (self.key,) = source.keys
        self.aggs = {metric: source.metrics()[metric]}

    def fetch_tops(self, size: int) -> Iterator[ShardTop]:
        """Yield the largest keys of each shard."""
        terms = {"size": size, "shard_size": size, "order": [{self.metric: "desc"}, {"_key": "asc"}]}
        body = build_body(self.source.query, group_by(self.source, terms, self.aggs))
        count = {"count": {"cardinality": {"field": self.key, "precision_threshold": EXACT_COUNT}}}
        requests = [
            SearchRequest(self.client, self.source.target, build_body(self.source.query, count)),
            *(
                SearchRequest(self.client, index, body, {"preference": f"_shards:{shard}"})
                for index, shard in self.shards
            ),
        ]
        counted, *tops = (response.get("aggregations", {}) for response in search_all(requests))
        self.count = counted.get("count", {}).get("value", 0)
        for top in tops:
            values = _values(read_groups(self.source, top), self.metric)
            yield ShardTop(values, is_cut=len(values) == size)

    def fetch_sums(self, keys: Collection[str]) -> Mapping[str, int]:
        """Return the sums of keys over all shards."""
        chosen = sorted(keys)
        aggs = group_by(self.source, {"include": chosen, "size": len(chosen)}, self.aggs)
        (found,) = fetch(self.client, [(self.source.of_keys(chosen), aggs)])
        return _values(read_groups(self.source, found), self.metric)


def _shards_of(client: Any, alias: str) -> list[tuple[str, int]]:
    """Return index and number of each shard behind an alias; none if it does not exist."""
    settings = client.indices.get_settings(index=alias, name="index.number_of_shards", ignore_unavailable=True)
    return [
        (index, shard)
        for index, found in sorted(settings.items())
        for shard in range(int(found["settings"]["index"]["number_of_shards"]))
    ]


def _all_sums(client: Any, sources: Sequence[Source], metric: str, limits: Limits) -> Iterable[Ranked]:
    """Return the sums of all keys; those of one source by one key are not kept in memory."""
    parts = [(source, key, missing) for source in sources for key, missing in source.groups()]
    if len(parts) == 1:
        return _sums(client, *parts[0], metric, limits)
    sums: Counter[str] = Counter()
    for part in parts:
        for row in _sums(client, *part, metric, limits):
            sums[row.key] += row.value
    return (Ranked(*item) for item in sums.items())


def _sums(
    client: Any, source: Source, key: str, missing: Sequence[Body], metric: str, limits: Limits
) -> Iterator[Ranked]:
    """Yield the sum of each key of a source: with one aggregation if the engine returns all, else page by page."""
    query = clauses.all_of([source.query, *missing])
    field = source.fields.get(metric)
    aggs = {metric: {"sum": {"field": field}}} if field else {}
    terms = {"terms": {"field": key, "size": limits.terms}, **({"aggs": aggs} if aggs else {})}
    try:
        response = _search(SearchRequest(client, source.target, build_body(query, {clauses.GROUPS: terms})))
        groups = response.get("aggregations", {}).get(clauses.GROUPS, {"buckets": []})
        if not groups.get("sum_other_doc_count"):
            yield from (Ranked(*item) for item in _values(groups["buckets"], metric).items())
            return
    except TooManyBucketsError:
        pass  # the instance's engine has a lower limit
    body: Body | None = clauses.composite(query, [clauses.by_value("key", key)], limits.page, aggs)
    while body is not None:
        response = _search(SearchRequest(client, source.target, body))
        if not response.get("aggregations"):
            return
        for group in response["aggregations"][clauses.GROUPS]["buckets"]:
            yield Ranked(group["key"]["key"], _value(group, metric))
        body = clauses.next_page(body, response)


def _search(request: SearchRequest) -> Response:
    """Send a search for groups that are read and not kept: they count in no budget but that of time."""
    budget = current_budget()
    if budget is None:
        return search(request)
    with limited(Budget(budget.seconds_left(), None)):
        return search(request)


def _values(groups: Iterable[Mapping[str, Any]], metric: str) -> dict[str, int]:
    return {group["key"]: _value(group, metric) for group in groups}


def _value(group: Mapping[str, Any], metric: str) -> int:
    return round(group[metric]["value"]) if metric in group else 0
