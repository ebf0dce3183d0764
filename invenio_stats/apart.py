"""Apart: what people's totals leave out (robots, AI agents, machines), counted by class in indices of its own."""

from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core import names
from invenio_stats.core.mappings import KEYWORD

CLASSES = ("robot", "ai", "machine")


def apart_from(aggregator: StatAggregator) -> StatAggregator:
    """Return the aggregation that counts what another leaves out: one total for each class and interval.

    Its totals are behind `stats-apart-<event>`, which the templates and aliases of people's totals do not match; its
    bookmark is `<name>-apart`. Only classes that the chain of the event type keeps can be counted.
    """
    apart = StatAggregator(
        name=f"{aggregator.name}-apart",
        event=aggregator.event,
        client=aggregator.client,
        field="agent_class",
        metric_fields={"unique_count": ("cardinality", "unique_session_id", {})},
        query_modifiers=[only_apart],
        interval=aggregator.interval,
        index_interval=aggregator.index_interval,
        fields={"agent_class": KEYWORD},
    )
    apart.index = prefix_index(names.apart_alias(aggregator.event))
    return apart


def only_apart(search: Any) -> Any:
    """Narrow a search to the events that do not count as people's."""
    return search.filter("terms", agent_class=list(CLASSES))
