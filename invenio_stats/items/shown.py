"""Describe the records that somebody may read, and no others."""

from collections.abc import Iterable
from typing import NamedTuple

from invenio_stats.items.access import CheckedAccess, Identity
from invenio_stats.items.metadata import ItemMetadata, MetadataSource, describe_items


class ShownItem(NamedTuple):
    """What a list may show of a record."""

    item_id: str
    """The item that stands for the id that was asked for."""
    metadata: ItemMetadata


def describe_readable(
    access: CheckedAccess, source: MetadataSource, identity: Identity, ids: Iterable[str]
) -> dict[str, ShownItem]:
    """Return what is known of those records that the identity may read, by the ids that were asked for.

    An id that is missing is that of a record which the identity may not read, or of which nothing is known.
    """
    shown = access.shown_items(identity, ids)
    known = describe_items(source, shown.values())
    return {asked: ShownItem(item_id, known[item_id]) for asked, item_id in shown.items() if item_id in known}
