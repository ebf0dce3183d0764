"""Indices: those that events and totals are written to exist, with their aliases, and know our fields."""

import logging
from datetime import datetime, timezone
from typing import Any

from invenio_search.engine import search

from invenio_stats.core import mappings, names
from invenio_stats.core.intervals import floor, label
from invenio_stats.core.mappings import Field

logger = logging.getLogger(__name__)


def ensure_events_index(
    client: Any,
    alias: str,
    moment: datetime,
    suffix: str = names.DAILY_SUFFIX,
    fields: dict[str, Field] | None = None,
    now: datetime | None = None,
) -> frozenset[str]:
    """Make the index that events of a moment are written to, unless it is there.

    Returns the fields of ours that its mapping refuses: an event that carried them would be rejected.
    With the daily suffix, a day whose month has an index, or whose month is closed, becomes an alias of the
    month's index: days are written one by one only while they are fresh.
    """
    index = names.events_index(alias, moment, suffix)
    body = mappings.events_body(alias, fields) if fields else None
    if not client.indices.exists(index):
        month = f"{alias}-{label(moment, 'month')}"
        if suffix == names.DAILY_SUFFIX and (_is_closed(moment, now) or client.indices.exists(month)):
            _create_events(client, month, alias, body)
            client.indices.put_alias(index=month, name=index)
        else:
            _create_events(client, index, alias, body)
    return _add_fields(client, index, {**mappings.EVENT_FIELDS, **(fields or {})})


def ensure_totals_index(client: Any, index: str, alias: str, fields: dict[str, Field] | None = None) -> None:
    """Make the index that totals are written to, unless it is there, and map our fields in it.

    `fields` are those of an event type without templates of its own.
    """
    body = mappings.totals_body(alias, fields) if fields else None
    if not client.indices.exists(index=index) and create_index(client, index, body):
        client.indices.put_alias(index=index, name=alias)  # also where the templates have not been placed
    _add_fields(client, index, {**mappings.TOTAL_FIELDS, **(fields or {})})


def _is_closed(moment: datetime, now: datetime | None) -> bool:
    """Say whether a month is older than the last full one."""
    this_month = floor(now or datetime.now(timezone.utc), "month")
    last_full = this_month.replace(
        year=this_month.year - (this_month.month == 1), month=12 if this_month.month == 1 else this_month.month - 1
    )
    return floor(moment, "month") < last_full


def create_index(client: Any, index: str, body: dict[str, Any] | None) -> bool:
    """Make an index, from the body or else from what templates say; return whether it was missing."""
    try:
        client.indices.create(index=index, body=body)
    except search.exceptions.RequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
        return False
    return True


def _create_events(client: Any, index: str, alias: str, body: dict[str, Any] | None) -> None:
    if create_index(client, index, body):
        # A foreign template's alias shows superseded clicks; in the indices that we make it does not.
        client.indices.put_alias(index=index, name=alias, body={"filter": mappings.NOT_SUPERSEDED})


def _add_fields(client: Any, index: str, fields: dict[str, Field]) -> frozenset[str]:
    """Map the fields that the index lacks; return those that it refuses to know and to carry."""
    found = next(iter(client.indices.get_mapping(index=index).values()))["mappings"]
    missing = {name: field for name, field in fields.items() if name not in found.get("properties", {})}
    if not missing:
        return frozenset()
    try:
        client.indices.put_mapping(index=index, body={"properties": missing})
    except search.exceptions.TransportError as error:
        if not isinstance(error.status_code, int) or error.status_code not in (400, 403):
            raise
        is_strict = str(found.get("dynamic")).lower() == "strict"
        logger.warning(
            "An index refuses fields of ours",
            extra={"index": index, "fields": sorted(missing), "left_out": is_strict, "reason": error.error},
        )
        return frozenset(missing) if is_strict else frozenset()
    return frozenset()
