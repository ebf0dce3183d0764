"""Declare the broker's queues, one for each event type."""

from invenio_stats.core import names
from invenio_stats.proxies import current_stats


def declare_queues() -> list[dict]:
    """Return the queue of each configured event type for invenio-queues."""
    return [
        {"name": names.queue(event_type), "exchange": current_stats.exchange}
        for event_type in current_stats.events_config
    ]
