"""Count use by values, such as countries, and fold the values that too few visitors had."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import starmap
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

    Only the visitors of the current window are in memory, and all values: anybody may send as many hosts as clicks. So
    a value of a group takes some 100 bytes: its number in three arrays, and the same text in all groups.
    """

    def __init__(self) -> None:
        self._numbers: dict[Group, dict[str, int]] = {}
        self._texts: dict[str, str] = {}
        self._investigations, self._requests, self._visitors = (array("q") for _ in range(3))
        self._seen: set[tuple[int, str]] = set()
        """Number and visitor of the current window."""

    def add(self, group: Group, value: str, visitor: str | None, is_request: bool) -> None:
        """Add one use; without a visitor it is no use of a visitor."""
        numbers = self._numbers.setdefault(group, {})
        number = numbers.get(value)
        if number is None:
            number = numbers[self._texts.setdefault(value, value)] = len(self._visitors)
            for counts in (self._investigations, self._requests, self._visitors):
                counts.append(0)
        self._investigations[number] += 1
        self._requests[number] += is_request
        if visitor is not None and (number, visitor) not in self._seen:
            self._seen.add((number, visitor))
            self._visitors[number] += 1

    def end_window(self) -> None:
        """Forget the visitors: no later use is of one of them."""
        self._seen.clear()

    def take_rows(self) -> Iterator[tuple[Group, Iterator[Row]]]:
        """Yield each group with its rows, and forget it."""
        while self._numbers:
            group, numbers = self._numbers.popitem()
            yield group, starmap(self._row, numbers.items())

    def _row(self, value: str, number: int) -> Row:
        return Row(value, Use(self._investigations[number], self._requests[number]), self._visitors[number])


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
