"""Find the record that a view or download belongs to, with its parent, labels and access status at this moment."""

import logging
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from flask import has_request_context, request

from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import unwrap

logger = logging.getLogger(__name__)

_KEY = "invenio_stats.items.resolver"


class Item(NamedTuple):
    """An item in COUNTER's sense, with its current properties."""

    item_id: str
    labels: list[str]
    """Ids of the communities that the item belongs to."""
    access_status: str | None = None
    """For example open, embargoed or restricted; None if not known."""
    parent_id: str | None = None
    """What all versions of the item belong to; None if it has no versions, and is its own parent."""


Resolver = Callable[..., Item | None]
"""Returns the item, or None if not known; called with a signal's arguments `(pid=None, record=None, obj=None, ...)`."""


def item_fields(resolver: Resolver | None, **thing: Any) -> dict[str, Any]:
    """Return the event fields of the item of a signal's arguments; empty if the item is not known.

    A record is resolved once in a request, even if events concern several of its files. If the resolver fails, the
    error is logged and the event has no item.
    """
    if resolver is None:
        return {}
    try:
        item = _resolve_once(resolver, thing)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("Error resolving the item of an event", exc_info=without_text(error))
        return {}
    if item is None:
        return {}
    known = {name: value for name, value in item._asdict().items() if value not in (None, [])}
    return {"parent_id": item.item_id, **known}


def _resolve_once(resolver: Resolver, thing: dict[str, Any]) -> Item | None:
    identity = _identity(**thing)
    if identity is None or not has_request_context():
        return resolver(**thing)
    resolved: dict[Hashable, Item | None] = unwrap(request).environ.setdefault(_KEY, {})
    if identity not in resolved:
        resolved[identity] = resolver(**thing)
    return resolved[identity]


def _identity(record: Any = None, obj: Any = None, **kwargs: Any) -> Hashable:
    if record is not None:
        return ("record", str(getattr(record, "id", None) or id(record)))
    bucket = getattr(obj, "bucket_id", None)
    return None if bucket is None else ("bucket", str(bucket))


def resolve_item(pid: Any = None, record: Any = None, obj: Any = None, **kwargs: Any) -> Item | None:
    """Return the item of a plain Invenio record or of an InvenioRDM record; None if there is no record.

    The item's id is the persistent identifier of an InvenioRDM record, or the id of a plain one; the parent's is that
    of the InvenioRDM record's parent. A file without its record is resolved by its bucket if invenio-records-files is
    installed.
    """
    record = getattr(record, "_record", record)  # the result item of a service wraps the record
    if record is None and obj is not None:
        record = getattr(obj, "record", None) or _record_of_bucket(getattr(obj, "bucket_id", None))
    if record is None:
        return None
    return Item(_item_id(record), _labels(record), _access_status(record), _pid_value(getattr(record, "parent", None)))


def _record_of_bucket(bucket_id: Any) -> Any:
    models = _records_files()
    if models is None or not bucket_id:
        return None
    records, links = models
    link = links.query.filter_by(bucket_id=bucket_id).first()
    return link and records.get_record(link.record_id)


@cache
def _records_files() -> tuple[Any, Any] | None:
    """Return the classes of records and of their links to buckets; None if invenio-records-files is not installed."""
    try:
        from invenio_records.api import Record
        from invenio_records_files.models import RecordsBuckets
    except ModuleNotFoundError:
        return None
    return Record, RecordsBuckets


def _item_id(record: Any) -> str:
    return _pid_value(record) or str(getattr(record, "id", None) or record["id"])


def _pid_value(record: Any) -> str | None:
    value = getattr(getattr(record, "pid", None), "pid_value", None)
    return str(value) if value else None


def _labels(record: Any) -> list[str]:
    communities = getattr(getattr(record, "parent", None), "communities", None)
    if communities is not None:
        return sorted(str(community_id) for community_id in communities.ids)
    plain = _plain(record, "communities")
    return sorted(str(community_id) for community_id in plain) if isinstance(plain, list) else []


def _access_status(record: Any) -> str | None:
    status = getattr(getattr(record, "access", None), "status", None)
    if status is not None:
        return str(getattr(status, "value", status))
    plain = _plain(record, "access_status") or _plain(record, "access_right")
    return str(plain) if plain else None


def _plain(record: Any, key: str) -> Any:
    """Return a field of a record's JSON; None if the record is not a mapping, for example a database row."""
    return record.get(key) if isinstance(record, Mapping) else None
