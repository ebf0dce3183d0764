"""Turn what is known of an item into a document of `stats-counter-items`, and back."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from invenio_stats.core.data_types import PARENT_TYPES
from invenio_stats.counter.identifiers import format_doi, format_isbn, format_issn
from invenio_stats.items.metadata import Author, Container, ItemMetadata

_TITLE_CHARACTERS = 1_000
"""Characters of a title by which items are put in order: the engine limits the length of a keyword."""

_KEY_BYTES = 8_000
"""Bytes of an id within a key: the engine takes keywords of 32,766 bytes, of which titles may have 8,000."""

_SEPARATOR = "\t"
"""Less than any character that remains in a title, so that a title comes before a longer one."""

_IDENTIFIERS: Mapping[str, Callable[[str | None], str | None]] = {
    "issn": format_issn,
    "isbn": format_isbn,
    "doi": format_doi,
}
"""What identifies a container, in the order of preference."""

_TEXTS = frozenset(ItemMetadata._fields) - {"publisher_ids", "authors", "container"}


def container_key_of(metadata: ItemMetadata | None) -> str:
    """Return the identity of COUNTER's parent of an item; "" if it has none that a report may show.

    A parent has the Data_Type that fits the item's, and at least one valid identifier (COUNTER 5.1; see docs/counter).
    An identifier that is written in two ways is one.
    """
    container = metadata and metadata.container
    if metadata is None or not container or not container.data_type:
        return ""
    if PARENT_TYPES.get(metadata.data_type) != container.data_type:
        return ""
    known = ((scheme, format_value(getattr(container, scheme))) for scheme, format_value in _IDENTIFIERS.items())
    return next((_bounded(f"{container.data_type}:{scheme}:{value}") for scheme, value in known if value), "")


def to_document(item_id: str, metadata: ItemMetadata | None) -> dict[str, Any]:
    """Return the document of an item, without the time when it was written; without metadata the item is unknown."""
    key = container_key_of(metadata)
    return {
        "item_id": item_id,
        "container_key": key,
        "order_key": _order_key(item_id, metadata, key),
        **({"doi": doi_key(doi)} if metadata is not None and (doi := format_doi(metadata.doi)) else {}),
        "metadata": None if metadata is None else _to_source(metadata),
    }


def group_prefix(title: str, container_key: str) -> str:
    """Return what the order keys of all items of a container begin with if it has this title."""
    return _group_key(title, container_key) + _SEPARATOR


def order_key_of(item_id: str, metadata: ItemMetadata | None) -> str:
    """Return the place of an item in a report: those of one container together, those without one last."""
    return _order_key(item_id, metadata, container_key_of(metadata))


def metadata_in(source: Mapping[str, Any]) -> ItemMetadata | None:
    """Return the metadata in the document of an item; None if nothing was ever known of it."""
    found = source.get("metadata")
    if found is None:
        return None
    container = found.get("container")
    return ItemMetadata(
        **{
            **_known(ItemMetadata, found, "title"),
            "publisher_ids": tuple(found.get("publisher_ids", ())),
            "authors": tuple(Author(**_known(Author, author, "name")) for author in found.get("authors", ())),
            "container": container and Container(**_known(Container, container, "title", "data_type")),
        }
    )


def doi_key(doi: str) -> str:
    """Return what a DOI is found by: without regard to case."""
    return _bounded(doi.lower())


def _known(kind: Any, source: Mapping[str, Any], *needed: str) -> dict[str, Any]:
    """Return the fields that this release knows; "" for one that is needed, and was None when it was kept."""
    return {**dict.fromkeys(needed, ""), **{field: source[field] for field in kind._fields if field in source}}


def _to_source(metadata: ItemMetadata) -> dict[str, Any]:
    """Return metadata as JSON; texts may be of any class, such as lazy translations."""
    container = metadata.container
    parts = {
        **{field: _text(value) for field, value in metadata._asdict().items() if field in _TEXTS},
        "publisher_ids": list(map(_text, metadata.publisher_ids or ())),
        "authors": [_texts(author) for author in metadata.authors or ()],
        "container": container and _texts(container),
    }
    return {field: value for field, value in parts.items() if value not in (None, [])}


def _texts(parts: Any) -> dict[str, str]:
    return {field: text for field, value in parts._asdict().items() if (text := _text(value)) is not None}


def _text(value: object) -> str | None:
    """Return a value as text that the engine takes: a lone surrogate becomes a question mark."""
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _order_key(item_id: str, metadata: ItemMetadata | None, container_key: str) -> str:
    """Return the place of an item in a report: those of one container together, those without one last."""
    group = "1"
    if container_key and metadata is not None and metadata.container is not None:
        group = _group_key(metadata.container.title, container_key)
    return _SEPARATOR.join((group, _sortable("" if metadata is None else metadata.title), _bounded(item_id)))


def _group_key(title: str, container_key: str) -> str:
    return f"0{_sortable(title)}{_SEPARATOR}{container_key}"


def _bounded(text: str) -> str:
    """Return a text that fits into a key; of one that is too long its beginning, and a digest of all of it."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= _KEY_BYTES:
        return text
    return f"{encoded[:_KEY_BYTES].decode('utf-8', 'ignore')}{_SEPARATOR}{hashlib.sha256(encoded).hexdigest()}"


def _sortable(title: object) -> str:
    return re.sub(r"[\x00-\x1f]", " ", str(title or ""))[:_TITLE_CHARACTERS]
