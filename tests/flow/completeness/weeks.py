"""Eight weeks of record views, the last day of which is silent."""

from datetime import date, timedelta

from invenio_search.engine import search

EVENT = "record-view"
DAY = date(2026, 3, 18)
"""A Wednesday without events."""

PER_DAY = 20


def fill(raw, last=date(2026, 3, 19), days=60, silent=(DAY,), **fields):
    """Store twenty events of each day but the silent ones; each is one record's, with these fields."""
    events = [
        (last - timedelta(days=number), event)
        for number in range(days)
        for event in range(PER_DAY)
        if last - timedelta(days=number) not in silent
    ]
    actions = [
        {
            "_index": f"{raw.prefix}events-stats-{EVENT}-{day:%Y-%m}",
            "_id": f"{day}-{event}",
            "timestamp": f"{day}T10:00:00",
            "unique_id": "recid_1",
            "unique_session_id": str(event),
            "updated_timestamp": raw.clock.now.isoformat(),
            **fields,
        }
        for day, event in events
    ]
    search.helpers.bulk(raw.client, actions, refresh=True)
