"""Find the most used things of a list, exactly over any number of indices, shards and keys."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.queries.usage.all_sums import Largest, fetch_all_sums
from invenio_stats.queries.usage.parameters import Position
from invenio_stats.queries.usage.ranking import DOUBLINGS, Ranked, find_top
from invenio_stats.queries.usage.shards import ShardTops
from invenio_stats.queries.usage.sources import Source
from invenio_stats.search.steps import Steps, together


class Limits(NamedTuple):
    """How much is fetched in which way."""

    top: int = 100
    """Keys of each shard that are fetched at first, or twice the rows that are wanted, if these are more."""
    terms: int = 65_000
    """Keys in one aggregation; the engine's limit is 65,535 groups (`search.max_buckets`). If those of all shards would
    be more together, all sums are taken instead."""
    page: int = 10_000
    """Keys in one page of a composite aggregation."""
    sample: int = 4_000
    """About so many keys are fetched to count those of several fields or sources; the error is 2 %, seldom above 5."""


class Found(NamedTuple):
    """A part of a list."""

    rows: list[Ranked]
    first_rank: int
    total: int
    """The number of all rows."""
    is_about: bool
    """Whether that number is an estimate."""
    has_more: bool


class Wanted(NamedTuple):
    """The part of a list that is asked for."""

    by: str
    """The metric by which the list is ordered."""
    size: int
    skipped: int = 0
    """Rows before the first one."""
    after: Position | None = None
    """The row before the first one, in place of `skipped`."""

    @property
    def depth(self) -> int:
        """The number of rows down to the last one."""
        return (self.after.rank if self.after else self.skipped) + self.size


FetchValues = Callable[[Collection[str]], Steps[Mapping[str, int]]]
"""Returns the exact value of the metric for each of some keys."""


def find_items(
    client: Any, sources: Sequence[Source], wanted: Wanted, fetch_values: FetchValues, limits: Limits
) -> Steps[Found]:
    """Return the wanted rows of the keys of all totals in the sources, ordered by the metric, equal ones by key.

    Two steps, as long as the largest keys of each shard prove the order; two more for each time that more are needed.
    """
    shards = ShardTops(client, sources, wanted.by, limits.sample)
    size = max(limits.top, 2 * wanted.depth)

    def fetch_sums(keys: Collection[str]) -> Steps[Mapping[str, int]]:
        values: Mapping[str, int]
        values, _ = yield from together([fetch_values(keys), shards.count()])
        return values

    doublings = _find_doublings(size * shards.number, limits.terms)
    if doublings is not None:
        rows = yield from find_top(wanted.depth, size, shards.fetch, fetch_sums, doublings)
        if rows is not None and _goes_on(rows, wanted):
            first = wanted.depth - wanted.size
            count = max(shards.key_count, len(rows))
            return Found(rows[first:], first + 1, count, shards.is_about, has_more=count > wanted.depth)
    return (yield from _find_in_all(client, sources, wanted, limits))


def _find_doublings(keys: int, limit: int) -> int | None:
    """Return how often so many keys may be doubled; None if they are too many already."""
    return max((number for number in range(DOUBLINGS + 1) if keys << number <= limit), default=None)


def _goes_on(rows: list[Ranked], wanted: Wanted) -> bool:
    """Return False if the last row of the answer before has another rank now, because totals have changed."""
    last = wanted.after
    return last is None or rows[: last.rank][-1:] == [Ranked(last.id, last.value)]


def _find_in_all(client: Any, sources: Sequence[Source], wanted: Wanted, limits: Limits) -> Steps[Found]:
    """Return the wanted rows of all sums."""
    last = wanted.after
    skipped = 0 if last else wanted.skipped
    # One more, to see whether the list goes on.
    largest = Largest(skipped + wanted.size + 1, Ranked(last.id, last.value) if last else None)
    yield from fetch_all_sums(client, sources, wanted.by, limits.terms, limits.page, largest.add)
    rows = largest.rows()[skipped:]
    first_rank = (last.rank if last else skipped) + 1
    return Found(rows[: wanted.size], first_rank, largest.count, False, has_more=len(rows) > wanted.size)
