"""Find the raw events behind an unusual day: those of people that count."""

from datetime import timedelta
from typing import Any

from invenio_stats.core import mappings, names
from invenio_stats.core.moments import parse
from invenio_stats.core.unusual_days import What
from invenio_stats.core.usage_fields import ITEM_KEYS
from invenio_stats.proxies import current_stats
from invenio_stats.search import clauses
from invenio_stats.search.aliases import with_prefix
from invenio_stats.search.clauses import Body
from invenio_stats.totals.usage import RECORD_USAGE

PEOPLE = "people"
"""The class of agents that counts; the others are those of automated traffic."""


def find_aliases() -> str:
    """Return the aliases of the raw events that item usage counts, as one name for a search."""
    configured = {definition.totals_alias: definition for definition in current_stats.aggregations.values()}
    found = []
    for name in configured[names.ITEM_USAGE].event_types if names.ITEM_USAGE in configured else ():
        definition: Any = current_stats.event_definitions.get(name)
        prefix = names.EVENTS_PREFIX if definition is None else definition.params.get("prefix", names.EVENTS_PREFIX)
        found.append(with_prefix(names.events_alias(name, prefix)))
    return ",".join(found)


def query_of(what: What, value: str, day: str) -> Body:
    """Return the query for the events of a day, '2026-05-02', that make up a number."""
    start = parse(day)
    within = clauses.between(start, start + timedelta(days=1))
    if what == "agent_class" and value != PEOPLE:
        return clauses.all_of([within, {"term": {"agent_class": value}}])
    return clauses.all_of([within, mappings.NOT_HIDDEN, RECORD_USAGE.counted, *_narrow(what, value)])


def _narrow(what: What, value: str) -> list[Body]:
    if what == "item":
        item, record = ({"term": {field: value}} for field in ITEM_KEYS)
        without = clauses.none_of([{"exists": {"field": ITEM_KEYS[0]}}])
        return [clauses.any_of([item, clauses.all_of([record, without])])]
    if what in ("country", "referrer"):
        return [{"term": {what: value}} if value else clauses.none_of([{"exists": {"field": what}}])]
    return []
