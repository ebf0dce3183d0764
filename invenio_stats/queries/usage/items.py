"""Find the most used things of a list, exactly over any number of indices, shards and keys."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.queries.usage.parameters import Position
from invenio_stats.queries.usage.ranking import Ranked, ShardTop, find_top, in_order, take
from invenio_stats.queries.usage.sources import Source
from invenio_stats.queries.usage.sums import build_body, fetch, group_by, read_groups
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest, TooManyBucketsError, search, search_all

EXACT_COUNT = 40_000
"""Up to here the engine counts different values exactly."""


class Limits(NamedTuple):
    """How much is fetched in which way."""

    few: int = 1_000
    """Up to so many keys all sums are taken at once."""
    top: int = 200
    """Keys of each shard that are fetched at first."""
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
        source = sources[0]
        count, indices = _count(client, source)
        if count > limits.few:
            rows = _find_by_shards(client, source, indices, wanted, limits)
            if rows is not None:
                return _part(rows, wanted, count, count > EXACT_COUNT)
    return _find_in_all(_all_sums(client, sources, wanted.by, limits), wanted)


def _part(rows: list[Ranked], wanted: Wanted, count: int, is_about: bool) -> Found:
    first = wanted.depth - wanted.size
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


def _count(client: Any, source: Source) -> tuple[int, list[str]]:
    """Return the number of keys, and the indices that have totals of the source."""
    key = source.keys[0]
    aggs = {
        "count": {"cardinality": {"field": key, "precision_threshold": EXACT_COUNT}},
        "indices": {"terms": {"field": "_index", "size": 10_000}},
    }
    (found,) = fetch(client, [(source, aggs)])
    indices = [group["key"] for group in found.get("indices", {}).get("buckets", [])]
    return found.get("count", {}).get("value", 0), indices


def _find_by_shards(
    client: Any, source: Source, indices: Sequence[str], wanted: Wanted, limits: Limits
) -> list[Ranked] | None:
    """Return the rows down to the last wanted one; None if only all sums tell their order."""
    shards = _shards(client, source.target, indices)
    metric = source.metrics()[wanted.by]

    def fetch_tops(size: int) -> Iterator[ShardTop]:
        terms = {"size": size, "shard_size": size, "order": [{wanted.by: "desc"}, {"_key": "asc"}]}
        body = build_body(source.query, group_by(source, terms, {wanted.by: metric}))
        requests = [SearchRequest(client, index, body, {"preference": f"_shards:{shard}"}) for index, shard in shards]
        for response in search_all(requests):
            values = _values(read_groups(source, response.get("aggregations", {})), wanted.by)
            yield ShardTop(values, is_cut=len(values) == size)

    def fetch_sums(keys: Collection[str]) -> Mapping[str, int]:
        chosen = sorted(keys)
        aggs = group_by(source, {"include": chosen, "size": len(chosen)}, {wanted.by: metric})
        (found,) = fetch(client, [(source.of_keys(chosen), aggs)])
        return _values(read_groups(source, found), wanted.by)

    rows = find_top(wanted.depth, max(limits.top, 2 * wanted.depth), fetch_tops, fetch_sums)
    if rows is None or wanted.after is None:
        return rows
    last = Ranked(wanted.after.id, wanted.after.value)
    # If totals have changed since the answer before, its last row may have another rank.
    return rows if rows[: wanted.after.rank][-1:] == [last] else None


def _shards(client: Any, alias: str, indices: Sequence[str]) -> list[tuple[str, int]]:
    """Return index and number of all shards of the indices."""
    settings = client.indices.get_settings(index=alias, name="index.number_of_shards")
    return [
        (index, shard)
        for index in indices
        if index in settings
        for shard in range(int(settings[index]["settings"]["index"]["number_of_shards"]))
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
        response = search(SearchRequest(client, source.target, build_body(query, {clauses.GROUPS: terms})))
        groups = response.get("aggregations", {}).get(clauses.GROUPS, {"buckets": []})
        if not groups.get("sum_other_doc_count"):
            yield from (Ranked(*item) for item in _values(groups["buckets"], metric).items())
            return
    except TooManyBucketsError:
        pass  # the instance's engine has a lower limit
    body: Body | None = clauses.composite(query, [clauses.by_value("key", key)], limits.page, aggs)
    while body is not None:
        response = search(SearchRequest(client, source.target, body))
        if not response.get("aggregations"):
            return
        for group in response["aggregations"][clauses.GROUPS]["buckets"]:
            yield Ranked(group["key"]["key"], _value(group, metric))
        body = clauses.next_page(body, response)


def _values(groups: Iterable[Mapping[str, Any]], metric: str) -> dict[str, int]:
    return {group["key"]: _value(group, metric) for group in groups}


def _value(group: Mapping[str, Any], metric: str) -> int:
    return round(group[metric]["value"]) if metric in group else 0
