"""Tell the launch of a new record from an unusual day of a country, a host or a class of agents."""

from datetime import date

from invenio_stats.core.unusual_days import Series, is_new
from invenio_stats.operations.anomalies.detection import requests
from invenio_stats.operations.anomalies.detection.items import read_first_uses
from invenio_stats.operations.anomalies.detection.sources import Sources
from invenio_stats.operations.anomalies.events import find_aliases, query_of
from invenio_stats.search.client import SearchRequest, search

MAX_ITEMS = 500
"""Items that are looked at: those with the most of the uses."""


def count_new_uses(sources: Sources, series: Series, day: date) -> int:
    """Return how many of the uses on a day are of items that are new; 0 if the raw events are gone. Two requests."""
    by_item = {"items": {"terms": {"field": "item_id", "size": MAX_ITEMS}}}
    body = requests.counting(query_of(series.what, series.value, day.isoformat()), by_item)
    answer = search(SearchRequest(sources.client, find_aliases(), body))
    uses = {item["key"]: item["doc_count"] for item in requests.buckets(answer.get("aggregations", {}), "items")}
    first = read_first_uses(sources, uses)
    return sum(number for item, number in uses.items() if item in first and is_new(first[item], day))
