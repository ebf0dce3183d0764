"""What was left out of the numbers, and why: from totals of automated traffic, and from the ingest counters."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timezone
from typing import Any, Literal, NamedTuple

from invenio_search import current_search_client

from invenio_stats.completeness.configured import totals_of
from invenio_stats.core import names
from invenio_stats.core.intervals import after
from invenio_stats.definitions.aggregators import AUTOMATED_CLASSES
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.proxies import current_stats
from invenio_stats.search import clauses
from invenio_stats.search.aliases import indices_of, split_for_urls, with_prefix
from invenio_stats.search.client import SearchRequest, multi_search

Kind = Literal[
    "robots", "ai_agents", "tools", "double_clicks", "objections", "not_valid", "without_item", "excluded", "own_rules"
]
"""`own_rules` are those of the instance's preprocessors; `without_item` are events that name no record; `excluded` are
events of people that a person has taken out of all numbers."""

_KINDS: Mapping[str, Kind] = {
    "robot": "robots",
    "ai": "ai_agents",
    "machine": "tools",
    "double_click": "double_clicks",
    "objection": "objections",
    "dead": "not_valid",
    "without_item": "without_item",
}
"""By class of automated traffic, and by reason of the ingest counters."""
_MISSING = ("refused", "lost")
"""Reasons of events that are missing by a fault: they are gaps."""


class Row(NamedTuple):
    """Clicks that were left out for one reason."""

    kind: Kind
    clicks: int
    share: float
    """Of all clicks, counted or not: from 0 to 1."""


class LeftOut(NamedTuple):
    """What was left out in a range of days."""

    rows: list[Row]
    """The most clicks first; without reasons of no clicks."""
    counted: int
    """Clicks that count, as totals have them."""

    @property
    def clicks(self) -> int:
        """Clicks that were left out."""
        return sum(row.clicks for row in self.rows)


def read_left_out(first: date, last: date) -> LeftOut:
    """Return what was left out from one day to another, inclusive, of all event types; asks the search engine.

    Automated traffic that is flagged and totals have the day of the click; what the ingest counters tell has the day
    on which it was processed. Event types without totals are left out.
    """
    totals = {name: sorted(aliases) for name in current_stats.event_definitions if (aliases := totals_of(name))}
    days = clauses.between(_midnight(first), after(_midnight(last), "day"))
    counted, left_out = 0, Counter[Kind]()
    for numbers in _read_totals(totals, days):
        counted += numbers.people
        left_out.update({_KINDS[agent_class]: clicks for agent_class, clicks in numbers.automated.items()})
    for line in ingest_counters.lines(current_search_client, first, last, totals):
        if line.reason not in _MISSING:
            left_out[_KINDS.get(line.reason, "own_rules")] += line.count
    counted = max(0, counted - left_out["without_item"])  # totals of things have them, those of records have not
    left_out["excluded"] += _count_excluded(totals, days)
    everything = counted + left_out.total()
    rows = [Row(kind, clicks, clicks / everything) for kind, clicks in left_out.items() if clicks]
    return LeftOut(sorted(rows, key=lambda row: (-row.clicks, row.kind)), counted)


class _Numbers(NamedTuple):
    """What the totals of one event type have."""

    people: int
    automated: Mapping[str, int]
    """By class."""


def _read_totals(totals: Mapping[str, list[str]], days: Mapping[str, Any]) -> list[_Numbers]:
    """Return the numbers of event types, whose totals are behind these aliases."""
    clicks = {"clicks": {"sum": {"field": "count"}}}
    by_class = {"classes": {"terms": {"field": "agent_class", "size": len(AUTOMATED_CLASSES)}, "aggs": clicks}}
    requests, owners = [], []
    for event_type, aliases in totals.items():
        requests.append(_request(with_prefix(names.automated_alias(event_type)), days, by_class))
        requests += [_request(alias, days, clicks) for alias in aliases]
        owners += [event_type] * (1 + len(aliases))
    answers: dict[str, list[Any]] = {}
    for event_type, request, searcher in zip(owners, requests, multi_search(requests), strict=True):
        answers.setdefault(event_type, []).append(searcher(request).get("aggregations", {}))
    return [_numbers(*found) for found in answers.values()]


def _numbers(automated: Mapping[str, Any], *people: Mapping[str, Any]) -> _Numbers:
    """Return the numbers; several aggregations of one event type count the same clicks, by different things."""
    classes = {found["key"]: int(found["clicks"]["value"]) for found in automated.get("classes", {}).get("buckets", ())}
    return _Numbers(max(int(found.get("clicks", {}).get("value") or 0) for found in people), classes)


def _request(alias: str, days: Mapping[str, Any], aggregations: Mapping[str, Any]) -> SearchRequest:
    body = {"size": 0, "track_total_hits": False, "query": days, "aggs": aggregations}
    return SearchRequest(current_search_client, alias, body)


def _count_excluded(event_types: Iterable[str], days: Mapping[str, Any]) -> int:
    """Return how many stored events would count, had nobody excluded them."""
    hidden = [{"term": {flag: True}} for flag in ("superseded", "is_robot", "is_machine")]
    query = clauses.all_of([days, {"term": {"excluded": True}}, clauses.none_of(hidden)])
    body = {"size": 0, "track_total_hits": True, "query": query}
    requests = [
        SearchRequest(current_search_client, part, body)
        for event_type in event_types
        # The alias does not show them.
        for part in split_for_urls(indices_of(current_search_client, with_prefix(names.events_alias(event_type))))
    ]
    answers = [searcher(request) for request, searcher in zip(requests, multi_search(requests), strict=True)]
    return sum(answer.get("hits", {}).get("total", {}).get("value", 0) for answer in answers)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.utc)
