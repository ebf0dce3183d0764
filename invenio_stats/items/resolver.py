"""Items: the record that a view or a download belongs to, with its labels and access as they are now."""

import logging
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any, NamedTuple

from flask import has_request_context, request

from invenio_stats.errors import without_text
from invenio_stats.proxies import unwrap

logger = logging.getLogger(__name__)

_KEY = "invenio_stats.items.resolver"


class Item(NamedTuple):
    """An item in COUNTER's sense, as it is at this moment."""

    item_id: str
    labels: list[str]
    """The communities it belongs to."""
    access_status: str | None = None
    """For example open, embargoed, restricted."""


Resolver = Callable[..., Item | None]
"""Finds the item: `(pid=None, record=None, obj=None, **kwargs)`, as the signal gives them."""


def item_fields(resolver: Resolver | None, **thing: Any) -> dict[str, Any]:
    """Return the event fields of the item that the signal's arguments belong to; none where it cannot be known.

    A record is looked up once per request, however many of its files are in it. A resolver that fails
    costs the event its item, and is logged.
    """
    if resolver is None:
        return {}
    try:
        item = _remembered(resolver, thing)
    except Exception as error:
        logger.error("Error resolving the item of an event", exc_info=without_text(error))
        return {}
    return {} if item is None else {key: value for key, value in item._asdict().items() if value not in (None, [])}


def _remembered(resolver: Resolver, thing: dict[str, Any]) -> Item | None:
    identity = _identity(**thing)
    if identity is None or not has_request_context():
        return resolver(**thing)
    memory: dict[Hashable, Item | None] = unwrap(request).environ.setdefault(_KEY, {})
    if identity not in memory:
        memory[identity] = resolver(**thing)
    return memory[identity]


def _identity(record: Any = None, obj: Any = None, **kwargs: Any) -> Hashable:
    if record is not None:
        return ("record", str(getattr(record, "id", None) or id(record)))
    bucket = getattr(obj, "bucket_id", None)
    return None if bucket is None else ("bucket", str(bucket))


def resolve_item(pid: Any = None, record: Any = None, obj: Any = None, **kwargs: Any) -> Item | None:
    """Find the item of plain Invenio records and of InvenioRDM records.

    The item's id is the persistent identifier of an InvenioRDM record, and the id of a plain one. A file
    without its record is traced through its bucket where invenio-records-files is installed.
    """
    record = getattr(record, "_record", record)  # a service's result wraps the record
    if record is None and obj is not None:
        record = getattr(obj, "record", None) or _record_of_bucket(getattr(obj, "bucket_id", None))
    if record is None:
        return None
    return Item(_item_id(record), _labels(record), _access_status(record))


def _record_of_bucket(bucket_id: Any) -> Any:
    found = _records_files()
    if found is None or not bucket_id:
        return None
    records, links = found
    link = links.query.filter_by(bucket_id=bucket_id).first()
    return link and records.get_record(link.record_id)


@cache
def _records_files() -> tuple[Any, Any] | None:
    """Return records, and which bucket belongs to which; None, looked for once, where that is not installed."""
    try:
        from invenio_records.api import Record
        from invenio_records_files.models import RecordsBuckets
    except ModuleNotFoundError:
        return None
    return Record, RecordsBuckets


def _item_id(record: Any) -> str:
    value = getattr(getattr(record, "pid", None), "pid_value", None)
    return str(value or getattr(record, "id", None) or record["id"])


def _labels(record: Any) -> list[str]:
    communities = getattr(getattr(record, "parent", None), "communities", None)
    if communities is not None:
        return sorted(str(one) for one in communities.ids)
    plain = _plain(record, "communities")
    return sorted(str(one) for one in plain) if isinstance(plain, list) else []


def _access_status(record: Any) -> str | None:
    status = getattr(getattr(record, "access", None), "status", None)
    if status is not None:
        return str(getattr(status, "value", status))
    plain = _plain(record, "access_status") or _plain(record, "access_right")
    return str(plain) if plain else None


def _plain(record: Any, key: str) -> Any:
    """Return a field of a record's JSON; None for what is a record in name only, such as a row or a stand-in."""
    return record.get(key) if isinstance(record, Mapping) else None
