"""Sum metrics over sources: by ranges of days, and by the keys of lists."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from invenio_stats.core.moments import iso, parse
from invenio_stats.core.periods import Days
from invenio_stats.queries.usage.sources import METRICS, Source, moment
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.steps import Steps, fetch_all

Numbers = dict[str, int]
"""A number for each metric."""

RANGES = "ranges"


def no_use() -> Numbers:
    """Return all metrics, each 0."""
    return dict.fromkeys(METRICS, 0)


def add_up(counted: Sequence[Numbers]) -> Numbers:
    """Return the sum of each metric; 0 for none."""
    return {metric: sum(numbers[metric] for numbers in counted) for metric in METRICS}


def fetch(client: Any, asked: Sequence[tuple[Source, Body]]) -> Steps[list[Mapping[str, Any]]]:
    """Return the aggregations over several sources, in one step; empty where there are no totals."""
    requests = [SearchRequest(client, source.target, build_body(source.query, aggs)) for source, aggs in asked]
    responses = yield from fetch_all(requests)
    return [response.get("aggregations", {}) for response in responses]


def fetch_ranges(client: Any, asked: Sequence[tuple[Sequence[Source], Sequence[Days]]]) -> Steps[list[list[Numbers]]]:
    """Return the numbers of each range of days, for several lists of sources and their ranges, in one step."""
    searches = [(source, _by_ranges(source, ranges)) for sources, ranges in asked for source in sources]
    responses = iter((yield from fetch(client, searches)))
    found = []
    for sources, ranges in asked:
        numbers = [no_use() for _ in ranges]
        for source in sources:
            _add_ranges(numbers, next(responses), source)
        found.append(numbers)
    return found


def fetch_keys(client: Any, sources: Sequence[Source], keys: Collection[str]) -> Steps[dict[str, Numbers]]:
    """Return the numbers of each key, in one step."""
    found = {key: no_use() for key in keys}
    for source, group in (yield from _fetch_groups(client, sources, keys, lambda source: source.metrics())):
        add_metrics(found[group["key"]], group, source)
    return found


def fetch_keys_by_ranges(
    client: Any, sources: Sequence[Source], keys: Collection[str], ranges: Sequence[Days]
) -> Steps[dict[str, list[Numbers]]]:
    """Return the numbers of each key in each range of days, in one step."""
    found = {key: [no_use() for _ in ranges] for key in keys}
    groups = yield from _fetch_groups(client, sources, keys, lambda source: _by_ranges(source, ranges))
    for source, group in groups:
        _add_ranges(found[group["key"]], group, source)
    return found


def fetch_first_days(client: Any, sources: Sequence[Source], keys: Collection[str]) -> Steps[dict[str, date]]:
    """Return the day of the oldest total of each key that has one, in one step."""
    oldest = {"oldest": {"min": {"field": "timestamp", "format": clauses.DATE_FORMAT}}}
    groups = yield from _fetch_groups(client, sources, keys, lambda source: oldest)
    found: dict[str, date] = {}
    for _source, group in groups:
        day = parse(group["oldest"]["value_as_string"]).date()
        found[group["key"]] = min(day, found.get(group["key"], day))
    return found


def build_body(query: Body, aggs: Body) -> Body:
    """Return the body of a search for aggregations only."""
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggs}


def group_by(source: Source, terms: Mapping[str, Any], aggs: Body) -> Body:
    """Return the aggregations that group a source's totals by its keys; `terms` are options of each."""
    return by_key(source, lambda key: {"terms": {"field": key, **terms}, "aggs": aggs})


def by_key(source: Source, build: Callable[[str], Body]) -> Body:
    """Return an aggregation for each field that a source is grouped by, over the totals that it counts for."""
    return {
        key: {"filter": clauses.all_of(missing), "aggs": {clauses.GROUPS: build(key)}} if missing else build(key)
        for key, missing in source.groups()
    }


def read_keys(source: Source, found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what was found by each aggregation of `by_key`; nothing, if there are no totals."""
    for key in source.keys:
        level = found.get(key, {})
        yield level.get(clauses.GROUPS, level)


def read_groups(source: Source, found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the groups of all keys in the aggregations of `group_by`."""
    for groups in read_keys(source, found):
        yield from groups.get("buckets", [])


def add_metrics(numbers: Numbers, group: Mapping[str, Any], source: Source) -> None:
    """Add the metrics of a group of a response to the numbers."""
    for metric in source.fields:
        if metric in group:
            numbers[metric] = numbers.get(metric, 0) + round(group[metric]["value"])


def _fetch_groups(
    client: Any, sources: Sequence[Source], keys: Collection[str], build_aggs: Callable[[Source], Body]
) -> Steps[list[tuple[Source, Mapping[str, Any]]]]:
    """Return the groups of the given keys, each with its source."""
    chosen = sorted(keys)
    searches = [
        (source.of_keys(chosen), group_by(source, {"include": chosen, "size": len(chosen)}, build_aggs(source)))
        for source in (sources if chosen else ())
    ]
    responses = yield from fetch(client, searches)
    return [
        (source, group)
        for (source, _), found in zip(searches, responses, strict=True)
        for group in read_groups(source, found)
    ]


def _by_ranges(source: Source, ranges: Sequence[Days]) -> Body:
    edges = [
        {"key": str(position), "from": iso(moment(days.first)), "to": iso(moment(days.end))}
        for position, days in enumerate(ranges)
    ]
    histogram = {"field": "timestamp", "format": clauses.DATE_FORMAT, "keyed": True, "ranges": edges}
    return {RANGES: {"date_range": histogram, "aggs": source.metrics()}}


def _add_ranges(numbers: Sequence[Numbers], level: Mapping[str, Any], source: Source) -> None:
    for position, group in level.get(RANGES, {}).get("buckets", {}).items():
        add_metrics(numbers[int(position)], group, source)
