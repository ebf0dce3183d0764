"""Find the record of a page or file, and provide its item for the statistics."""

from typing import Any
from uuid import UUID

from invenio_pidstore.errors import PIDDoesNotExistError
from invenio_pidstore.models import PersistentIdentifier
from invenio_records.api import Record

from invenio_stats.items.resolver import Item

BUCKET = "bucket"
"""Type of the identifiers that lead from a bucket to its record."""


def record_of_bucket(bucket_id: UUID | str) -> Record | None:
    """Return the record whose files are in a bucket."""
    try:
        identifier = PersistentIdentifier.get(BUCKET, str(bucket_id))
    except PIDDoesNotExistError:
        return None
    return Record.get_record(identifier.object_uuid)


def resolve_item(pid: Any = None, record: Any = None, obj: Any = None, **kwargs: Any) -> Item | None:
    """Tell statistics the record, its communities, its access status and its parent at this moment."""
    if record is None and obj is not None:
        record = record_of_bucket(obj.bucket_id)
    return record and Item(record["id"], record["communities"], record["access_status"], record["parent"])
