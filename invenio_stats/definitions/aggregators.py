"""Create the aggregators of configured aggregations, and those of their automated traffic."""

from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core import names
from invenio_stats.core.mappings import KEYWORD
from invenio_stats.errors import UnknownTypeError
from invenio_stats.proxies import current_stats

AUTOMATED_CLASSES = ("robot", "ai", "machine")


def make_aggregator(name: str) -> Any:
    """Return the aggregator of a configured aggregation; UnknownTypeError if no aggregation has that name."""
    definition = current_stats.aggregations.get(name)
    if definition is None:
        raise UnknownTypeError(name, "STATS_AGGREGATIONS")
    return definition.cls(name=name, **definition.params)


def make_aggregators(name: str) -> dict[str, Any]:
    """Return the aggregator of a configured aggregation by name, and after it that of its automated traffic, if any."""
    aggregator = make_aggregator(name)
    if not getattr(aggregator, "count_automated", False):
        return {name: aggregator}
    return {name: aggregator, names.automated_aggregation(name): automated_traffic(aggregator)}


def automated_traffic(aggregator: StatAggregator) -> StatAggregator:
    """Return the aggregator for the automated traffic of an aggregation: one total for each class and interval.

    Its totals are behind `stats-automated-<event>`, which the templates and aliases of people's totals do not match.
    Its bookmark is `<name>-automated`. It counts only classes that the preprocessors of the event type do not drop.
    """
    automated = StatAggregator(
        name=names.automated_aggregation(aggregator.name),
        event=aggregator.event,
        client=aggregator.client,
        field="agent_class",
        metric_fields={"unique_count": ("cardinality", "unique_session_id", {})},
        query_modifiers=[only_automated],
        interval=aggregator.interval,
        index_interval=aggregator.index_interval,
        fields={"agent_class": KEYWORD},
    )
    automated.index = prefix_index(names.automated_alias(aggregator.event))
    return automated


def only_automated(search: Any) -> Any:
    """Narrow a search to the events of automated traffic."""
    return search.filter("terms", agent_class=list(AUTOMATED_CLASSES))
