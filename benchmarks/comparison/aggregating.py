"""Aggregating: from stored events to totals, and what the totals are then."""

from typing import Any

from comparison.application import AGGREGATIONS, bench, meter
from comparison.measuring import Measure, profiled
from comparison.workload import TYPES


def aggregate(count: int | None = None, end_date: str | None = None, profile: str | None = None) -> Measure:
    """Bring the totals up to date; `count` is how many events are new."""
    run = bench.task("aggregate_events")
    with profiled(profile) as part, meter(count) as measure, part():
        run(AGGREGATIONS, end_date=end_date)
    bench.client.indices.refresh(index=f"{bench.prefix}*")
    return measure


def totals() -> Measure:
    """Return what the totals add up to, and how many bytes each takes."""
    state: dict[str, Any] = {}
    size = documents = 0
    for kind in TYPES:
        index = f"{bench.prefix}stats-{kind}-*"
        sums = {name: {"sum": {"field": name}} for name in ("count", "unique_count", "volume")}
        aggs = {**sums, "days": {"cardinality": {"field": "timestamp"}}}
        body = {"size": 0, "track_total_hits": True, "aggs": aggs}
        answer = bench.client.search(index=index, body=body)
        values = {name: round(found["value"], 3) for name, found in answer["aggregations"].items()}
        state[kind] = {"totals": answer["hits"]["total"]["value"], **values}
        sizes = bench.client.indices.stats(index=index, metric="store,docs")["_all"]["primaries"]
        size += sizes["store"]["size_in_bytes"]
        documents += sizes["docs"]["count"]
    return {"state": state, "totals": documents, "bytes_each": size / documents if documents else None}
