"""Derive COUNTER's access type of a use from the access status that the item has at that moment."""

from collections.abc import Mapping

OPEN, FREE_TO_READ, CONTROLLED = ACCESS_TYPES = ("Open", "Free_To_Read", "Controlled")
"""COUNTER's access types; "Controlled" includes what is free after a registration."""

DEFAULT_ACCESS_TYPES: Mapping[str, str] = {
    "open": OPEN,
    "embargoed": CONTROLLED,
    "restricted": CONTROLLED,
    "closed": CONTROLLED,
    "metadata-only": OPEN,
}
"""Access type by access status."""


def access_type_of(access_types: Mapping[str, str], access_status: object) -> str:
    """Return the access type of an access status; "Open" for one that is not known or not in the table."""
    return access_types.get(access_status, OPEN) if isinstance(access_status, str) else OPEN
