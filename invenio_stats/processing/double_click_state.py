"""Track the state of each cell of a batch, the cells that this worker has finished, and the outcome of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from invenio_stats.core.double_click_documents import Document, merge
from invenio_stats.core.double_clicks import Cell, Click
from invenio_stats.processing.double_click_requests import Blocked, Found
from invenio_stats.search.versions import Version


class RefusedClick(NamedTuple):
    """A click that the engine will never accept, and the reason."""

    click: Click
    reason: str


class PostponedClick(NamedTuple):
    """A click that cannot be brought to the end as long as an index refuses."""

    click: Click
    blocked: Blocked


class Written(NamedTuple):
    """The outcome of a batch: each click is counted in one of the first four fields, or postponed."""

    stored: int
    """Clicks that created a document."""
    duplicates: int
    """Events that were stored before, or were twice in the batch, as far as their ids tell."""
    collapsed: int
    """Clicks that share the document of others."""
    refused: list[RefusedClick]
    superseded: int
    """Documents that no longer count, because a later click chains to them."""
    postponed: Sequence[PostponedClick] = ()
    """Clicks that are to be written again: their index refuses, or that of a neighbour which has to be checked."""


@dataclass(slots=True)
class CellState:
    """The state of a cell while it is stored."""

    cell: Cell
    document: Document
    """The document to be stored; after that, the document as stored."""
    version: Version | None = None
    found: Found | None = None
    """The document that another batch had stored for the cell."""

    def merge_with(self, found: Found | None) -> None:
        """Merge the clicks into the stored document; None if there is none."""
        folded = self.cell.document()
        self.found, self.version = found, found and found.version
        self.document = merge(found.document, folded) if found else folded

    def as_found(self) -> Found:
        """Return the document that this worker has stored, without reading it."""
        assert self.version is not None
        return Found(self.document, self.version, is_aged=False)

    @property
    def is_unchanged(self) -> bool:
        """Whether the stored document already contains the clicks."""
        return self.found is not None and self.document is self.found.document


class Postponed:
    """The cells of a batch that cannot be brought to the end, with the index that is in the way."""

    def __init__(self, cells: Sequence[Cell]):
        self._cells = {cell.ref.document_id: cell for cell in cells}
        self._blocked: dict[str, Blocked] = {}

    def add(self, cell: Cell, blocked: Blocked) -> None:
        """Note a cell, and the cells that it was made for."""
        for document_id in (cell.ref.document_id, *cell.made_for):
            self._blocked.setdefault(document_id, blocked)

    def __contains__(self, cell: Cell) -> bool:
        """Return True if a cell was noted."""
        return cell.ref.document_id in self._blocked

    def clicks(self) -> list[PostponedClick]:
        """Return the clicks of all cells that were noted; those of ghosts are in the cells that they were made for."""
        found = [(self._cells[name], blocked) for name, blocked in self._blocked.items() if name in self._cells]
        return [PostponedClick(click, blocked) for cell, blocked in found if not cell.is_ghost for click in cell.clicks]


class _Finished(NamedTuple):
    """What decides how a document is linked to its neighbours."""

    first: datetime
    latest: datetime
    item_source: tuple[datetime, str] | None


class FinishedCells:
    """The most recent cells that a worker has finished, each with what linked it to its neighbours."""

    def __init__(self, max_cells: int):
        self._max_cells = max_cells
        self._newer: dict[str, _Finished] = {}
        self._older: dict[str, _Finished] = {}

    def covers(self, cell: Cell) -> bool:
        """Return True if all clicks of a cell, and its item, are those with which the worker has finished it."""
        known = self._newer.get(cell.ref.document_id) or self._older.get(cell.ref.document_id)
        if known is None:
            return False
        clicks = cell.document()
        if clicks.item_source is not None and (known.item_source is None or known.item_source < clicks.item_source):
            return False
        return known.first <= clicks.first and clicks.latest <= known.latest

    def add(self, state: CellState) -> None:
        """Add a cell, and forget older ones if there are too many."""
        if len(self._newer) >= self._max_cells // 2:
            self._newer, self._older = {}, self._newer
        document = state.document
        self._newer[state.cell.ref.document_id] = _Finished(document.first, document.latest, document.item_source)


def count_clicks(stored: Sequence[CellState]) -> tuple[int, int, int]:
    """Return how many clicks created a document, were stored before, and share the document of other clicks."""
    new = duplicates = collapsed = 0
    for state in stored:
        if state.cell.is_ghost:
            continue
        ids = {click.event_id for click in state.cell.clicks}
        duplicates += len(state.cell.clicks) - len(ids)
        collapsed += len(ids) - 1
        if state.found is None:
            new += 1
        elif state.found.document.event_id in ids:
            duplicates += 1
        else:
            collapsed += 1
    return new, duplicates, collapsed
