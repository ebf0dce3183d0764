"""Which aggregations count which event types, and where their totals are, as configured."""

from contextlib import suppress

from invenio_stats.core import names
from invenio_stats.core.definitions import AggregationDefinition
from invenio_stats.core.intervals import INTERVALS, Interval
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases


def event_types_of(aggregation: str) -> tuple[str, ...]:
    """Return the event types that an aggregation counts; none if it is not configured."""
    definition = current_stats.aggregations.get(aggregation)
    return () if definition is None else definition.event_types


def totals_alias_of(aggregation: str) -> str | None:
    """Return the alias of an aggregation's totals; None if it is not configured, or its class is foreign."""
    definition = current_stats.aggregations.get(aggregation)
    alias = None if definition is None else definition.totals_alias
    return None if alias is None else aliases.with_prefix(alias)


def known_event_types() -> list[str]:
    """Return the event types that may have indices: all that are configured or named by an aggregation."""
    aggregated = (event for definition in current_stats.aggregations.values() for event in definition.event_types)
    return list(dict.fromkeys([*current_stats.event_definitions, *aggregated]))


def aggregations_of(event_type: str) -> list[str]:
    """Return the names of the aggregations that count an event type."""
    return [name for name in current_stats.aggregations if event_type in event_types_of(name)]


def totals_of(event: str) -> dict[str, Interval]:
    """Return the aliases of the totals of an event type, each with the longest interval that they are made for."""
    found: dict[str, Interval] = {}
    for name, definition in current_stats.aggregations.items():
        if definition.params.get("event") != event:
            continue
        with suppress(Exception):  # a class of somebody's own; its runs will say what is wrong
            alias, interval = _alias_and_interval(name, definition)
            found[alias] = max(interval, found.get(alias, "hour"), key=INTERVALS.index)
    return found


def _alias_and_interval(name: str, definition: AggregationDefinition) -> tuple[str, Interval]:
    """Return the alias of an aggregation's totals and their interval; a foreign class is asked through an object."""
    if definition.totals_alias is not None and definition.interval is not None:
        return aliases.with_prefix(definition.totals_alias), definition.interval
    aggregator = definition.cls(name=name, **definition.params)
    alias = getattr(aggregator, "index", None) or names.totals_alias(definition.params["event"])
    return aliases.with_prefix(alias), getattr(aggregator, "interval", "day")
