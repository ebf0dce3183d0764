"""Process events from the queue into their indices, and from there into totals."""

from typing import Any

from comparison.application import AGGREGATIONS, bench, meter
from comparison.measuring import Measure, profiled
from comparison.workload import TYPES, by_type


class _Nothing:
    """A queue that is empty."""

    def __init__(self, kind: str):
        self.routing_key = f"stats-{kind}"

    def consume(self) -> Any:
        return iter(())


def consume(count: int, profile: str | None = None) -> Measure:
    """Store what waits on the queues: so many events."""
    with profiled(profile) as part, meter(count) as measure, part():
        bench.process()
    measure["left"] = bench.depth()
    return measure


def preprocess(path: str, count: int, profile: str | None = None) -> Measure:
    """Run the preprocessors on events as a worker gets them; then on raw ones, pseudonymization included."""
    for kind, raw in by_type(path, count).items():
        bench.stats.publish(kind, raw)
    measure = _run(bench.taken(count), profile)
    return {**measure, "from_raw": _run(by_type(path, count), None)}


def stored() -> Measure:
    """Return what the event indices hold: documents, those of robots and machines, with a country, things, bytes."""
    bench.client.indices.refresh(index=f"{bench.prefix}*")
    state: dict[str, Any] = {}
    size = documents = 0
    for kind in TYPES:
        index = f"{bench.prefix}events-stats-{kind}-*"
        others = {"bool": {"should": [{"term": {"is_robot": True}}, {"term": {"is_machine": True}}]}}
        aggs = {
            "others": {"filter": others},
            "countries": {"filter": {"exists": {"field": "country"}}},
            "things": {"cardinality": {"field": "unique_id", "precision_threshold": 40000}},
        }
        body = {"size": 0, "track_total_hits": True, "aggs": aggs}
        answer = bench.client.search(index=index, body=body)
        found = answer["aggregations"]
        state[kind] = {
            "documents": answer["hits"]["total"]["value"],
            "robots and machines": found["others"]["doc_count"],
            "with a country": found["countries"]["doc_count"],
            "things": found["things"]["value"],
        }
        sizes = bench.client.indices.stats(index=index, metric="store,docs")["_all"]["primaries"]
        size += sizes["store"]["size_in_bytes"]
        documents += sizes["docs"]["count"]
    return {"state": state, "bytes_each": size / documents if documents else None}


def merged(start: str) -> Measure:
    """Merge each index of events or totals, whose names begin so, to one segment; return the bytes of a document."""
    index = ",".join(f"{bench.prefix}{start}stats-{kind}-*" for kind in TYPES)
    bench.client.indices.forcemerge(index=index, max_num_segments=1, flush=True, request_timeout=600)
    bench.client.indices.refresh(index=index)
    sizes = bench.client.indices.stats(index=index, metric="store,docs")["_all"]["primaries"]
    documents = sizes["docs"]["count"]
    return {"documents": documents, "bytes_each": sizes["store"]["size_in_bytes"] / documents}


def message_bytes(path: str, count: int) -> Measure:
    """Return how long the messages of events are that come alone."""
    for kind, raw in by_type(path, count).items():
        for event in raw:
            bench.stats.publish(kind, [event])
    bodies = [message.body for kind in TYPES for message in bench.stats.consume(kind, payload=False)]
    return {"bytes_each": sum(len(body) for body in bodies) / len(bodies)}


def _run(events: dict[str, list[dict[str, Any]]], profile: str | None) -> Measure:
    chains = {}
    for kind in TYPES:
        definition = bench.stats.events[kind]
        chains[kind] = definition.cls(**{**definition.params, "queue": _Nothing(kind)}).preprocessors
    kept = 0
    with profiled(profile) as part, meter(sum(map(len, events.values()))) as measure, part():
        for kind, chain in chains.items():
            for event in events[kind]:
                doc: Any = event
                for preprocessor in chain:
                    doc = preprocessor(doc)
                    if doc is None:
                        break
                else:
                    kept += 1
    measure["kept"] = kept
    return measure


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
