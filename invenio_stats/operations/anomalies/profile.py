"""Show what the uses of an unusual day consist of, so that a person can decide."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.operations.anomalies.events import find_aliases, query_of
from invenio_stats.privacy.user_agents.catalog import read_texts
from invenio_stats.search.client import SearchRequest, search

VALUES_SHOWN = 5
"""Of items, countries, hosts and user agents: the most frequent."""

_FIELDS = {
    "items": "item_id",
    "countries": "country",
    "hosts": "referrer",
    "agent_classes": "agent_class",
    "agents": "agent_id",
}


class Profile(NamedTuple):
    """The raw events behind an unusual day."""

    events: int
    """0 if they are gone."""
    visitors: int
    """Different visitors, about."""
    parts: Mapping[str, Mapping[str, int]]
    """Number of events by value: of items, countries, hosts, agent_classes and agents."""
    hours: Sequence[int]
    """Number of events in each hour of the day, in UTC."""


def read_profile(client: Any, anomaly: Anomaly) -> Profile:
    """Return what makes up the uses of a day; two requests."""
    ranked = {name: {"terms": {"field": field, "size": VALUES_SHOWN}} for name, field in _FIELDS.items()}
    hours = {"date_histogram": {"field": "timestamp", "calendar_interval": "hour", "format": "H"}}
    visitors = {"cardinality": {"field": "visitor_id"}}
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": query_of(anomaly.what, anomaly.value, anomaly.period),
        "aggs": {**ranked, "hours": hours, "visitors": visitors},
    }
    answer = search(SearchRequest(client, find_aliases(), body))
    found = answer.get("aggregations", {})
    parts = {name: _numbers(found, name) for name in _FIELDS}
    texts = read_texts(client, sorted(parts["agents"]))
    parts["agents"] = {texts.get(agent, agent): number for agent, number in parts["agents"].items()}
    by_hour = {int(bucket["key_as_string"]): bucket["doc_count"] for bucket in _buckets(found, "hours")}
    return Profile(
        answer["hits"]["total"]["value"],
        int(found.get("visitors", {}).get("value") or 0),
        parts,
        [by_hour.get(hour, 0) for hour in range(24)],
    )


def _numbers(found: Mapping[str, Any], name: str) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in _buckets(found, name)}


def _buckets(found: Mapping[str, Any], name: str) -> list[Any]:
    buckets: list[Any] = found.get(name, {}).get("buckets", [])
    return buckets
