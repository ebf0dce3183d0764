"""Find the item of an event in COUNTER's sense, and ask the instance about items, communities and users."""

from invenio_stats.items.access import (
    ANONYMOUS,
    SYSTEM,
    Access,
    CheckedAccess,
    Community,
    ItemIds,
    current_identity,
)
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from invenio_stats.items.resolver import Item, resolve_item

__all__ = (
    "ANONYMOUS",
    "SYSTEM",
    "Access",
    "Author",
    "CheckedAccess",
    "Community",
    "Container",
    "Item",
    "ItemIds",
    "ItemMetadata",
    "current_identity",
    "resolve_item",
)
