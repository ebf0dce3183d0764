"""Note which items and records have lost a total: nothing in the totals tells who copies their numbers elsewhere."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.moments import iso_zoned
from invenio_stats.search.bulk import store
from invenio_stats.search.indices import create_index
from invenio_stats.totals.writing import Action

_BODY: mappings.Body = {
    "settings": mappings.INDEX_SETTINGS,
    "mappings": mappings.mappings(
        {"item_id": mappings.KEYWORD, "parent_id": mappings.KEYWORD, "updated_timestamp": mappings.STAMP}
    ),
}


def note_former_items(client: Any, actions: Iterable[Action], now: datetime) -> None:
    """Store the item and parent of each total of item usage that is going to be deleted, or to have another parent.

    Call it before the totals are written: a note without its change does no harm. There is one note for each pair,
    with the time of the last change.
    """
    pairs = {pair for action in actions if (pair := _find_former(action)) is not None}
    if not pairs:
        return
    index = prefix_index(names.FORMER_ITEMS)
    create_index(client, index, _BODY)
    stamp = iso_zoned(now)
    store(client, [_note(index, item_id, parent_id, stamp) for item_id, parent_id in sorted(pairs)])


def _find_former(action: Action) -> tuple[str, str] | None:
    """Return the item and parent of the stored total if the new one has others, or there is none."""
    counted = getattr(action, "counted", None)  # a custom `agg_iter` may yield plain dicts
    stored: Mapping[str, Any] = (counted and counted.stored) or {}
    pair, new = _pair_in(stored), _pair_in(action.get("_source") or {})
    return pair if pair != new else None


def _pair_in(total: Mapping[str, Any]) -> tuple[str, str] | None:
    item_id, parent_id = total.get("item_id"), total.get("parent_id")
    return None if item_id is None or parent_id is None else (str(item_id), str(parent_id))


def _note(index: str, item_id: str, parent_id: str, stamp: str) -> dict[str, Any]:
    document_id = hashlib.sha256(json.dumps([item_id, parent_id]).encode()).hexdigest()
    source = {"item_id": item_id, "parent_id": parent_id, "updated_timestamp": stamp}
    return {"_op_type": "index", "_index": index, "_id": document_id, "_source": source}
