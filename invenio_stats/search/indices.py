"""Indices: those that events and totals are written to exist, with their aliases, and know our fields."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from invenio_search.engine import search

from invenio_stats.core import mappings, names
from invenio_stats.core.intervals import label
from invenio_stats.core.mappings import Field
from invenio_stats.core.months import is_closed
from invenio_stats.search import months
from invenio_stats.search.sources import in_urls

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
    With the daily suffix a day becomes an alias of its month's index where there is one, and where the month is
    closed and none of its days has an index. EngineUnavailableError while the days are being made one index.
    """
    index = names.events_index(alias, moment, suffix)
    body = mappings.events_body(alias, fields) if fields else None
    if not client.indices.exists(index):
        month = f"{alias}-{label(moment, 'month')}"
        home = _home(client, month, moment, now) if suffix == names.DAILY_SUFFIX else None
        if home is None:
            _create_events(client, index, alias, body)
        else:
            _create_events(client, home, alias, body)
            _put_day(client, month, index)
    return add_fields(client, index, {**mappings.EVENT_FIELDS, **(fields or {})})


def ensure_totals_index(client: Any, index: str, alias: str, fields: dict[str, Field] | None = None) -> None:
    """Make the index that totals are written to, unless it is there, and map our fields in it.

    `fields` are those of an event type without templates of its own.
    """
    body = mappings.totals_body(alias, fields) if fields else None
    if not client.indices.exists(index=index) and create_index(client, index, body):
        client.indices.put_alias(index=index, name=alias)  # also where the templates have not been placed
    add_fields(client, index, {**mappings.TOTAL_FIELDS, **(fields or {})})


def complete(client: Any, indices: Iterable[str], fields: Mapping[str, Field]) -> set[str]:
    """Return those of the indices that know all these fields; of other names of an index nothing is said."""
    found: dict[str, Any] = {}
    for part in in_urls(sorted(indices)):
        found.update(client.indices.get_mapping(index=part, ignore_unavailable=True))
    return {index for index, body in found.items() if fields.keys() <= body["mappings"].get("properties", {}).keys()}


def _home(client: Any, month: str, moment: datetime, now: datetime | None) -> str | None:
    """Return the index of the month where the events of one of its days belong; None where the day has its own.

    A closed month with indices of days gets more of those, until all of them are made one index.
    """
    found = months.month_index(client, month)
    if found is None and is_closed(moment, now or datetime.now(timezone.utc)) and not months.has_days(client, month):
        return month
    return found


def _put_day(client: Any, month: str, day: str) -> None:
    """Make a day another name of its month's index, unless somebody has given the day an index meanwhile."""
    holder = months.month_index(client, month)  # asked again: it may be in the making since
    try:
        client.indices.put_alias(index=holder or month, name=day)
    except search.exceptions.RequestError as error:
        if error.error != "invalid_alias_name_exception":
            raise


def create_index(client: Any, index: str, body: dict[str, Any] | None) -> bool:
    """Make an index, from the body or else from what templates say; return whether it was missing."""
    try:
        client.indices.create(index=index, body=body)
    except search.exceptions.RequestError as error:
        is_alias = error.error == "invalid_index_name_exception" and "exists as alias" in str(error)
        if error.error != "resource_already_exists_exception" and not is_alias:
            raise
        return False
    return True


def _create_events(client: Any, index: str, alias: str, body: dict[str, Any] | None) -> None:
    if create_index(client, index, body):
        # A foreign template's alias shows superseded clicks; in the indices that we make it does not.
        client.indices.put_alias(index=index, name=alias, body={"filter": mappings.NOT_SUPERSEDED})


def add_fields(client: Any, index: str, fields: Mapping[str, Field]) -> frozenset[str]:
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
