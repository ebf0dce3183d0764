"""Store clicks by cells so that each double click counts once, even if other workers store clicks at the same time.

The steps and the reasons for their order are in docs/how-it-works, "Cells". One rule must never change: a worker reads
the neighbours of a cell in a separate request, which starts after its own cell is stored. So if two workers store
neighbouring cells, the worker that stores last sees the other's cell.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from invenio_stats.core.double_click_documents import chains
from invenio_stats.core.double_clicks import Cell, Click, DocumentRef, fold
from invenio_stats.processing.double_click_links import Link, link_documents
from invenio_stats.processing.double_click_requests import Blocked, CellRequests, Found, Refusal, Write
from invenio_stats.processing.double_click_state import (
    CellState,
    FinishedCells,
    Postponed,
    RefusedClick,
    Written,
    count_clicks,
)
from invenio_stats.search.versions import Version

__all__ = ("CellWriter", "RefusedClick", "Written")

logger = logging.getLogger(__name__)


class CellWriter:
    """Stores clicks by cells. Keep one for each worker: it remembers which cells it has finished."""

    def __init__(
        self,
        client: Any,
        window: int,
        index_of: Callable[[datetime], str],
        clock: Callable[[], datetime],
        refused_fields: Callable[[str], Collection[str]] = lambda index: (),
        remembered: int = 50_000,
    ):
        """Write with a client of the search engine.

        :param window: seconds within which two clicks are a double click; 0 for none: then each second is a cell.
        :param index_of: returns the index of a cell, or its alias, by the cell's start; also called for neighbours.
        :param clock: returns the current time, aware.
        :param refused_fields: returns the fields that an index rejects. If `superseded` is one of them, only double
            clicks inside a cell are removed.
        :param remembered: number of finished cells that this worker remembers.
        """
        self._engine = CellRequests(client, index_of, clock, refused_fields)
        self._window = window
        self._finished = FinishedCells(remembered)

    def write(self, clicks: Iterable[Click]) -> Written:
        """Store a batch, and flag the documents that it supersedes; after that the batch may be acknowledged.

        Clicks in `postponed` must be written again later: an index refuses them, or cannot be checked for clicks beside
        them. EngineUnavailableError and errors of the client leave the batch incomplete; any worker completes it by
        writing the same clicks again.
        """
        cells = [cell for cell in fold(clicks, self._window) if not cell.is_ghost or self._can_flag(cell.ref)]
        postponed = Postponed(cells)
        stored, refused = self._store(cells, postponed)
        # A cell that changed nothing is skipped only if this worker has finished it before: another worker may have
        # stored it, and been killed before it looked at the neighbours.
        due = [state for state in stored if not (state.is_unchanged and self._finished.covers(state.cell))]
        # Only after the whole batch is stored: see the rule in the docstring of this module.
        superseded, changed = self._write_links(self._find_superseded(due, postponed), postponed)
        while changed:  # a cell that has got an item may have to give it to the next one
            _, changed = self._write_links(self._find_superseded(changed, postponed), postponed)
        for state in due:
            if state.cell not in postponed:
                self._finished.add(state)
        done = [state for state in stored if state.cell not in postponed]
        return Written(*count_clicks(done), refused, superseded, postponed.clicks())

    def _can_flag(self, ref: DocumentRef) -> bool:
        return self._engine.accepts(ref.start, "superseded")

    def _store(self, cells: Sequence[Cell], postponed: Postponed) -> tuple[list[CellState], list[RefusedClick]]:
        """Create the documents, and merge them with stored ones, until each document contains its clicks."""
        stored: list[CellState] = []
        refused: list[RefusedClick] = []
        waiting = [CellState(cell, cell.document()) for cell in cells]
        while waiting:
            to_merge: list[tuple[CellState, Found | None]] = []
            conflicting = []
            # Create first, read only after a conflict: most cells are new, and need no read.
            answers = self._engine.write([Write(state.cell.ref, state.document, state.version) for state in waiting])
            for state, answer in zip(waiting, answers, strict=True):
                if answer is None:
                    conflicting.append(state)
                elif isinstance(answer, Version):
                    state.version = answer
                    stored.append(state)
                elif isinstance(answer, Blocked):
                    postponed.add(state.cell, answer)
                else:
                    refused += _drop_refused(state, answer)
                    to_merge.append((state, state.found))
            # A cell that lost some clicks to a refusal is merged again with what it had found, and needs no new read.
            to_merge += self._read_again(conflicting, postponed)
            waiting = []
            for state, existing in to_merge:
                if not state.cell.clicks:
                    continue
                state.merge_with(existing)
                (stored if self._is_stored(state) else waiting).append(state)
        return stored, refused

    def _read_again(
        self, conflicting: Sequence[CellState], postponed: Postponed
    ) -> Iterator[tuple[CellState, Found | None]]:
        """Yield cells with the documents that other workers have stored meanwhile."""
        refs = [state.cell.ref for state in conflicting]
        for state, found in zip(conflicting, self._engine.read(refs), strict=True):
            if isinstance(found, Blocked):
                postponed.add(state.cell, found)
            else:
                yield state, found

    def _is_stored(self, state: CellState) -> bool:
        """Return True if a cell need not be written.

        A stored document may come from a request whose sender gave up waiting, and may have become visible long after
        its stamp: then it is written again with a new stamp, since aggregations could miss it.
        """
        if not state.is_unchanged or state.found is None:
            return False
        return not state.found.is_aged or self._finished.covers(state.cell)

    def _find_superseded(self, due: Sequence[CellState], postponed: Postponed) -> list[Link]:
        """Read both neighbours of every cell, also of cells stored before; return what their double clicks change."""
        # A cell without clicks has got the item of the one before it, which needs no second look.
        sides = [
            (state, state.cell.before(self._window) if state.cell.clicks else None, state.cell.after(self._window))
            for state in due
        ]
        refs = {ref.document_id: ref for _, *both in sides for ref in both if ref is not None}
        found = dict(zip(refs, self._engine.read(list(refs.values())), strict=True))
        links: dict[str, Link] = {}
        for state, before, after in sides:
            earlier = found[before.document_id] if before else None
            later = found[after.document_id] if after else None
            if blocked := next((side for side in (earlier, later) if isinstance(side, Blocked)), None):
                postponed.add(state.cell, blocked)
            if before and isinstance(earlier, Found) and chains(earlier.document, state.document, self._window):
                link_documents(links, state.cell, (before, earlier), _own(state, found))
            if after and isinstance(later, Found) and chains(state.document, later.document, self._window):
                link_documents(links, state.cell, _own(state, found), (after, later))
        return [link for link in links.values() if link.is_due and self._can_flag(link.ref)]

    def _write_links(self, links: Sequence[Link], postponed: Postponed) -> tuple[int, list[CellState]]:
        """Write the documents; return how many were not superseded before, and the cells with another cell's item."""
        flagged, inherited = 0, []
        while links:
            answers = self._engine.write([Write(link.ref, link.document, link.found.version) for link in links])
            conflicting = []
            for link, answer in zip(links, answers, strict=True):
                if answer is None:
                    conflicting.append(link)
                elif isinstance(answer, Version):
                    flagged += link.is_superseded and not link.found.document.is_superseded
                    inherited += [link.as_state(answer)] if link.has_inherited else []
                elif isinstance(answer, Blocked):
                    link.postpone(postponed, answer)
                else:
                    _warn(link.ref, answer)
            links = list(self._link_again(conflicting, postponed))
        return flagged, inherited

    def _link_again(self, conflicting: Sequence[Link], postponed: Postponed) -> Iterator[Link]:
        """Yield what is still to be changed of documents that somebody else has changed meanwhile."""
        for link, found in zip(conflicting, self._engine.read([link.ref for link in conflicting]), strict=True):
            if isinstance(found, Blocked):
                link.postpone(postponed, found)
            elif found is not None:
                link.found = found
                if link.is_due:
                    yield link


def _own(state: CellState, found: Mapping[str, Found | Blocked | None]) -> tuple[DocumentRef, Found]:
    """Return the document of a cell, as it was found if it is also a neighbour of another one."""
    own = found.get(state.cell.ref.document_id)
    return state.cell.ref, own if isinstance(own, Found) else state.as_found()


def _drop_refused(state: CellState, refusal: Refusal) -> list[RefusedClick]:
    """Remove the clicks that the engine rejects from a cell and return them; the other clicks remain."""
    clicks = state.cell.drop(state.document)
    if state.cell.is_ghost:
        _warn(state.cell.ref, refusal)
        return []
    return [RefusedClick(click, refusal.reason) for click in clicks]


def _warn(ref: DocumentRef, refusal: Refusal) -> None:
    logger.warning(
        "A double click cannot be marked, so it counts", extra={"document": ref.document_id, "reason": refusal.reason}
    )
