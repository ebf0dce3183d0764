"""What can stand in the way of closing a month for COUNTER reports."""

from datetime import date
from typing import Literal, NamedTuple

Kind = Literal[
    "queue",
    "spool",
    "aggregation",
    "bookmark",
    "quarantined",
    "dead_letters",
    "totals_differ",
    "totals_unreadable",
    "raw_unreadable",
    "missing_items",
]
"""queue: no run has found the queue of an event type empty since the month's end; spool: this host's spool has events
of before; aggregation and bookmark: an aggregation has not come past the month's end; quarantined: totals of the month
are; dead_letters: events of the month are; totals_differ: the totals of a day are no count of its raw events;
totals_unreadable: an index of totals is closed;
raw_unreadable: the raw events of a day cannot be read; missing_items: more than one event in a hundred has no item."""

ACCEPTABLE: frozenset[Kind] = frozenset({"dead_letters", "raw_unreadable", "missing_items"})
"""What an operator may accept: reports of the month then say that their data are partial."""

MAX_SHARE_WITHOUT_ITEM = 0.01


class Obstacle(NamedTuple):
    """One thing that stands in the way of closing a month."""

    kind: Kind
    number: int
    """How many: dead letters, days, totals, events; 1 for what is not counted."""
    message: str
    cure: str

    @property
    def is_acceptable(self) -> bool:
        """Whether the month may be closed nevertheless if the operator gives a reason."""
        return self.kind in ACCEPTABLE


def is_share_too_large(missing: int, counted: int) -> bool:
    """Return True if too many events have no item."""
    return missing > MAX_SHARE_WITHOUT_ITEM * (missing + counted)


def correction_due(since: date) -> date:
    """Return the day by which a mistake that was found on a day has to be corrected: three months later."""
    month = since.month + 3
    year, month = since.year + (month - 1) // 12, (month - 1) % 12 + 1
    for day in range(since.day, 27, -1):  # the last day of a shorter month
        try:
            return date(year, month, day)
        except ValueError:
            continue
    return date(year, month, since.day)
