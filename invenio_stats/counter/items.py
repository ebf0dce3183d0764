"""Keep what was last known of the items in closed months, and read it in the order of reports.

A document holds the newest known metadata of an item, and stays when the record is deleted. A second kind of document
holds the title of each container, so that all its items name it alike.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import chain
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.counter.container_renames import BODY, ContainerRenames, Titles, read_renames
from invenio_stats.counter.item_documents import doi_key, group_prefix, metadata_in, order_key_of, to_document
from invenio_stats.items.metadata import ItemMetadata, MetadataSource, describe_items
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.search import clauses
from invenio_stats.search.bulk import index_all
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import read
from invenio_stats.search.scan import PAGE_SIZE, ordered_hits, pages

logger = logging.getLogger(__name__)

_ITEMS: clauses.Body = {"exists": {"field": "order_key"}}

Source = dict[str, Any]
"""The fields of a document."""


class KnownItem(NamedTuple):
    """An item that is in a closed month, and what was last known of it."""

    item_id: str
    metadata: ItemMetadata | None
    """None if nothing was ever known."""
    container_key: str
    """Identity of COUNTER's parent; "" without one. All items of a parent have one title of it."""


def scan_items(client: Any, size: int = PAGE_SIZE) -> Iterator[KnownItem]:
    """Yield all items that were ever in a closed month, in the order of reports; memory is bounded.

    Groups are ordered by title and id of the container, the group without one is the last, and the items of each by
    title and id; texts by code points.
    """
    renames = read_renames(client)
    if not renames:
        yield from _ordered_items(client, _ITEMS, size)
        return
    others = _ordered_items(client, clauses.all_of([_ITEMS, _none_in(renames)]), size)
    groups = sorted(renames.items(), key=lambda rename: group_prefix(rename[1], rename[0]))
    renamed = chain.from_iterable(_renamed_items(client, key, title, size) for key, title in groups)
    yield from merge(others, renamed, key=_place)


def find_items(client: Any, item_ids: Sequence[str] = (), dois: Sequence[str] = ()) -> Iterator[KnownItem]:
    """Yield those of some ids or DOIs, in the same order; DOIs are compared without regard to case."""
    keys = {"item_id": list(item_ids), "doi": [doi_key(doi) for doi in dois]}
    asked = clauses.any_of([{"terms": {field: values}} for field, values in keys.items() if values])
    found = _ordered_items(client, clauses.all_of([_ITEMS, asked]))
    renames = read_renames(client)
    yield from sorted((_renamed(item, renames) for item in found), key=_place) if renames else found


def _ordered_items(client: Any, query: clauses.Body, size: int = PAGE_SIZE) -> Iterator[KnownItem]:
    for hit in ordered_hits(client, prefix_index(names.COUNTER_ITEMS), query, {"order_key": "keyword"}, size):
        source = hit["_source"]
        yield KnownItem(source["item_id"], metadata_in(source), source.get("container_key", ""))


def _renamed_items(client: Any, key: str, title: str, size: int) -> Iterator[KnownItem]:
    """Yield the items of a container that is being renamed: some have the new title already, and some the old one."""
    new = _ordered_items(client, clauses.all_of([_in_container(key), _titled(key, title)]), size)
    old = _ordered_items(client, _with_old_title(key, title), size)
    yield from merge(new, (_renamed(item, {key: title}) for item in old), key=_place)


def _renamed(item: KnownItem, renames: Titles) -> KnownItem:
    title, metadata = renames.get(item.container_key), item.metadata
    if title is None or metadata is None or metadata.container is None:
        return item
    return item._replace(metadata=metadata._replace(container=metadata.container._replace(title=title)))


def _place(item: KnownItem) -> str:
    return order_key_of(item.item_id, item.metadata)


def _in_container(key: str) -> clauses.Body:
    return {"term": {"container_key": key}}


def _titled(key: str, title: str) -> clauses.Body:
    return {"prefix": {"order_key": group_prefix(title, key)}}


def _with_old_title(key: str, title: str) -> clauses.Body:
    return clauses.all_of([_ITEMS, _in_container(key), clauses.none_of([_titled(key, title)])])


def _none_in(renames: Titles) -> clauses.Body:
    return clauses.none_of([{"terms": {"container_key": list(renames)}}])


def newest_change(client: Any) -> datetime | None:
    """Return when the metadata of any item changed last; None before the first month was closed."""
    body = {"size": 0, "track_total_hits": False, "aggs": {"newest": {"max": {"field": "updated"}}}}
    answer = search(SearchRequest(client, prefix_index(names.COUNTER_ITEMS), body))
    newest = answer.get("aggregations", {}).get("newest", {})
    return parse(newest["value_as_string"]) if newest.get("value") is not None else None


class ItemKeeper:
    """Describes the items of a month, batch by batch, and keeps what is news of them."""

    def __init__(self, client: Any, source: MetadataSource, now: datetime):
        """`source` is asked; items that it does not know, or for which it fails, keep what was known of them."""
        self._client = client
        self._source = source
        self._index = prefix_index(names.COUNTER_ITEMS)
        self._updated = iso_zoned(now)
        self._confirmed: set[str] = set()
        """Keys of the containers whose kept title some item has given."""
        self._others: Titles = {}
        """Titles that differ from the kept ones, the last one of each container."""

    def prepare(self) -> None:
        """Create the index if it does not exist, and finish what a process that was killed has begun to rename."""
        create_index(self._client, self._index, BODY)
        self._rename_all()

    def describe(self, item_ids: Sequence[str]) -> dict[str, ItemMetadata | None]:
        """Return what is known of a batch of items, now or from before, and keep nothing."""
        described = self._ask(item_ids)
        missing = [item_id for item_id in item_ids if item_id not in described]
        return _all_metadata({**self._read_items(missing), **described}, item_ids)

    def read_kept(self, item_ids: Sequence[str]) -> dict[str, ItemMetadata | None]:
        """Return what is kept of a batch of items, by id; without those of which nothing was ever kept."""
        return {item_id: metadata_in(source) for item_id, source in self._read_items(item_ids).items()}

    def keep(self, item_ids: Sequence[str]) -> dict[str, ItemMetadata | None]:
        """Return what is known of a batch of items, now or from before, and keep what is news."""
        described, stored = self._ask(item_ids), self._read_items(item_ids)
        titles = self._keep_titles(described)
        news: list[tuple[str, Source]] = []
        for item_id in item_ids:
            known = stored.get(item_id)
            document = described.get(item_id) or known or to_document(item_id, None)
            document = _with_title(document, titles.get(document["container_key"]))
            if document != known:
                news.append((_item_id(item_id), {**document, "updated": self._updated}))
        index_all(self._client, self._index, news)
        return _all_metadata({**stored, **described}, item_ids)

    def finish(self) -> None:
        """Rename the containers whose kept title no item has given; what was kept can be found from then on.

        Reports show the new titles at once. If the process is killed meanwhile, the next close or restatement of any
        month goes on.
        """
        self._client.indices.refresh(index=self._index)
        renamed = {key: title for key, title in self._others.items() if key not in self._confirmed}
        if renamed:
            ContainerRenames(self._client).begin(renamed, self._updated)
            self._rename_all()

    def _rename_all(self) -> None:
        """Write the new titles of the containers that are being renamed into the items that have the old ones."""
        renames = ContainerRenames(self._client)
        titles = renames.titles
        for key, title in titles.items():
            query = _with_old_title(key, title)
            for page in pages(ordered_hits(self._client, self._index, query, {"item_id": "keyword"})):
                documents = [(hit["_id"], _with_title(_undated(hit["_source"]), title)) for hit in page]
                updated = [(document_id, {**document, "updated": self._updated}) for document_id, document in documents]
                index_all(self._client, self._index, updated)
            self._write_titles({key: title})
        if titles:
            self._client.indices.refresh(index=self._index)
            renames.end(titles)

    def _ask(self, item_ids: Sequence[str]) -> dict[str, Source]:
        """Return the documents of the items that the source describes."""
        found = describe_items(self._source, item_ids)
        documents = {item_id: _try_document(item_id, metadata) for item_id, metadata in found.items()}
        return {item_id: document for item_id, document in documents.items() if document is not None}

    def _keep_titles(self, described: Mapping[str, Source]) -> Titles:
        """Return the titles of the containers of a batch; a container that is new gets one that its items give."""
        given: dict[str, set[str]] = {}
        for document in described.values():
            if key := document["container_key"]:
                given.setdefault(key, set()).add(document["metadata"]["container"].get("title", ""))
        found = self._read([_title_id(key) for key in given])
        titles = {key: known["title"] for key in given if (known := found.get(_title_id(key)))}
        new = {key: min(seen) for key, seen in given.items() if key not in titles}
        self._write_titles(new)
        titles |= new
        self._confirmed |= {key for key, seen in given.items() if titles[key] in seen}
        self._others |= {key: min(seen) for key, seen in given.items() if titles[key] not in seen}
        return titles

    def _write_titles(self, titles: Titles) -> None:
        index_all(self._client, self._index, [(_title_id(key), {"title": title}) for key, title in titles.items()])

    def _read_items(self, item_ids: Sequence[str]) -> dict[str, Source]:
        found = self._read([_item_id(item_id) for item_id in item_ids])
        return {item_id: _undated(found[_item_id(item_id)]) for item_id in item_ids if _item_id(item_id) in found}

    def _read(self, document_ids: Sequence[str]) -> dict[str, Source]:
        if not document_ids:
            return {}
        answers = read(self._client, [{"_index": self._index, "_id": document_id} for document_id in document_ids])
        return {answer["_id"]: answer["_source"] for answer in answers if answer.get("found")}


def _all_metadata(documents: Mapping[str, Source], item_ids: Sequence[str]) -> dict[str, ItemMetadata | None]:
    return {item_id: metadata_in(documents.get(item_id, {})) for item_id in item_ids}


def _try_document(item_id: str, metadata: ItemMetadata) -> Source | None:
    """Return the document of an item; None, with a log message, if the metadata has another form than it should."""
    try:
        return to_document(item_id, metadata)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # of whatever kind an object of the instance raises when it is read
        logger.error("Metadata of an item cannot be kept", exc_info=without_text(error), extra={"item": item_id})
        return None


def _with_title(document: Source, title: str | None) -> Source:
    """Return the document of an item with the title that its container has for all."""
    metadata = metadata_in(document)
    if title is None or metadata is None or metadata.container is None or metadata.container.title == title:
        return document
    return to_document(document["item_id"], metadata._replace(container=metadata.container._replace(title=title)))


def _undated(source: Source) -> Source:
    return {field: value for field, value in source.items() if field != "updated"}


def _item_id(item_id: str) -> str:
    return names.document_id(f"item:{item_id}")


def _title_id(container_key: str) -> str:
    return names.document_id(f"container:{container_key}")
