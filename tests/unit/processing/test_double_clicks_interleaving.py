"""Several workers at once, at single engine operations, with faults anywhere: what counts is what the oracle says."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from invenio_stats.core.double_clicks import Cell
from invenio_stats.processing.double_clicks import CellWriter
from tests.fixtures.clicks import MIDNIGHT, NOON, at, day_index
from tests.unit.processing.interleavings import Explorer, Faults

ONE_EACH = [[at(10)], [at(35)]]
ONE_CELL = [[at(5)], [at(20)]]
CHAIN = [[at(10, 60)], [at(35)]]
MADE_A_CHAIN = [[at(1, 58)], [at(29)]]
BROKEN_CHAIN = [[at(10, 41)], [at(15)]]
AGAIN = [[at(10, 35)], [at(35, 10)]]
AGAIN_BY_ITSELF = [[at(10), at(35), at(10)], [at(35), at(10)]]
GHOST = [[at(-10, start=MIDNIGHT)], [at(10, start=MIDNIGHT)]]
GHOSTS = [[at(-10, 5, start=MIDNIGHT)], [at(10, -25, start=MIDNIGHT)]]
THREE = [[at(10)], [at(35)], [at(20)]]
ITEM = [[at(10, item="I")], [at(35)]]
LATE_ITEM = [[at(10, 35)], [at(12, item="I")]]
ITEM_FROM_AFAR = [[at(20, item="I")], [at(45, 70)]]
ITEM_THROUGH_A_MIDDLE = [[[*at(20, item="I"), *at(70)]], [at(45)]]


def explorer_of(writer: type[CellWriter] = CellWriter) -> Explorer:
    return Explorer(lambda client, clock: writer(client, 30, day_index, clock))


@pytest.mark.parametrize(
    ("batches", "faults"),
    [
        pytest.param(ONE_EACH, Faults(failures=2), id="a click each"),
        pytest.param(ONE_EACH, Faults(failures=1, stalls=1), id="a click each, the engine stands still"),
        pytest.param(ONE_CELL, Faults(failures=2), id="one cell"),
        pytest.param(ONE_CELL, Faults(failures=1, stalls=1), id="one cell, the engine stands still"),
        pytest.param(CHAIN, Faults(failures=1), id="the middle of a chain comes from elsewhere"),
        pytest.param(MADE_A_CHAIN, Faults(failures=1), id="a later click makes it a chain"),
        pytest.param(BROKEN_CHAIN, Faults(failures=1), id="a chain by a later click in the first cell"),
        pytest.param(AGAIN, Faults(failures=1), id="the same events twice"),
        pytest.param(AGAIN_BY_ITSELF, Faults(failures=1), id="again to a worker that remembers them"),
        pytest.param(GHOST, Faults(failures=1), id="midnight"),
        pytest.param(GHOST, Faults(stalls=1), id="midnight, the engine stands still"),
        pytest.param(GHOSTS, Faults(), id="midnight and two clicks each"),
        pytest.param(THREE, Faults(), id="three workers"),
        pytest.param(ITEM, Faults(failures=1), id="the earlier click has the item"),
        pytest.param(LATE_ITEM, Faults(), id="a late click has the item"),
        pytest.param(ITEM_FROM_AFAR, Faults(), id="the item of a click two cells before"),
        pytest.param(ITEM_THROUGH_A_MIDDLE, Faults(), id="the middle click carries the item on"),
    ],
)
def test_whatever_comes_between_each_click_counts_once(batches, faults):
    """All schedules: kills, redelivery, requests that take effect after they were given up."""
    explorer = explorer_of()
    explorer.explore(batches, faults)
    assert explorer.ends > 1


@pytest.mark.parametrize("start", [NOON, MIDNIGHT], ids=["noon", "midnight"])
def test_longer_streams_in_schedules_by_chance(start):
    """Three workers with several batches each, three failures: too many schedules to see them all."""
    clicks = [*at(-40, item="I", start=start), *at(-10, 5, 29, 31, 58, start=start)]
    for seed in range(60):
        batches = [[clicks[seed % 5 :], clicks[:2]], [clicks[1::2]], [clicks[::2], clicks[::-1]]]
        explorer_of().wander(batches, Faults(failures=3, stalls=1), seed)


@dataclass
class Through:
    """The engine, as one of the faulty writers below uses it."""

    engine: Any

    def __getattr__(self, name):
        return getattr(self.engine, name)


class ReadFirst(Through):
    """Answers from what was read before."""

    def __init__(self, engine, refs):
        super().__init__(engine)
        self.known = dict(zip(refs, engine.read(refs), strict=True))

    def read(self, refs):
        return [self.known.get(ref) for ref in refs]


class ReadsNeighboursFirst(CellWriter):
    """Reads the neighbours before its own write: of two workers neither sees the other."""

    def _store(self, cells, postponed):
        refs = [ref for cell in cells for ref in (cell.before(30), cell.after(30))]
        self.read_first = ReadFirst(self._engine, refs)
        return super()._store(cells, postponed)

    def _find_superseded(self, due, postponed):
        engine, self._engine = self._engine, self.read_first
        try:
            return super()._find_superseded(due, postponed)
        finally:
            self._engine = engine


class NoNext(Cell):
    """A cell that does not look ahead."""

    def after(self, window):
        return None


class ReadsThePreviousOnly(CellWriter):
    """Leaves it to the next cell's writer to flag this one."""

    def _find_superseded(self, due, postponed):
        return super()._find_superseded(
            [replace(state, cell=NoNext(state.cell.ref, state.cell.identity, state.cell.clicks)) for state in due],
            postponed,
        )


class OwnKnown(Through):
    """Does not read what this batch has written itself."""

    def __init__(self, engine, due):
        super().__init__(engine)
        self.own = {state.cell.ref: state.as_found() for state in due}

    def read(self, refs):
        return [self.own.get(ref) or found for ref, found in zip(refs, self.engine.read(refs), strict=True)]


class KnowsItsOwn(CellWriter):
    """Takes a neighbour of the same bulk for what it was then, though others may have changed it since."""

    def _find_superseded(self, due, postponed):
        engine, self._engine = self._engine, OwnKnown(self._engine, due)
        try:
            return super()._find_superseded(due, postponed)
        finally:
            self._engine = engine


class SkipsWhatChangedNothing(CellWriter):
    """Takes what is stored for done, though its writer may have died before it looked at the neighbours."""

    def _find_superseded(self, due, postponed):
        return super()._find_superseded([state for state in due if not state.is_unchanged], postponed)


class KeepsAnItemToItself(CellWriter):
    """Gives an item to the next cell, and does not look whether there is one after that."""

    def _write_links(self, links, postponed):
        flagged, _ = super()._write_links(links, postponed)
        return flagged, []


class NeverStampsAnew(CellWriter):
    """Leaves a document as it is that came to be seen long after it was stamped."""

    def _is_stored(self, state):
        return state.is_unchanged


class Overwrites(Through):
    """Writes over whatever is there, without comparing."""

    def write(self, writes):
        found = self.engine.read([write.ref for write in writes])
        versions = [write and write.version for write in found]
        return self.engine.write([write._replace(version=now) for write, now in zip(writes, versions, strict=True)])


class NeverCompares(CellWriter):
    """Merges without compare-and-set."""

    def __init__(self, *args):
        super().__init__(*args)
        self._engine = Overwrites(self._engine)


@pytest.mark.parametrize(
    ("writer", "batches", "faults"),
    [
        pytest.param(ReadsNeighboursFirst, ONE_EACH, Faults(), id="reads neighbours first"),
        pytest.param(ReadsThePreviousOnly, ONE_EACH, Faults(), id="reads the previous only"),
        pytest.param(KnowsItsOwn, MADE_A_CHAIN, Faults(), id="does not read what it has just written"),
        pytest.param(SkipsWhatChangedNothing, ONE_EACH, Faults(failures=1), id="skips what changed nothing"),
        pytest.param(KeepsAnItemToItself, ITEM_FROM_AFAR, Faults(), id="keeps an item to itself"),
        pytest.param(NeverStampsAnew, ONE_EACH, Faults(failures=1, stalls=1), id="never stamps anew"),
        pytest.param(NeverCompares, ONE_CELL, Faults(), id="never compares"),
    ],
)
def test_a_writer_with_a_fault_is_found_out(writer, batches, faults):
    """The exploration above is as good as what it finds; these have been tried and fail."""
    with pytest.raises(AssertionError, match="instead of|passed"):
        explorer_of(writer).explore(batches, faults)
