"""Count use by values, such as countries, and fold the values that too few visitors had."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from operator import attrgetter
from typing import Any, NamedTuple

DIMENSIONS = ("country", "referrer")
"""The fields of an event that use is broken down by."""

UNKNOWN = ""
"""The value of events that lack the field; it is a value like others."""


class Use(NamedTuple):
    """Numbers of uses: investigations are views and downloads together, requests are downloads."""

    investigations: int = 0
    requests: int = 0

    def plus(self, other: "Use") -> "Use":
        """Return the sum."""
        return Use(self.investigations + other.investigations, self.requests + other.requests)


class Row(NamedTuple):
    """The use with one value."""

    value: str
    use: Use
    visitors: int
    """Different visitor keys of a day; of several days, the most that one of them had."""

    @property
    def rank(self) -> tuple[int, int, str]:
        """What rows are ordered by: most requests first, then most investigations, then the value."""
        return -self.use.requests, -self.use.investigations, self.value


class Breakdown(NamedTuple):
    """Use by values, in order, and the sum of the use that is not told by value."""

    rows: list[Row]
    other: Use


class Scope(NamedTuple):
    """What a breakdown is about."""

    kind: str
    """repository, community or record."""
    id: str | None = None
    """A community's label, a record's parent; the repository has none."""


REPOSITORY = Scope("repository")


class Group(NamedTuple):
    """What makes one breakdown: the use in one scope on one day, by the values of one dimension."""

    scope: Scope
    dimension: str
    day: str


class Tally:
    """Counts the use and the different visitors of values in groups, in windows of visitors that share none.

    Only the visitors of the current window are in memory, and all values: anybody may send as many hosts as clicks.
    """

    def __init__(self) -> None:
        self._counts: dict[Group, dict[str, list[int]]] = {}
        self._seen: set[tuple[int, str]] = set()
        """Visitors by the identity of their counts, which is faster than by their group and value."""

    def add(self, group: Group, value: str, visitor: str | None, is_request: bool) -> None:
        """Add one use; without a visitor it is no use of a visitor."""
        values = self._counts.get(group)
        if values is None:
            values = self._counts[group] = {}
        counts = values.get(value)
        if counts is None:
            counts = values[value] = [0, 0, 0]
        counts[0] += 1
        counts[1] += is_request
        if visitor is not None and (id(counts), visitor) not in self._seen:
            self._seen.add((id(counts), visitor))
            counts[2] += 1

    def end_window(self) -> None:
        """Forget the visitors: no later use is of one of them."""
        self._seen.clear()

    def take_rows(self) -> Iterator[tuple[Group, Iterator[Row]]]:
        """Yield each group with its rows, and forget it."""
        while self._counts:
            group, values = self._counts.popitem()
            yield group, (Row(value, Use(counts[0], counts[1]), counts[2]) for value, counts in values.items())


@dataclass
class Month:
    """The rows of a scope and dimension, as far as days have been added."""

    rows: dict[str, Row] = field(default_factory=dict)
    rest: Use = Use()
    """The sum of what the bounds of the days cut off."""

    def add(self, row: Row) -> None:
        """Add the row of a day."""
        known = self.rows.get(row.value)
        if known is not None:
            row = Row(row.value, known.use.plus(row.use), max(known.visitors, row.visitors))
        self.rows[row.value] = row


def cut(rows: Iterable[Row], at_most: int) -> Breakdown:
    """Return the first rows in order, and the sum of the others."""
    total = Use()

    def add_up() -> Iterator[Row]:
        nonlocal total
        for row in rows:
            total = total.plus(row.use)
            yield row

    first = nsmallest(at_most, add_up(), key=attrgetter("rank"))  # there may be as many rows as clicks
    shown = _sum(first)
    return Breakdown(first, Use(total.investigations - shown.investigations, total.requests - shown.requests))


def fold(month: Month, under: int, at_most: int) -> Breakdown:
    """Return what may be published of a month: the values that `under` visitors or more had on one of its days.

    The others are one sum, together with what the bound `at_most` cuts off. If it would be the use with a single value,
    the least used of the values that are shown joins it.
    """
    shown = sorted((row for row in month.rows.values() if row.visitors >= under), key=attrgetter("rank"))[:at_most]
    folded = len(month.rows) - len(shown) + (month.rest != Use())
    if folded == 1 and shown:
        shown.pop()
    values = {row.value for row in shown}
    other = _sum(row for row in month.rows.values() if row.value not in values)
    return Breakdown(shown, other.plus(month.rest))


def write_rows(rows: Iterable[Row], has_visitors: bool) -> list[dict[str, Any]]:
    """Return rows as they are stored; a folded row has no visitors."""
    return [
        {
            **({"value": row.value} if row.value != UNKNOWN else {}),
            **row.use._asdict(),
            **({"visitors": row.visitors} if has_visitors else {}),
        }
        for row in rows
    ]


def read_rows(rows: Iterable[dict[str, Any]]) -> Iterator[Row]:
    """Yield rows as they were stored."""
    for row in rows:
        yield Row(row.get("value", UNKNOWN), Use(row["investigations"], row["requests"]), row.get("visitors", 0))


def _sum(rows: Iterable[Row]) -> Use:
    total = Use()
    for row in rows:
        total = total.plus(row.use)
    return total
