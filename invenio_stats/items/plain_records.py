"""Load plain Invenio records by the ids that statistics use."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app

from invenio_stats.items.resolver import Item
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import current_stats

logger = logging.getLogger(__name__)

T = TypeVar("T")


def load_records(ids: Sequence[str], pid_type: str) -> dict[str, Any]:
    """Return not deleted records by their ids, in two statements at most.

    An id is the record's UUID, or the value of a registered persistent identifier of this type.
    """
    uuids = {asked: uuid for asked in ids if (uuid := _as_uuid(asked))}
    values = [asked for asked in ids if asked not in uuids]
    if values:
        uuids |= _uuids_of(values, pid_type)
    if not uuids:
        return {}
    records = {record.id: record for record in record_class(pid_type).get_records(set(uuids.values()))}
    return {asked: records[uuid] for asked, uuid in uuids.items() if uuid in records}


def read_each(records: Iterable[tuple[str, Any]], read: Callable[[str, Any], T]) -> Iterator[tuple[str, T]]:
    """Yield ids with what is read of their records. One that cannot be read is logged, and does not hide the others."""
    from sqlalchemy.exc import SQLAlchemyError

    for asked, record in records:
        try:
            found = read(asked, record)
        except (SQLAlchemyError, SoftTimeLimitExceeded):
            raise  # no error of the record
        except Exception as error:
            logger.error("Error reading a record", exc_info=without_text(error))
        else:
            yield asked, found


def records_owned(user_id: str, owner_field: Sequence[str], pid_type: str) -> Iterator[Any]:
    """Yield the records with a user in a field of their JSON, which holds one id or a list of ids, newest first.

    One statement. No index helps it: it reads all records of the instance.
    """
    from invenio_db import db

    cls = record_class(pid_type)
    model = cls.model_cls
    # A database reads a list as a text, too: this leaves few records, of which the JSON is then read.
    owner = model.json[tuple(owner_field)].as_string()
    query = db.session.query(model).filter(owner.contains(user_id, autoescape=True)).order_by(model.created.desc())
    for row in query.yield_per(500):
        if user_id in owners_in(row.json, owner_field):
            yield cls(row.data, model=row)


def owners_in(record: Any, owner_field: Sequence[str]) -> list[str]:
    """Return the ids of users in a field of a record."""
    value = record
    for key in owner_field:
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        return []
    return [str(user_id) for user_id in (value if isinstance(value, list) else [value])]


def item_of_record(record: Any) -> Item | None:
    """Return the item that `STATS_ITEM_RESOLVER` finds for a record, as the record's events have it."""
    resolver = current_stats.item_resolver
    return None if resolver is None else resolver(record=record)


def record_class(pid_type: str) -> Any:
    """Return the class that the record's page uses, else that of invenio-records."""
    from invenio_records.api import Record
    from werkzeug.utils import import_string

    name = endpoint(pid_type).get("record_class")
    return import_string(name) if name else Record


def endpoint(pid_type: str) -> dict[str, Any]:
    """Return the entry of the records' page in `RECORDS_UI_ENDPOINTS`; it has the name of their identifiers' type."""
    return (current_app.config.get("RECORDS_UI_ENDPOINTS") or {}).get(pid_type) or {}


def _uuids_of(values: Sequence[str], pid_type: str) -> dict[str, UUID]:
    from invenio_pidstore.models import PersistentIdentifier, PIDStatus

    found = PersistentIdentifier.query.filter(
        PersistentIdentifier.pid_type == pid_type,
        PersistentIdentifier.pid_value.in_(values),
        PersistentIdentifier.status == PIDStatus.REGISTERED,
        PersistentIdentifier.object_type == "rec",
    )
    return {row.pid_value: row.object_uuid for row in found}


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
