"""Count the most frequent keys in bounded memory: the summary of Misra and Gries, which can be merged."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Summary(Generic[K]):
    """Counts of some keys out of any number of them.

    Each key, also one that is not there, was seen at least as often as its count says, and at most `missed` times more.
    """

    counts: Mapping[K, int]
    missed: int


def merge(first: Summary[K], second: Summary[K], max_keys: int) -> Summary[K]:
    """Return a summary of what two have seen, with at most so many keys.

    In whatever order summaries are merged: `missed` is at most the number of all sightings, divided by one more than
    the number of keys. With no more different keys than that, it is 0 and all counts are exact.
    """
    counts = Counter(first.counts)
    counts.update(second.counts)
    missed = first.missed + second.missed
    if len(counts) <= max_keys:
        return Summary(dict(counts), missed)
    cut = sorted(counts.values(), reverse=True)[max_keys]
    return Summary({key: count - cut for key, count in counts.items() if count > cut}, missed + cut)
