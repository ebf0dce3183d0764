"""The document of a double-click cell: merge it with others, divide it by user agents, read and write it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from invenio_stats.core.events import Event
from invenio_stats.core.moments import iso, parse, to_second
from invenio_stats.core.usage_fields import FORMER_IDS, ITEM_FIELDS, ids_of


class Document(NamedTuple):
    """The stored form of a cell."""

    fields: Event
    """Fields of the latest click, which is the one that counts."""
    event_id: str
    first: datetime
    latest: datetime
    is_superseded: bool = False
    """Whether a click in the next cell is a double click of the latest one here, so that this cell does not count."""
    item_from: tuple[datetime, str] | None = None
    """Moment and event id of the earlier click of the chain whose item it has, if the latest click has no item."""
    former_ids: frozenset[str] = frozenset()
    """Other items and records that clicks of the document had: it may have been counted for them."""
    exclusions: frozenset[str] = frozenset()
    """Ids of the exclusions by which a person has taken the document out of all numbers."""
    parts: "Parts" = ()
    """If clicks are of several user agents, what the document would be of each alone; else empty."""

    @property
    def item_source(self) -> tuple[datetime, str] | None:
        """Moment and event id of the latest click with an item, also of an earlier cell; None if no click has one."""
        if self.fields.get("item_id") is None:
            return None
        return self.item_from or (self.latest, self.event_id)


Parts = tuple[tuple[str, Document], ...]
"""The documents of the clicks of each user agent, by its id, in order.

One of them may turn out to be a robot: then the document is divided, and neither loses its clicks.
"""

MAX_PARTS = 10
"""User agents that a document tells apart: one visitor does not use more within seconds."""


def merge(document: Document, other: Document) -> Document:
    """Return a document merged with another of the same cell; the same object if the merge changes nothing.

    Of clicks in the same second the largest event id wins, so that their order does not matter. If the latest click has
    no item, the document has that of the latest click with one: the resolver failed once, and the thing is the same.
    """
    is_newer = (other.latest, other.event_id) > (document.latest, document.event_id)
    is_superseded = document.is_superseded or other.is_superseded
    newest, older = (other, document) if is_newer else (document, other)
    fields, item_from = _with_latest_item(newest, older)
    former_ids = _former_ids(fields, document, other)
    exclusions, parts = document.exclusions | other.exclusions, _merge_parts(document, other)
    is_same = not is_newer and fields is document.fields and other.first >= document.first
    if is_same and (is_superseded, former_ids, exclusions, parts) == (
        document.is_superseded,
        document.former_ids,
        document.exclusions,
        document.parts,
    ):
        return document
    first = min(document.first, other.first)
    return Document(
        fields, newest.event_id, first, newest.latest, is_superseded, item_from, former_ids, exclusions, parts
    )


def _merge_parts(document: Document, other: Document) -> Parts:
    if not document.parts and not other.parts and _agent_of(document) == _agent_of(other):
        return ()
    merged = dict(parts_of(document))
    for agent_id, part in parts_of(other):
        merged[agent_id] = merge(merged[agent_id], part) if agent_id in merged else part
    return tuple(sorted(merged.items(), key=lambda named: named[0])[:MAX_PARTS])


def parts_of(document: Document) -> Parts:
    """Return what a document would be of each of its user agents alone; without an item from an earlier cell."""
    return document.parts or ((_agent_of(document), _alone(document)),)


def _agent_of(document: Document) -> str:
    return str(document.fields.get("agent_id") or "")


def _alone(document: Document) -> Document:
    """Return a document as if there were no others: with its clicks only, and what these have."""
    fields = {name: value for name, value in document.fields.items() if name not in _OF_DOCUMENT}
    if document.item_from is not None and document.item_from[0] < document.first:
        fields = {name: value for name, value in fields.items() if name not in ITEM_FIELDS}
        document = document._replace(item_from=None)
    ends = document.first, document.latest
    return Document(fields, document.event_id, *ends, item_from=document.item_from, former_ids=document.former_ids)


def inherit(document: Document, earlier: Document) -> Document:
    """Return a document with the item of an earlier one that it supersedes; the same object if it keeps its own.

    Its clicks are later, so it keeps the item that one of them has, and else takes the latest item of all clicks of
    the chain.
    """
    fields, item_from = _with_latest_item(document, earlier)
    if fields is document.fields:
        return document
    return document._replace(fields=fields, item_from=item_from, former_ids=_former_ids(fields, document))


def _former_ids(fields: Event, *documents: Document) -> frozenset[str]:
    """Return the ids that documents have or had, and that the fields of what they become do not have."""
    ids = {name for document in documents for name in (*document.former_ids, *ids_of(document.fields))}
    return frozenset(ids - ids_of(fields))


def _with_latest_item(newest: Document, older: Document) -> tuple[Event, tuple[datetime, str] | None]:
    """Return the fields of the newer of two documents with the latest item of both, and where it is from."""
    source, own = older.item_source, newest.item_source
    if source is None or (own is not None and own >= source):
        return newest.fields, newest.item_from
    fields = {name: value for name, value in newest.fields.items() if name not in ITEM_FIELDS}
    return {**fields, **{name: older.fields[name] for name in ITEM_FIELDS if name in older.fields}}, source


def chains(earlier: Document, later: Document, window: int) -> bool:
    """Return True if the first click of a later cell is a double click of the latest click of an earlier cell."""
    return later.first - earlier.latest <= timedelta(seconds=window)


def to_source(document: Document, stamp: str) -> Event:
    """Return a document as the search engine stores it, with the time at which it is sent."""
    source: Event = {**_without_facts(document.fields), "updated_timestamp": stamp}
    if "timestamp" not in source:
        source["timestamp"] = iso(document.latest)
    if document.event_id:
        source["event_id"] = document.event_id
    if document.first != document.latest:
        source["first"] = iso(document.first)
    if document.is_superseded:
        source["superseded"] = True
    source.update(_rare_facts(document))
    return source


def _rare_facts(document: Document) -> Event:
    """Return the fields of what few documents have."""
    facts: Event = {}
    if document.item_from:
        moment, event_id = document.item_from
        facts[_ITEM_FROM] = f"{iso(moment)} {event_id}"
    if document.former_ids:
        facts[FORMER_IDS] = sorted(document.former_ids)
    if document.exclusions:
        facts.update({EXCLUDED: True, EXCLUDED_BY: sorted(document.exclusions)})
    if document.parts:
        facts[_AGENTS] = {agent_id: _part_to_source(part) for agent_id, part in document.parts}
        facts[AGENT_IDS] = [agent_id for agent_id, _part in document.parts]
    return facts


def _part_to_source(part: Document) -> Event:
    source = to_source(part, "")
    del source["updated_timestamp"]
    return source


def _without_facts(fields: Event) -> Event:
    """Return fields without what a document knows better; usually none has any of these."""
    return fields if _FACTS.isdisjoint(fields) else {name: fields[name] for name in fields if name not in _FACTS}


def to_document(source: Event) -> Document:
    """Read the stored document of a cell, also of older releases; ValueError if it has no valid timestamp."""
    latest = to_second(parse(source.get("timestamp", "")))
    first = to_second(parse(source["first"])) if source.get("first") else latest
    moment, _, event_id = (source.get(_ITEM_FROM) or "").partition(" ")
    item_from = (to_second(parse(moment)), event_id) if moment else None
    is_superseded, former_ids = bool(source.get("superseded")), frozenset(source.get(FORMER_IDS) or ())
    event_id = source.get("event_id") or ""
    parts: Parts = ()
    if source.get(_AGENTS):
        parts = tuple(sorted((agent_id, _alone(to_document(part))) for agent_id, part in source[_AGENTS].items()))
    exclusions = exclusions_of(source)
    return Document(source, event_id, first, latest, is_superseded, item_from, former_ids, exclusions, parts)


def exclusions_of(source: Event) -> frozenset[str]:
    """Return the ids of the exclusions of a stored document."""
    if not source.get(EXCLUDED):
        return frozenset()
    return frozenset(source.get(EXCLUDED_BY) or ("",))


_ITEM_FROM = "item_from"
"""Field of a stored document: `Document.item_from` as a text."""
EXCLUDED = "excluded"
"""Field of a stored document that a person has taken out of all numbers."""
EXCLUDED_BY = "excluded_by"
"""Field of a stored document: `Document.exclusions`."""
_AGENTS = "agents"
"""Field of a stored document: `Document.parts`, by user agent."""
AGENT_IDS = "agent_ids"
"""Field of a stored document with parts: their user agents."""
_FACTS = frozenset({"first", "superseded", _ITEM_FROM, FORMER_IDS, EXCLUDED, EXCLUDED_BY, _AGENTS, AGENT_IDS})
"""Fields of a stored document that are written from other attributes of `Document` than `fields`."""
_OF_DOCUMENT = _FACTS | {"event_id", "updated_timestamp"}
"""Fields of a stored document that no click has."""
