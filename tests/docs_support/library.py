"""A small library for the page of questions: what was used in January 2026, and by whom it is owned."""

from pathlib import Path

from flask import current_app
from invenio_db import InvenioDB

from invenio_stats import current_stats
from tests.fixtures.holdings import HOLDINGS, create_holdings
from tests.flow.queries.usage_documents import Records

FILES = {"moths-1": [("moths.csv", 2_000)], "moths-2": [("moths.csv", 3_000)], "tides-1": [("tides.zip", 9_000)]}
PARENTS = {"moths-1": "moths", "moths-2": "moths", "tides-1": "tides"}
TITLES = {"moths-1": "Counting moths", "moths-2": "Counting moths", "tides-1": "The age of tides"}
LABELS = {"moths": ["biology"], "tides": ["physics"]}
STATUS = {"moths": "open", "tides": "restricted"}


class Library(Records):
    """Knows the records, communities and users of the library; commands see all of it."""

    def __init__(self):
        super().__init__(
            PARENTS,
            owners={"moths-1": "7", "moths-2": "7", "tides-1": "8"},
            communities={"biology": "biology", "physics": "physics"},
            files=FILES,
            holdings=HOLDINGS,
        )

    def user_names(self, user_ids):
        names = {"7": "Jane Doe", "8": "Joe Bloggs"}
        return {user_id: names[user_id] for user_id in user_ids if user_id in names}

    def describe(self, item_ids):
        found = super().describe(item_ids)
        for item, metadata in found.items():
            metadata.title = TITLES[item]
        return found


def database() -> str:
    """Return the address of a database in the working directory."""
    return f"sqlite:///{Path.cwd()}/library.db"


def open_library() -> None:
    """Publish what was used, and fill the database."""
    InvenioDB(current_app._get_current_object())
    dates = {"publication_date": "2026-01", "resource_type": "dataset"}
    create_holdings(
        [
            {"record": "moths", "access_status": "open", "owner": "7", "day": "2026-01-05", "bytes": 3_000, **dates},
            {"record": "tides", "access_status": "restricted", "owner": "8", "day": "2026-02-01", **dates},
        ],
        [("moths", "biology"), ("tides", "physics")],
    )
    readers = [("DE", "search.example.com")] * 6 + [("FR", None)] * 5 + [("LU", "www.example.org")] * 2
    used = (("moths-1", "2025-12-15", 2), ("moths-1", "2026-01-10", 5), ("moths-2", "2026-01-20", 13))
    for item, day, number in (*used, ("tides-1", "2026-01-20", 2)):
        for reader, (country, referrer) in enumerate(readers[:number]):
            _publish(item, f"{day}T10:{reader:02}:00", f"reader {reader}", country, referrer)


def _publish(item: str, timestamp: str, visitor: str, country: str, referrer: str | None) -> None:
    parent = PARENTS[item]
    event = {
        **{"timestamp": timestamp, "visitor_id": visitor, "unique_session_id": f"{visitor} {timestamp[:13]}"},
        **{"country": country, "referrer": referrer, "agent_class": "browser", "is_robot": False, "is_machine": False},
        **{"item_id": item, "parent_id": parent, "labels": LABELS[parent], "access_status": STATUS[parent]},
    }
    current_stats.publish("record-view", [{**event, "record_id": item, "pid_type": "recid", "pid_value": item}])
    if int(timestamp[-5:-3]) % 2:
        ((key, size),) = FILES[item]
        about = {"bucket_id": f"bucket of {item}", "file_id": f"file of {item}", "file_key": key, "size": size}
        current_stats.publish("file-download", [{**event, **about}])
