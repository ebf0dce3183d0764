"""Batches of cells: how far each cell has come, what this worker has done before, and what became of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from invenio_stats.core.double_clicks import Cell, Click, Document, merge
from invenio_stats.processing.double_click_requests import Blocked, Found
from invenio_stats.search.versions import Version


class RefusedClick(NamedTuple):
    """A click that the engine will never take, and why."""

    click: Click
    reason: str


class PostponedClick(NamedTuple):
    """A click that cannot be brought to the end as long as an index refuses."""

    click: Click
    blocked: Blocked


class Written(NamedTuple):
    """What became of the clicks of a batch: each is in one of the first four, or postponed."""

    stored: int
    """Clicks that made a new document."""
    duplicates: int
    """Events that were stored already, or came twice in the batch, as far as that can be known by their ids."""
    collapsed: int
    """Clicks that share the document of others."""
    refused: list[RefusedClick]
    superseded: int
    """Documents that count no more, because a click chains on to theirs."""
    postponed: Sequence[PostponedClick] = ()
    """Clicks that are to be written again: their index refuses, or that of a neighbour which has to be checked."""


@dataclass(slots=True)
class Storing:
    """A cell on its way into the engine."""

    cell: Cell
    document: Document
    """What is to be stored of it, and then what is."""
    version: Version | None = None
    found: Found | None = None
    """What somebody had stored of it already."""

    def meet(self, found: Found | None) -> None:
        """Fold the clicks into what is stored."""
        folded = self.cell.document()
        self.found, self.version = found, found and found.version
        self.document = merge(found.document, folded) if found else folded

    def own(self) -> Found:
        """Return the document as this worker knows it to be stored."""
        assert self.version is not None
        return Found(self.document, self.version, is_aged=False)

    @property
    def changes_nothing(self) -> bool:
        """Whether what was found holds the clicks already."""
        return self.found is not None and self.document is self.found.document


class Postponed:
    """The cells of a batch that cannot be brought to the end, with the index that is in the way."""

    def __init__(self, cells: Sequence[Cell]):
        self._cells = {cell.ref.document_id: cell for cell in cells}
        self._blocked: dict[str, Blocked] = {}

    def add(self, cell: Cell, blocked: Blocked) -> None:
        """Note a cell, and for a ghost the cells that it was made for."""
        for document_id in (cell.ref.document_id, *cell.made_for):
            self._blocked.setdefault(document_id, blocked)

    def __contains__(self, cell: Cell) -> bool:
        """Return True if a cell was noted."""
        return cell.ref.document_id in self._blocked

    def clicks(self) -> list[PostponedClick]:
        """Return the clicks of all cells that were noted; those of ghosts are in the cells that they were made for."""
        found = [(self._cells[name], blocked) for name, blocked in self._blocked.items()]
        return [PostponedClick(one, blocked) for cell, blocked in found if not cell.is_ghost for one in cell.clicks]


class Checked:
    """The cells that a worker has brought to the end: from when to when their clicks were; the latest of them."""

    def __init__(self, most: int):
        self._most = most
        self._newer: dict[str, tuple[datetime, datetime]] = {}
        self._older: dict[str, tuple[datetime, datetime]] = {}

    def covers(self, cell: Cell) -> bool:
        """Say whether the clicks of a cell lie within what was checked."""
        known = self._newer.get(cell.ref.document_id) or self._older.get(cell.ref.document_id)
        if known is None:
            return False
        clicks = cell.document()
        return known[0] <= clicks.first and clicks.latest <= known[1]

    def add(self, one: Storing) -> None:
        """Remember a cell, and forget older ones where there are too many."""
        if len(self._newer) >= self._most // 2:
            self._newer, self._older = {}, self._newer
        self._newer[one.cell.ref.document_id] = one.document.first, one.document.latest


def tally(stored: Sequence[Storing]) -> tuple[int, int, int]:
    """Return how many clicks made a document, were there already, and share the document of others."""
    new = duplicates = collapsed = 0
    for one in stored:
        if one.cell.is_ghost:
            continue
        ids = {click.event_id for click in one.cell.clicks}
        duplicates += len(one.cell.clicks) - len(ids)
        collapsed += len(ids) - 1
        if one.found is None:
            new += 1
        elif one.found.document.event_id in ids:
            duplicates += 1
        else:
            collapsed += 1
    return new, duplicates, collapsed
