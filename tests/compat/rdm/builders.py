"""Builders of its own: no signal starts them, the resources call their emitters."""

import datetime
from types import SimpleNamespace

from flask import current_app, request

from invenio_stats import current_stats
from invenio_stats.utils import get_user


class Record(dict):
    """A record with what the builders and the item resolver read of it."""

    def __init__(self, recid: str, parent_recid: str, status: str = "open"):
        """Belong to one community."""
        super().__init__(id=recid)
        self.id = f"uuid-of-{recid}"
        self.bucket_id = f"bucket-of-{recid}"
        self.pid = SimpleNamespace(pid_type="recid", pid_value=recid)
        self.access = SimpleNamespace(status=SimpleNamespace(value=status))
        self.parent = SimpleNamespace(
            pid=SimpleNamespace(pid_value=parent_recid), communities=SimpleNamespace(ids=["bees"])
        )

    @property
    def file(self):
        """Its only file."""
        return SimpleNamespace(
            bucket_id=self.bucket_id, file_id=f"file-of-{self['id']}", key="data.csv", file=SimpleNamespace(size=100)
        )


RECORDS = {
    "r1": Record("r1", "p1"),
    "r2": Record("r2", "p1", status="restricted"),
    "r3": Record("r3", "p2"),
}


def emit(event_type: str, **thing) -> None:
    """Count a use, as the resources do: no signal, with the proxy."""
    current_stats.get_event_emitter(event_type)(current_app, **thing)


def build_record(event, sender_app, record=None, via_api=False, **kwargs):
    """Describe the use of a record."""
    event.update(
        timestamp=datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat(),
        recid=record["id"],
        parent_recid=record.parent.pid.pid_value,
        via_api=via_api,
        referrer=request.referrer,
        **get_user(),
    )
    return event


def build_file(event, sender_app, obj=None, **kwargs):
    """Add the file."""
    event.update(bucket_id=str(obj.bucket_id), file_id=str(obj.file_id), file_key=obj.key, size=obj.file.size)
    return event


def drop_if_via_api(event, sender_app, via_api=False, **kwargs):
    """Count no view by a program."""
    return None if via_api else event


def build_record_unique_id(doc):
    """Set what makes two views views of the same record."""
    doc["unique_id"] = f"ui_{doc['recid']}"
    return doc
