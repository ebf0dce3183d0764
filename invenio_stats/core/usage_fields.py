"""Complete and check the fields by which COUNTER's reports tell the uses of an item apart."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from invenio_stats.core.access_types import ACCESS_TYPES
from invenio_stats.core.events import Event

ITEM_FIELDS = ("item_id", "parent_id", "labels", "access_status", "access_type")
"""Fields of an event that describe its item, as it was when the event happened."""

ITEM_KEYS = ("item_id", "recid")
"""Fields of an event that may hold the id of its item; the first that it has decides. `recid` is InvenioRDM's."""
RECORD_KEYS = ("parent_id", "parent_recid", *ITEM_KEYS)
"""Fields of an event that may hold the id of its record; an item without a parent is a record of its own."""

FORMER_IDS = "former_ids"
"""Field of a stored event: the ids of items and records that clicks of the same document, or an earlier state, had."""

TDM = "TDM"
"""Access method of text and data mining that was agreed; an event without the field is regular use."""

MAX_BYTES = 2**53
"""Upper bound of a size (exclusive): a larger one is a mistake, and no total could hold its sum."""

_REGULAR = "Regular"
_KNOWN = {"access_type": ACCESS_TYPES, "access_method": (TDM,)}


def is_mining(event: Mapping[str, Any]) -> bool:
    """Return True for text and data mining that was agreed, which counts although its agent is a program."""
    return bool(event.get("access_method") == TDM)


def complete_usage(event: Event) -> None:
    """Set the parent of an event that has an item without one, and remove the access method of regular use."""
    if event.get("item_id") is not None and event.get("parent_id") is None:
        event["parent_id"] = event.get("parent_recid") or event["item_id"]  # the former in events of InvenioRDM
    if event.get("access_method") == _REGULAR:
        del event["access_method"]


def key_of(event: Mapping[str, Any], key_fields: Iterable[str]) -> str | None:
    """Return the value of the first of the key fields that the event has; None if it has none, or several values."""
    for field in key_fields:
        value = event.get(field)
        if value is not None and value != []:
            return str(value) if isinstance(value, (str, int)) else None
    return None


def ids_of(event: Mapping[str, Any]) -> set[str]:
    """Return the ids of the item and of the record that an event belongs to, as far as it has them."""
    return {key for key in (key_of(event, ITEM_KEYS), key_of(event, RECORD_KEYS)) if key is not None}


def find_unknown_value(event: Mapping[str, Any]) -> str | None:
    """Return the name of a field whose value no total can hold, or none of COUNTER's; None if there is none."""
    for field, known in _KNOWN.items():
        if event.get(field) is not None and event[field] not in known:
            return field
    for field in ("item_id", "parent_id"):
        if event.get(field) is not None and not _is_id(event[field]):
            return field
    return None


def has_bytes(size: object) -> TypeGuard[int | float]:
    """Return True if a size can be added to a total."""
    return isinstance(size, int | float) and -MAX_BYTES < size < MAX_BYTES


def _is_id(value: object) -> bool:
    """Return True for a single id that the search engine reads as the same text."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, int) and not isinstance(value, bool)
