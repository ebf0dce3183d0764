"""Find the largest sums exactly, where each shard of the search engine knows only its own part of each sum."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import nlargest, nsmallest
from typing import NamedTuple

from invenio_stats.search.steps import Steps

DOUBLINGS = 2
"""How often more is fetched of each shard before all sums are taken."""


class Ranked(NamedTuple):
    """One row of a list."""

    key: str
    value: int


class ShardTop(NamedTuple):
    """The largest values of one shard."""

    values: Mapping[str, int]
    is_cut: bool
    """Whether the shard may have more keys; none of them has more than the smallest of the values there."""

    @property
    def bound(self) -> int:
        """What a key that is not among the values has at most in this shard."""
        return min(self.values.values(), default=0) if self.is_cut else 0


def in_order(ranked: Ranked) -> tuple[int, str]:
    """Sort by value, the largest first; equal ones by key."""
    return -ranked.value, ranked.key


def find_top(
    wanted: int,
    size: int,
    fetch_tops: Callable[[int], Steps[Sequence[ShardTop]]],
    fetch_sums: Callable[[Collection[str]], Steps[Mapping[str, int]]],
    doublings: int = DOUBLINGS,
) -> Steps[list[Ranked] | None]:
    """Return the `wanted` largest sums over all shards, or all if there are fewer; None if their order is not proven.

    `fetch_tops` returns the so many largest of each shard, at first `size`, and `fetch_sums` the exact sums of keys. A
    key that no shard returned has at most the sum of the shards' bounds, so the order is proven when the last of those
    wanted has more. With nearly equal sums that never happens.
    """
    sums: dict[str, int] = {}
    for doubling in range(doublings + 1):
        tops = yield from fetch_tops(size << doubling)
        is_cut = any(top.is_cut for top in tops)
        unseen = sum(top.bound for top in tops)
        candidates = find_candidates(tops, wanted)
        if not is_cut or _is_more(nlargest(wanted, candidates.values()), wanted, unseen):
            new = candidates.keys() - sums.keys()
            sums |= (yield from fetch_sums(new)) if new else {}
            found = take(wanted, (Ranked(*item) for item in sums.items()))
            if not is_cut or _is_more([row.value for row in found], wanted, unseen):
                return found
        if unseen == 0:
            return None  # those wanted are 0 as well as those unseen: only all of them tell the order of their keys
    return None


def _is_more(values: Sequence[int], wanted: int, unseen: int) -> bool:
    """Return True if there are as many values as wanted, in order, and the last is more than any that was not seen."""
    return len(values) == wanted and values[-1] > unseen


def find_candidates(tops: Iterable[ShardTop], wanted: int) -> dict[str, int]:
    """Return the keys of the shards that may be among those wanted, each with the most that it can have."""
    bounds = [(top, top.bound) for top in tops]
    unseen = sum(bound for _, bound in bounds)
    least: Counter[str] = Counter()
    most: dict[str, int] = {}
    for top, bound in bounds:
        least.update(top.values)
        for key, value in top.values.items():
            most[key] = most.get(key, unseen) - bound + value
    largest = nlargest(wanted, least.values())
    enough = largest[-1] if len(largest) == wanted else 0
    return {key: value for key, value in most.items() if value >= enough}


def take(wanted: int, rows: Iterable[Ranked]) -> list[Ranked]:
    """Return the first `wanted` rows in order, of any number of rows."""
    return nsmallest(wanted, rows, key=in_order)
