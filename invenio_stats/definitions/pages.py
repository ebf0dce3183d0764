"""Find what the pages need and the configuration lacks."""

from collections.abc import Container, Iterable, Mapping

from invenio_stats.core import names
from invenio_stats.core.definitions import AggregationDefinition

_TOTALS = (names.ITEM_USAGE, names.RECORD_USAGE)
_QUERIES = tuple(
    f"{scope}-{kind}" for scope in ("repository", "community", "record", "user") for kind in ("total", "series")
)


_SEARCH = "search"
"""An event type that USAGE_AGGREGATIONS counts, and that EVENTS_CONFIG does not have."""


def find_missing_for_pages(
    events: Container[str], aggregations: Mapping[str, AggregationDefinition], queries: Iterable[str]
) -> list[str]:
    """Return the lines to add to the configuration, so that there is something to show; [] if nothing is missing."""
    missing: list[str] = []
    if not set(_TOTALS) <= {aggregation.totals_alias for aggregation in aggregations.values()}:
        if _SEARCH not in events:
            missing.append("STATS_EVENTS = {**EVENTS_CONFIG, **SEARCH_EVENTS}")
        missing.append("STATS_AGGREGATIONS = {**AGGREGATIONS_CONFIG, **USAGE_AGGREGATIONS}")
    if not set(_QUERIES) <= set(queries):
        missing.append("STATS_QUERIES = {**QUERIES_CONFIG, **USAGE_QUERIES}")
    if not missing:
        return []
    used = sorted({name for line in missing for name in line.replace("}", "").split("**")[1:]})
    imported = ", ".join(name.strip(", ") for name in used)
    return [f"from invenio_stats.contrib.config import {imported}", *missing]
