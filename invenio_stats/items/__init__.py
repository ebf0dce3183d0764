"""Find the item of an event in COUNTER's sense: the record that a view or download belongs to."""

from invenio_stats.items.resolver import Item, resolve_item

__all__ = ("Item", "resolve_item")
