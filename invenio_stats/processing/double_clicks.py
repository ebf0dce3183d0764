"""Cells: clicks are stored so that each double click counts once, whoever else is storing at the same time.

The steps, and why in this order: docs/how-it-works, "Cells". What must not change: a worker reads the
neighbours of a cell in a request of its own that begins after its cell is stored. So of two workers at two
neighbours the one that stores last sees the other's.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.core.double_clicks import Cell, Click, DocumentRef, chains, fold
from invenio_stats.processing.double_click_requests import Blocked, CellRequests, Found, Refusal, Write
from invenio_stats.processing.double_click_state import Checked, Postponed, RefusedClick, Storing, Written, tally
from invenio_stats.search.versions import Version

__all__ = ("CellWriter", "RefusedClick", "Written")

logger = logging.getLogger(__name__)


class CellWriter:
    """Stores clicks by cells. Keep one for each worker: it remembers which cells it has brought to the end."""

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

        :param window: seconds within which two clicks are one; 0 for none, and then each second is its own cell.
        :param index_of: returns the index, or its alias, of a cell by its start; asked for neighbours too.
        :param clock: returns the present moment, aware.
        :param refused_fields: returns the fields of ours that an index does not take. Where it does not take
            `superseded`, clicks collapse inside a cell only.
        :param remembered: how many cells this worker remembers.
        """
        self._engine = CellRequests(client, index_of, clock, refused_fields)
        self._window = window
        self._checked = Checked(remembered)

    def write(self, clicks: Iterable[Click]) -> Written:
        """Store a batch, and flag what it supersedes: once this returns, the batch may be acknowledged.

        Clicks in `postponed` are to be written again later: an index refuses them, or cannot be checked for clicks
        beside them. EngineUnavailableError and errors of the client leave part of the batch done; to write the same
        clicks again completes it, whoever does so.
        """
        cells = [cell for cell in fold(clicks, self._window) if not cell.is_ghost or self._can_flag(cell.ref)]
        postponed = Postponed(cells)
        stored, refused = self._store(cells, postponed)
        due = [one for one in stored if not (one.changes_nothing and self._checked.covers(one.cell))]
        superseded = self._flag(self._superseded(due, postponed), postponed)
        for one in due:
            if one.cell not in postponed:
                self._checked.add(one)
        done = [one for one in stored if one.cell not in postponed]
        return Written(*tally(done), refused, superseded, postponed.clicks())

    def _can_flag(self, ref: DocumentRef) -> bool:
        return self._engine.keeps(ref.start, "superseded")

    def _store(self, cells: Sequence[Cell], postponed: Postponed) -> tuple[list[Storing], list[RefusedClick]]:
        """Create the documents, and merge with those that are there, until each holds its clicks."""
        stored: list[Storing] = []
        refused: list[RefusedClick] = []
        waiting = [Storing(cell, cell.document()) for cell in cells]
        while waiting:
            met: list[tuple[Storing, Found | None]] = []
            conflicting = []
            answers = self._engine.write([Write(one.cell.ref, one.document, one.version) for one in waiting])
            for one, answer in zip(waiting, answers, strict=True):
                if answer is None:
                    conflicting.append(one)
                elif isinstance(answer, Version):
                    one.version = answer
                    stored.append(one)
                elif isinstance(answer, Blocked):
                    postponed.add(one.cell, answer)
                else:
                    refused += _refused(one, answer)
                    met.append((one, one.found))
            met += self._read_again(conflicting, postponed)
            waiting = []
            for one, existing in met:
                if not one.cell.clicks:
                    continue
                one.meet(existing)
                (stored if self._is_done(one) else waiting).append(one)
        return stored, refused

    def _read_again(
        self, conflicting: Sequence[Storing], postponed: Postponed
    ) -> Iterator[tuple[Storing, Found | None]]:
        """Yield cells with what somebody else has stored of them meanwhile."""
        for one, found in zip(conflicting, self._engine.read([one.cell.ref for one in conflicting]), strict=True):
            if isinstance(found, Blocked):
                postponed.add(one.cell, found)
            else:
                yield one, found

    def _is_done(self, one: Storing) -> bool:
        """Say whether nothing is to be written of a cell.

        What is there may come from a request that nobody waits for any more, and may have come to be seen
        long after its stamp: then it is stamped anew, or aggregations pass it by.
        """
        if not one.changes_nothing or one.found is None:
            return False
        return not one.found.is_aged or self._checked.covers(one.cell)

    def _superseded(self, due: Sequence[Storing], postponed: Postponed) -> list["_Flag"]:
        """Read both neighbours of every cell, also of those that were stored before; return what is to be flagged."""
        sides = [(one, one.cell.before(self._window), one.cell.after(self._window)) for one in due]
        refs = {ref.document_id: ref for _, *both in sides for ref in both if ref is not None}
        found = dict(zip(refs, self._engine.read(list(refs.values())), strict=True))
        flags: dict[str, _Flag] = {}
        for one, before, after in sides:
            earlier = found[before.document_id] if before else None
            later = found[after.document_id] if after else None
            if blocked := next((side for side in (earlier, later) if isinstance(side, Blocked)), None):
                postponed.add(one.cell, blocked)
            if before and isinstance(earlier, Found) and chains(earlier.document, one.document, self._window):
                flags.setdefault(before.document_id, _Flag(before, earlier, [])).cells.append(one.cell)
            if isinstance(later, Found) and chains(one.document, later.document, self._window):
                own = found.get(one.cell.ref.document_id)
                own = own if isinstance(own, Found) else one.own()
                flags.setdefault(one.cell.ref.document_id, _Flag(one.cell.ref, own, [])).cells.append(one.cell)
        return [flag for flag in flags.values() if _is_open(flag.found) and self._can_flag(flag.ref)]

    def _flag(self, flags: Sequence["_Flag"], postponed: Postponed) -> int:
        """Mark documents as superseded; return how many were not before."""
        flagged = 0
        while flags:
            answers = self._engine.write(
                [Write(ref, found.document._replace(is_superseded=True), found.version) for ref, found, _ in flags]
            )
            conflicting = []
            for flag, answer in zip(flags, answers, strict=True):
                if answer is None:
                    conflicting.append(flag)
                elif isinstance(answer, Version):
                    flagged += not flag.found.document.is_superseded
                elif isinstance(answer, Blocked):
                    flag.postpone(postponed, answer)
                else:
                    _warn(flag.ref, answer)
            flags = list(self._flag_again(conflicting, postponed))
        return flagged

    def _flag_again(self, conflicting: Sequence["_Flag"], postponed: Postponed) -> Iterator["_Flag"]:
        """Yield what is still to be marked of documents that somebody else has changed meanwhile."""
        for flag, found in zip(conflicting, self._engine.read([flag.ref for flag in conflicting]), strict=True):
            if isinstance(found, Blocked):
                flag.postpone(postponed, found)
            elif found is not None and _is_open(found):
                yield flag._replace(found=found)


class _Flag(NamedTuple):
    """A document that is to be marked as superseded."""

    ref: DocumentRef
    found: Found
    cells: list[Cell]
    """The cells of the batch that show it to be superseded."""

    def postpone(self, postponed: Postponed, blocked: Blocked) -> None:
        """Have the cells written again: as long as the mark is missing, they count twice."""
        for cell in self.cells:
            postponed.add(cell, blocked)


def _is_open(found: Found) -> bool:
    """Say whether a superseded document has still to be written as such, or stamped anew (see `_is_done`)."""
    return not found.document.is_superseded or found.is_aged


def _refused(one: Storing, refusal: Refusal) -> list[RefusedClick]:
    """Take the clicks that the engine refuses out of a cell: one of them never takes others with it."""
    clicks = one.cell.drop(one.document)
    if one.cell.is_ghost:
        _warn(one.cell.ref, refusal)
        return []
    return [RefusedClick(click, refusal.reason) for click in clicks]


def _warn(ref: DocumentRef, refusal: Refusal) -> None:
    logger.warning(
        "A double click cannot be marked: it counts", extra={"document": ref.document_id, "reason": refusal.reason}
    )
