"""Publish use of the past, as whoever imports logs would: it waits for the worker like any other."""

from datetime import datetime, timezone
from typing import Any

from invenio_stats.proxies import current_stats

INSTITUTIONS = {"DE": "physics", "FR": "university"}
"""Customer of STATS_COUNTER_CUSTOMERS whose readers the visitors from a country are."""


def publish_past(used: list[dict[str, Any]], records: list[dict[str, Any]]) -> None:
    """Publish acts of use, all of a kind at once."""
    by_thing = {record[key]: record for record in records for key in ("id", "bucket")}
    for event_type, kind in (("record-view", "record"), ("file-download", "file")):
        events = [_event(use, by_thing[use["thing"][1]]) for use in used if use["thing"][0] == kind]
        current_stats.publish(event_type, events)


def _event(use: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return an event without personal data: its visitor has a key already."""
    is_robot = use["agency"] == "robots"
    moment = datetime.fromtimestamp(use["time"], timezone.utc)
    event = {
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}",
        "visitor_id": use["visitor"],
        "unique_session_id": use["visitor"],
        "country": use["country"],
        "institution": INSTITUTIONS.get(use["country"]),
        "referrer": use["host"],
        "agent_class": "robot" if is_robot else "browser",
        "is_robot": is_robot,
        "is_machine": False,
        "item_id": record["id"],
        "parent_id": record["parent"],
        "labels": record["communities"],
        "access_status": record["access_status"],
    }
    if use["thing"][0] == "record":
        return {**event, "record_id": record["uuid"], "pid_type": "recid", "pid_value": record["id"]}
    file = next(file for file in record["files"] if file["key"] == use["thing"][2])
    about = {"bucket_id": record["bucket"], "file_key": file["key"], "file_id": file["id"], "size": file["size"]}
    return {**event, **about}
