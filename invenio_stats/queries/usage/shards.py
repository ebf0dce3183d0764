"""Ask each shard of the search engine for its largest keys, and count the keys of all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from invenio_stats.completeness.answers import keep_while_unchanged
from invenio_stats.queries.usage.ranking import ShardTop
from invenio_stats.queries.usage.sources import Source
from invenio_stats.queries.usage.sums import build_body, by_key, group_by, read_groups, read_keys
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.steps import Steps, fetch_all

EXACT_COUNT = 40_000
"""Up to here the engine counts different values of one field exactly."""


class ShardTops:
    """The largest keys of all shards of some sources by one metric and, once they were fetched, the number of keys.

    `key_count` is the number, and `is_about` tells whether it is an estimate.
    """

    def __init__(self, client: Any, sources: Sequence[Source], metric: str, sample_size: int):
        """Find the shards. A source without the metric is asked as a whole: each of its keys has 0.

        To count the keys of several sources or fields, about `sample_size` of them are fetched.
        """
        self.client = client
        self.sources = sources
        self.metric = metric
        self.sample_size = sample_size
        self.shards = [find_shards(client, source.target) if metric in source.fields else [None] for source in sources]
        self.key_count = 0
        self.is_about = False
        self._partitions = 0
        """How many parts of the keys there are, of which one is fetched to count them; 0 if they are counted."""

    @property
    def number(self) -> int:
        """The number of shards; nearly all totals of each have the same field that a list groups by."""
        return sum(map(len, self.shards))

    def fetch(self, size: int) -> Steps[list[ShardTop]]:
        """Return the largest keys of each shard, so many of each field: one step."""
        tops = [request for source, shards in self._each() for request in self._ask_for_tops(source, shards, size)]
        counts = [self._ask(source, self._count_keys(source)) for source in self.sources]
        responses = yield from fetch_all([*tops, *counts])
        aggregations = iter([response.get("aggregations", {}) for response in responses])
        found = [
            self._read_top(level.get("buckets", []), size)
            for source, shards in self._each()
            for _ in shards
            for level in read_keys(source, next(aggregations))
        ]
        levels = [level for source in self.sources for level in read_keys(source, next(aggregations))]
        self._note_counts(found, [level.get("value", 0) for level in levels])
        return found

    def _read_top(self, groups: Sequence[Mapping[str, Any]], size: int) -> ShardTop:
        return ShardTop(read_values(groups, self.metric), is_cut=len(groups) == size)

    def count(self) -> Steps[None]:
        """Count the keys, if `fetch` has not done so: one step or none."""
        if not self._partitions:
            return
        part = {"partition": 0, "num_partitions": self._partitions}
        aggs = [group_by(source, {"include": part, "size": 4 * self.sample_size}, {}) for source in self.sources]
        requests = [self._ask(source, body) for source, body in zip(self.sources, aggs, strict=True)]
        responses = yield from fetch_all([_unkept(request) for request in requests])
        keys = {
            group["key"]
            for source, response in zip(self.sources, responses, strict=True)
            for group in read_groups(source, response.get("aggregations", {}))
        }
        self.key_count, self.is_about = len(keys) * self._partitions, self._partitions > 1
        self._partitions = 0

    def _each(self) -> Iterator[tuple[Source, Sequence[tuple[str, int] | None]]]:
        return zip(self.sources, self.shards, strict=True)

    def _ask(self, source: Source, aggs: Body) -> SearchRequest:
        return SearchRequest(self.client, source.target, build_body(source.query, aggs))

    def _ask_for_tops(
        self, source: Source, shards: Sequence[tuple[str, int] | None], size: int
    ) -> Iterator[SearchRequest]:
        field = source.fields.get(self.metric)
        aggs = {self.metric: {"sum": {"field": field}}} if field else {}
        order: list[Body] = [*({name: "desc"} for name in aggs), {"_key": "asc"}]
        request = self._ask(source, group_by(source, {"size": size, "shard_size": size, "order": order}, aggs))
        for shard in shards:
            if shard is None:
                yield request
            else:
                index, number = shard
                yield SearchRequest(self.client, index, request.body, {"preference": f"_shards:{number}"})

    def _count_keys(self, source: Source) -> Body:
        return by_key(source, lambda key: {"cardinality": {"field": key, "precision_threshold": EXACT_COUNT}})

    def _note_counts(self, tops: Sequence[ShardTop], counts: Sequence[int]) -> None:
        """Note the number of keys, or how many there are at least: different fields have keys in common."""
        if not any(top.is_cut for top in tops):
            self.key_count, self.is_about = len({key for top in tops for key in top.values}), False
        elif len(counts) == 1:
            self.key_count, self.is_about = counts[0], counts[0] > EXACT_COUNT
        elif not self.key_count:
            self._partitions = -(-max(counts) // self.sample_size)


def read_values(groups: Iterable[Mapping[str, Any]], metric: str) -> dict[str, int]:
    """Return the metric of each group by its key; 0 if totals do not have it."""
    return {group["key"]: round(group[metric]["value"]) if metric in group else 0 for group in groups}


def find_shards(client: Any, alias: str) -> list[tuple[str, int]]:
    """Return index and number of each shard behind an alias; the process keeps them. None if it does not exist."""
    return keep_while_unchanged(("shards", alias), lambda: _fetch_shards(client, alias))


def _fetch_shards(client: Any, alias: str) -> list[tuple[str, int]]:
    settings = client.indices.get_settings(index=alias, name="index.number_of_shards", ignore_unavailable=True)
    return [
        (index, shard)
        for index, found in sorted(settings.items())
        for shard in range(int(found["settings"]["index"]["number_of_shards"]))
    ]


def _unkept(request: SearchRequest) -> SearchRequest:
    return SearchRequest(request.client, request.index, request.body, keeps_buckets=False)
