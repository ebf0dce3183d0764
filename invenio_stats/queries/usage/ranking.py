"""Find the largest sums exactly, where each shard of the search engine knows only its own part of each sum."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from heapq import nsmallest
from typing import NamedTuple

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
    fetch_tops: Callable[[int], Iterable[ShardTop]],
    fetch_sums: Callable[[Collection[str]], Mapping[str, int]],
) -> list[Ranked] | None:
    """Return the `wanted` largest sums over all shards, or all if there are fewer; None if their order is not proven.

    `fetch_tops` returns the so many largest of each shard, at first `size`, and `fetch_sums` the exact sums of keys. A
    key that no shard returned has at most the sum of the shards' bounds, so the order is proven when the last of those
    wanted has more. With nearly equal sums that never happens.
    """
    sums: dict[str, int] = {}
    for doubling in range(DOUBLINGS + 1):
        tops = list(fetch_tops(size << doubling))
        if not any(top.is_cut for top in tops):
            return take(wanted, (Ranked(*item) for item in _add(tops).items()))
        new = {key for top in tops for key in top.values} - sums.keys()
        sums |= fetch_sums(new) if new else {}
        found = take(wanted, (Ranked(*item) for item in sums.items()))
        unseen = sum(top.bound for top in tops)
        if len(found) == wanted and found[-1].value > unseen:
            return found
    return None


def _add(tops: Iterable[ShardTop]) -> Mapping[str, int]:
    """Return the sums over shards that returned all that they have."""
    sums: Counter[str] = Counter()
    for top in tops:
        sums.update(top.values)
    return sums


def take(wanted: int, rows: Iterable[Ranked]) -> list[Ranked]:
    """Return the first `wanted` rows in order, of any number of rows."""
    return nsmallest(wanted, rows, key=in_order)
