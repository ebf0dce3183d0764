"""Publish three views of record 42 by two people, as its page does."""

from invenio_app.factory import create_app

from invenio_stats import current_stats

view = {
    "record_id": "7d3e",
    "pid_type": "recid",
    "pid_value": "42",
    "item_id": "42",  # for the usage of records; the signal of a page finds it by itself
    "referrer": None,
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
}
with create_app().app_context():
    current_stats.publish(
        "record-view",
        [
            {**view, "timestamp": "2026-01-30T10:00:00", "ip_address": "192.0.2.1"},
            {**view, "timestamp": "2026-01-30T10:00:05", "ip_address": "192.0.2.2"},
            {**view, "timestamp": "2026-01-30T10:20:00", "ip_address": "192.0.2.1"},
        ],
    )
