"""Read the events of each class of automated traffic on a day, and before."""

from collections import Counter
from datetime import date

from invenio_stats.core import names
from invenio_stats.core.unusual_days import HISTORY, Series
from invenio_stats.definitions.aggregators import AUTOMATED_CLASSES
from invenio_stats.operations.anomalies.detection import requests
from invenio_stats.operations.anomalies.detection.sources import Sources
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import with_prefix
from invenio_stats.search.client import SearchRequest, multi_search

_COUNT = ("count",)


def read_classes(sources: Sources, day: date) -> list[Series]:
    """Return robots, AI agents and machines, of all event types together; two requests.

    Events that are flagged have the day of the click, and those that were dropped the day on which they were processed.
    """
    days = {known: Counter[date]() for known in AUTOMATED_CLASSES}
    first_day = day - HISTORY
    by_class = {
        "classes": {
            "terms": {"field": "agent_class", "size": len(AUTOMATED_CLASSES)},
            "aggs": requests.by_day({"count": {"sum": {"field": "count"}}}),
        }
    }
    body = requests.counting(requests.from_to(first_day, day), by_class)
    aliases = [with_prefix(names.automated_alias(name)) for name in current_stats.event_definitions]
    wanted = [SearchRequest(sources.client, alias, body) for alias in aliases]
    for searcher, request in zip(multi_search(wanted), wanted, strict=True):
        for found in requests.buckets(searcher(request).get("aggregations", {}), "classes"):
            days[found["key"]].update(requests.read_days(found, _COUNT))
    for line in ingest_counters.lines(sources.client, first_day, day):
        if line.reason in days:
            days[line.reason][line.day] += line.count
    return [
        Series("agent_class", known, counts[day], counts, min(counts, default=None)) for known, counts in days.items()
    ]
