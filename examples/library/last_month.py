"""Publish some use of the month before, as if a log had been imported: breakdowns are for whole months only."""

from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

from invenio_stats.proxies import current_stats

VISITORS = {"DE": 12, "FR": 8, None: 6, "LU": 3, "IS": 2}
"""Visitors of each day by country; None: not known."""
HOSTS = ("www.example.org", "search.example.com", None)
DAYS = (5, 12)
VIEWED = 3
"""Records that are used: the first ones."""


def publish_last_month(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Publish views and downloads of the month before; return each as its thing, visitor, time, country and host."""
    today = datetime.now(timezone.utc).replace(hour=10, minute=0, second=0, microsecond=0)
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    used = []
    for day, (country, visitors) in product(DAYS, VISITORS.items()):
        for number in range(visitors):
            visitor = f"{month:%Y-%m}-{day}-{country}-{number}"
            moment = month.replace(day=day) + timedelta(minutes=number)
            about = {"visitor": visitor, "time": moment.timestamp(), "country": country}
            about["host"] = HOSTS[number % len(HOSTS)]
            record = records[number % VIEWED]
            used.append({**about, "thing": ["record", record["id"]]})
            if number % 2:
                used.append({**about, "thing": ["file", record["bucket"], record["files"][0]["key"]]})
    _publish(used, {record["id"]: record for record in records} | {record["bucket"]: record for record in records})
    return used


def _publish(used: list[dict[str, Any]], records: dict[str, dict[str, Any]]) -> None:
    for event_type, kind in (("record-view", "record"), ("file-download", "file")):
        events = [_event(use, records[use["thing"][1]]) for use in used if use["thing"][0] == kind]
        current_stats.publish(event_type, events)


def _event(use: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return an event without personal data: its visitor has a key already."""
    moment = datetime.fromtimestamp(use["time"], timezone.utc)
    event = {
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}",
        "visitor_id": use["visitor"],
        "unique_session_id": use["visitor"],
        "country": use["country"],
        "referrer": use["host"],
        "agent_class": "browser",
        "is_robot": False,
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
