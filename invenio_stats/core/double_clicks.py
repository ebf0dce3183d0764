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

from invenio_stats.core.agent_classes import is_person
from invenio_stats.core.double_click_documents import Document, merge
from invenio_stats.core.events import Event, hash_id
from invenio_stats.core.moments import iso, to_second, utc


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
    """The part of the document id that this visitor, item and kind of agent share in all cells; None if there is no
    visitor."""
    previous_visitor_id: str | None = None
    """The visitor's key under the previous day's salt; set only in the first cell of a day."""


class DocumentRef(NamedTuple):
    """Address of a document: its id, and the start of its cell, which determines the index."""

    start: datetime
    document_id: str


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
    """Return the part of the document id that a visitor, item and kind of agent share in all cells.

    Robots', AI agents' and tools' clicks never share a cell with those of people, or with each other's. None if visitor
    or item is missing.
    """
    unique_id, visitor_id = fields.get("unique_id"), fields.get("visitor_id")
    if unique_id is None or visitor_id is None:
        return None
    kind = kind_of(fields)
    return (
        hash_id("", fields) if not kind else hash_id("", {"unique_id": unique_id, "visitor_id": f"{visitor_id}|{kind}"})
    )


def kind_of(fields: Event) -> str:
    """Return the class of an automated agent; an empty text for people, and for events without a class."""
    agent_class = fields.get("agent_class")
    return "" if agent_class is None or is_person(agent_class) else str(agent_class)


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
    if fields["visitor_id"] == click.fields.get("visitor_id"):
        return None
    if (identity := identity_of({**fields, "agent_class": click.fields.get("agent_class")})) is None:
        return None
    if (click.cell.hour, click.cell.minute, click.cell.second) != (0, 0, 0):
        return None
    return Click(fields, click.moment, "", click.cell, identity)


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
