"""Double-click cells: the document that clicks share, and whether a later cell supersedes it.

A cell is as wide as the double-click window and holds the clicks of one visitor on one thing. Clicks within a cell
are always one; of two cells, only adjacent ones can chain. Whoever writes, and in whatever order, the earliest click
of a cell only gets earlier and the latest only later: what is superseded once stays so.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from typing import NamedTuple

from invenio_stats.core.events import Event, hash_id
from invenio_stats.core.moments import iso, parse, to_second, utc


class Click(NamedTuple):
    """One event as it comes out of its preprocessors."""

    fields: Event
    """What the event's document holds, beside what a cell adds: moments, event id, stamp."""
    moment: datetime
    """When it happened: aware, UTC, a whole second."""
    event_id: str
    cell: datetime
    """The start of its cell."""
    identity: str | None
    """What document ids of the same thing and visitor have in common, in all cells; None for an event of nobody."""
    previous_visitor_id: str | None = None
    """The visitor's key under the salt of the day before; only in the first cell of a day."""


class DocumentRef(NamedTuple):
    """Where a document is: its id, and the start of its cell, which says in what index."""

    start: datetime
    document_id: str


class Document(NamedTuple):
    """What is stored of a cell, or is to be."""

    fields: Event
    """Those of the latest click, which is the one that counts."""
    event_id: str
    first: datetime
    latest: datetime
    is_superseded: bool = False
    """Whether a click in the next cell is a double click of the latest here, so that this one never counts."""


@dataclass(slots=True)
class Cell:
    """The clicks of a batch that share one document."""

    ref: DocumentRef
    identity: str | None
    """What the ids of this visitor and thing end with, in any cell; None for an event of nobody, which is alone."""
    clicks: list[Click]
    is_ghost: bool = False
    """Whether it stands under yesterday's key, only to supersede yesterday's last cell."""

    def document(self) -> Document:
        """Return what the clicks make together; their order plays no part."""
        if len(self.clicks) == 1:
            (one,) = self.clicks
            return Document(one.fields, one.event_id, one.moment, one.moment, self.is_ghost)
        documents = [Document(one.fields, one.event_id, one.moment, one.moment, self.is_ghost) for one in self.clicks]
        return reduce(merge, documents)

    def drop(self, document: Document) -> list[Click]:
        """Take out and return the click whose fields a document has: all of them where it is none of these."""
        dropped = [one for one in self.clicks if (one.moment, one.event_id) == (document.latest, document.event_id)]
        dropped = dropped or self.clicks
        self.clicks = [one for one in self.clicks if one not in dropped]
        return dropped

    def before(self, window: int) -> DocumentRef | None:
        """Return the place of the cell before this one; None where there can be none."""
        return self._beside(-window)

    def after(self, window: int) -> DocumentRef | None:
        """Return the place of the cell after this one; None where there can be none."""
        return self._beside(window)

    def _beside(self, seconds: int) -> DocumentRef | None:
        if not seconds or self.identity is None or (found := _shifted(self.ref.start, seconds)) is None:
            return None
        start, written = found
        return DocumentRef(start, written + self.identity)


def fold(clicks: Iterable[Click], window: int) -> list[Cell]:
    """Return the cells of a batch, with the ghosts that belong to its clicks."""
    cells: dict[str, Cell] = {}
    for click in clicks:
        _put(cells, click)
        if window and click.previous_visitor_id is not None and (ghost := _ghost(click)) is not None:
            _put(cells, ghost, is_ghost=True)
    return list(cells.values())


def _put(cells: dict[str, Cell], click: Click, is_ghost: bool = False) -> None:
    document_id = document_id_of(click.cell, click.identity) or click.event_id
    cell = cells.get(document_id)
    if cell is None:
        cells[document_id] = Cell(DocumentRef(click.cell, document_id), click.identity, [click], is_ghost)
    else:
        cell.clicks.append(click)


def document_id_of(cell: datetime, identity: str | None) -> str | None:
    """Return the id that clicks of an identity share in a cell; None for an event of nobody, which is its own."""
    return None if identity is None else _written(cell) + identity


def identity_of(fields: Event) -> str | None:
    """Return what document ids of the same thing and visitor have in common, for all cells."""
    if fields.get("unique_id") is None or fields.get("visitor_id") is None:
        return None
    return hash_id("", fields)


_written: Callable[[datetime], str] = lru_cache(maxsize=8192)(iso)


@lru_cache(maxsize=8192)
def _shifted(start: datetime, seconds: int) -> tuple[datetime, str] | None:
    """Return the start of a cell so many seconds later, and as it is written; None beyond the calendar."""
    try:
        shifted = start + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return shifted, _written(shifted)


def _ghost(click: Click) -> Click | None:
    """Return a click's ghost: the same moment under the visitor's key of yesterday, and nothing else of it.

    What the ghost does not hold cannot tie yesterday's key to today's.
    """
    fields = {"unique_id": click.fields.get("unique_id"), "visitor_id": click.previous_visitor_id}
    if fields["visitor_id"] == click.fields.get("visitor_id") or (identity := identity_of(fields)) is None:
        return None
    if (click.cell.hour, click.cell.minute, click.cell.second) != (0, 0, 0):
        return None
    return Click(fields, click.moment, "", click.cell, identity)


def merge(document: Document, other: Document) -> Document:
    """Return a document with another of the same cell in it: the same object when that changes nothing.

    Of clicks in the same second the largest event id wins, so that their order plays no part.
    """
    is_newer = (other.latest, other.event_id) > (document.latest, document.event_id)
    is_superseded = document.is_superseded or other.is_superseded
    if not is_newer and other.first >= document.first and is_superseded == document.is_superseded:
        return document
    newest = other if is_newer else document
    return Document(newest.fields, newest.event_id, min(document.first, other.first), newest.latest, is_superseded)


def chains(earlier: Document, later: Document, window: int) -> bool:
    """Say whether the first click of a later cell is a double click of the latest of an earlier one."""
    return later.first - earlier.latest <= timedelta(seconds=window)


def to_source(document: Document, stamp: str) -> Event:
    """Return a document as the engine gets it, stamped with when it was sent."""
    source: Event = {**document.fields, "updated_timestamp": stamp}
    if "timestamp" not in source:
        source["timestamp"] = iso(document.latest)
    if document.event_id:
        source["event_id"] = document.event_id
    if document.first != document.latest:
        source["first"] = iso(document.first)
    if document.is_superseded:
        source["superseded"] = True
    return source


def to_document(source: Event) -> Document:
    """Return what the engine has stored of a cell, also by older releases; ValueError where it has no timestamp."""
    latest = to_second(parse(source.get("timestamp", "")))
    first = to_second(parse(source["first"])) if source.get("first") else latest
    return Document(source, source.get("event_id") or "", first, latest, bool(source.get("superseded")))


DEFAULT_WINDOW = 30
"""Seconds between clicks that still are one (COUNTER Release 5.1)."""


def check_window(seconds: object) -> int:
    """Return the window in seconds; 0 switches it off.

    A window has to divide an hour, so that the click that is kept never moves the event to
    another hour or day than its cell. ValueError says so.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds != int(seconds):
        raise ValueError(f"double_click_window is {seconds!r}; set it to a whole number of seconds.")
    if seconds < 0 or (seconds and 3600 % int(seconds)):
        raise ValueError(f"double_click_window is {seconds!r}; set it to 0 or to a divisor of 3600, such as 10 or 30.")
    return int(seconds)


def cell_start(moment: datetime, window: int) -> datetime:
    """Return the start of the cell that a click falls into: its own second where the window is 0.

    A window divides an hour (see `check_window`), so cells that lie end to end from the epoch begin with each hour.
    """
    moment = to_second(utc(moment))
    if not window:
        return moment
    return moment - timedelta(seconds=(moment.minute * 60 + moment.second) % window)
