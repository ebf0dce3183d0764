"""Months: which of them are closed, what the indices of their events are called, and the mark of one in the making.

The days of a month lie in an index each until somebody makes one index of them.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import UTC, utc

_LEASE = re.compile(r"(?:^|-)compacting-.+-(\d{14})-[0-9a-f]{8}$")


class Period(NamedTuple):
    """What the name of an index of events says of its contents."""

    month: str
    """As '2026-01'."""
    day: str | None
    """As '2026-01-31'; None for an index of the whole month."""


def is_closed(moment: datetime, now: datetime) -> bool:
    """Say whether a month is older than the last full one: what belongs to it has come in long ago."""
    last_full = floor(floor(now, "month") - timedelta(days=1), "month")
    return floor(moment, "month") < last_full


def period(alias: str, index: str) -> Period | None:
    """Return what the index of a month or day covers; None for a name of another form."""
    if not index.startswith(f"{alias}-"):
        return None
    match = re.fullmatch(r"(\d{4}-\d{2})(?:(-\d{2})|\.\d+)?", index[len(alias) + 1 :])
    if match is None:
        return None
    return Period(match[1], match[1] + match[2] if match[2] else None)


def free_name(month_index: str, taken: Collection[str]) -> str:
    """Return the name of a month's index to be made: the month's own, or one with a number where that is taken."""
    names = [month_index, *(f"{month_index}.{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def lease_name(month_index: str, now: datetime, token: str) -> str:
    """Return the alias that an index in the making carries: the last sign of life of its maker, and who that is.

    `token` is eight hexadecimal digits.
    """
    return f"compacting-{month_index}-{utc(now):%Y%m%d%H%M%S}-{token}"


def find_lease(aliases: Iterable[str]) -> str | None:
    """Return the mark among the aliases of an index; None for one that is not in the making."""
    return next((alias for alias in aliases if _LEASE.search(alias)), None)


def heartbeat_at(lease: str) -> datetime:
    """Return when the maker gave the sign of life."""
    match = _LEASE.search(lease)
    if match is None:
        raise ValueError(f"{lease!r} is not the mark of an index in the making.")
    return datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
