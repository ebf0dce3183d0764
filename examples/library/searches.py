"""Declare an event type of the instance's own, from the signal to the query."""

from typing import Any

from blinker import signal

from invenio_stats.core.events import Event
from invenio_stats.declare import event_type, stamp, sum_of

search_sent = signal("search-sent")
"""Sent by the search page, with `query` and the number of `hits`."""


def search_event_builder(event: Event, sender_app: Any, query: str = "", hits: int = 0, **kwargs: Any) -> Event:
    """Describe one search."""
    event.update(query=query, hits=hits, **stamp())
    return event


search_made = event_type(
    "search-made",
    signal=search_sent,
    builders=[search_event_builder],
    unique_id="{query}",
    keep=["query"],
    metrics={"hits": sum_of("hits")},
)
