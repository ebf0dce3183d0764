"""Group clicks into double-click cells, each stored as one document, and decide which cell supersedes which.

A cell is as long as the double-click window and holds the clicks of one visitor on one item. Clicks in the same cell
always count once; a double click across cells is only possible between adjacent ones. Whichever worker writes, and in
whatever order, the earliest click of a cell can only get earlier and the latest only later, so a superseded cell stays
superseded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from typing import NamedTuple

from invenio_stats.core.events import Event, hash_id
from invenio_stats.core.moments import iso, parse, to_second, utc
from invenio_stats.core.usage_fields import FORMER_IDS, ITEM_FIELDS, ids_of


class Click(NamedTuple):
    """One event as it comes out of its preprocessors."""

    fields: Event
    """The fields of the event's document, without those that the cell adds: moments, event id, stamp."""
    moment: datetime
    """When the click happened: aware, UTC, a whole second."""
    event_id: str
    cell: datetime
    """Start of the click's cell."""
    identity: str | None
    """The part of the document id that this visitor and item share in all cells; None if there is no visitor."""
    previous_visitor_id: str | None = None
    """The visitor's key under the previous day's salt; set only in the first cell of a day."""


class DocumentRef(NamedTuple):
    """Address of a document: its id, and the start of its cell, which determines the index."""

    start: datetime
    document_id: str


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

    @property
    def item_source(self) -> tuple[datetime, str] | None:
        """Moment and event id of the latest click with an item, also of an earlier cell; None if no click has one."""
        if self.fields.get("item_id") is None:
            return None
        return self.item_from or (self.latest, self.event_id)


@dataclass(slots=True)
class Cell:
    """The clicks of a batch that share one document."""

    ref: DocumentRef
    identity: str | None
    """End of the document ids of this visitor and item in any cell; None without a visitor: the event is on its own."""
    clicks: list[Click]
    is_ghost: bool = False
    """Whether the cell has yesterday's visitor key and exists only to supersede yesterday's last cell."""
    made_for: set[str] = field(default_factory=set)
    """Of a ghost, and of a cell without clicks of the batch: the document ids of the cells that it is written for."""

    def document(self) -> Document:
        """Return the document of all clicks merged; their order does not matter."""
        if len(self.clicks) == 1:  # the usual case, without building a list
            return self._document_of(self.clicks[0])
        return reduce(merge, [self._document_of(click) for click in self.clicks])

    def _document_of(self, click: Click) -> Document:
        return Document(click.fields, click.event_id, click.moment, click.moment, self.is_ghost)

    def drop(self, document: Document) -> list[Click]:
        """Remove and return the click that a document was made from, or all clicks if it was made from none of them."""
        rejected = (document.latest, document.event_id)
        dropped = [click for click in self.clicks if (click.moment, click.event_id) == rejected]
        dropped = dropped or self.clicks
        self.clicks = [click for click in self.clicks if click not in dropped]
        return dropped

    def before(self, window: int) -> DocumentRef | None:
        """Return the previous cell's address; None with window 0, without a visitor or at the calendar's start."""
        return self._neighbour(-window)

    def after(self, window: int) -> DocumentRef | None:
        """Return the next cell's address; None with window 0, without a visitor or at the calendar's end."""
        return self._neighbour(window)

    def _neighbour(self, seconds: int) -> DocumentRef | None:
        if not seconds or self.identity is None or (shifted := _shift(self.ref.start, seconds)) is None:
            return None
        start, start_text = shifted
        return DocumentRef(start, start_text + self.identity)


def fold(clicks: Iterable[Click], window: int) -> list[Cell]:
    """Return the cells of a batch of clicks, including the ghost cells that its clicks need."""
    cells: dict[str, Cell] = {}
    for click in clicks:
        cell = _put(cells, click)
        if window and click.previous_visitor_id is not None and (ghost := _ghost(click)) is not None:
            _put(cells, ghost, is_ghost=True).made_for.add(cell.ref.document_id)
    return list(cells.values())


def _put(cells: dict[str, Cell], click: Click, is_ghost: bool = False) -> Cell:
    document_id = document_id_of(click.cell, click.identity) or click.event_id
    cell = cells.get(document_id)
    if cell is None:
        cell = cells[document_id] = Cell(DocumentRef(click.cell, document_id), click.identity, [click], is_ghost)
    else:
        cell.clicks.append(click)
    return cell


def document_id_of(cell: datetime, identity: str | None) -> str | None:
    """Return the document id that clicks of an identity share in a cell; None if there is no visitor."""
    return None if identity is None else _cached_iso(cell) + identity


def identity_of(fields: Event) -> str | None:
    """Return the part of the document id that a visitor and item share in all cells; None if either is missing."""
    if fields.get("unique_id") is None or fields.get("visitor_id") is None:
        return None
    return hash_id("", fields)


_cached_iso: Callable[[datetime], str] = lru_cache(maxsize=8192)(iso)


@lru_cache(maxsize=8192)
def _shift(start: datetime, seconds: int) -> tuple[datetime, str] | None:
    """Return the start of the cell so many seconds later, as a moment and as text; None beyond the calendar."""
    try:
        shifted = start + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return shifted, _cached_iso(shifted)


def _ghost(click: Click) -> Click | None:
    """Return a click's ghost, which has its moment, its item and the visitor's key of yesterday, and no other field.

    A ghost with more fields could link yesterday's key to today's. None if the click is not in the first cell of a
    day, has no visitor, or has the same key as yesterday.
    """
    fields = {"unique_id": click.fields.get("unique_id"), "visitor_id": click.previous_visitor_id}
    if fields["visitor_id"] == click.fields.get("visitor_id") or (identity := identity_of(fields)) is None:
        return None
    if (click.cell.hour, click.cell.minute, click.cell.second) != (0, 0, 0):
        return None
    return Click(fields, click.moment, "", click.cell, identity)


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
    is_same = not is_newer and fields is document.fields and other.first >= document.first
    if is_same and is_superseded == document.is_superseded and former_ids == document.former_ids:
        return document
    first = min(document.first, other.first)
    return Document(fields, newest.event_id, first, newest.latest, is_superseded, item_from, former_ids)


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
    source: Event = {**document.fields, "updated_timestamp": stamp}
    if "timestamp" not in source:
        source["timestamp"] = iso(document.latest)
    if document.event_id:
        source["event_id"] = document.event_id
    if document.first != document.latest:
        source["first"] = iso(document.first)
    if document.is_superseded:
        source["superseded"] = True
    for name in (_ITEM_FROM, FORMER_IDS):
        source.pop(name, None)
    if document.item_from:
        moment, event_id = document.item_from
        source[_ITEM_FROM] = f"{iso(moment)} {event_id}"
    if document.former_ids:
        source[FORMER_IDS] = sorted(document.former_ids)
    return source


def to_document(source: Event) -> Document:
    """Read the stored document of a cell, also of older releases; ValueError if it has no valid timestamp."""
    latest = to_second(parse(source.get("timestamp", "")))
    first = to_second(parse(source["first"])) if source.get("first") else latest
    moment, _, event_id = (source.get(_ITEM_FROM) or "").partition(" ")
    item_from = (to_second(parse(moment)), event_id) if moment else None
    is_superseded, former_ids = bool(source.get("superseded")), frozenset(source.get(FORMER_IDS) or ())
    return Document(source, source.get("event_id") or "", first, latest, is_superseded, item_from, former_ids)


_ITEM_FROM = "item_from"
"""Field of a stored document: `Document.item_from` as a text."""


DEFAULT_WINDOW = 30
"""Seconds within which two clicks count as one (COUNTER Release 5.1)."""


def check_window(seconds: object) -> int:
    """Return the double-click window in seconds; 0 switches double-click detection off.

    A window must divide an hour, so that the click that counts is in the same hour and day as its cell; ValueError
    for any other value.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds != int(seconds):
        raise ValueError(f"double_click_window is {seconds!r}; set it to a whole number of seconds.")
    if seconds < 0 or (seconds and 3600 % int(seconds)):
        raise ValueError(f"double_click_window is {seconds!r}; set it to 0 or to a divisor of 3600, such as 10 or 30.")
    return int(seconds)


def cell_start(moment: datetime, window: int) -> datetime:
    """Return the start of the cell that a click falls into; with window 0 that is the click's own second.

    A window divides an hour (see `check_window`), so a cell begins with each hour.
    """
    moment = to_second(utc(moment))
    if not window:
        return moment
    return moment - timedelta(seconds=(moment.minute * 60 + moment.second) % window)
