"""Name the event indices of a month, and the lease that an index carries while a month is compacted into it.

Each day has its own index until compaction copies the days of a closed month into one index.
"""

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import UTC, utc
from invenio_stats.core.periods import Days, parse_days

_ANY_DAY = Days(date.min, date.max)
_LEASE = re.compile(r"(?:^|-)compacting-.+-(\d{14})-[0-9a-f]{8}$")


class Period(NamedTuple):
    """The month or day whose events an index contains, as its name tells."""

    month: str
    """Formatted as '2026-01'."""
    day: str | None
    """Formatted as '2026-01-31'; None for an index of the whole month."""


def is_closed(moment: datetime, now: datetime) -> bool:
    """Return True if a month is older than the last full one, so that no further events are expected for it."""
    last_full = floor(floor(now, "month") - timedelta(days=1), "month")
    return floor(moment, "month") < last_full


def period(alias: str, index: str) -> Period | None:
    """Return the month or day that an index covers; None for a name of another form."""
    if not index.startswith(f"{alias}-"):
        return None
    match = re.fullmatch(r"(\d{4}-\d{2})(?:(-\d{2})|\.\d+)?", index[len(alias) + 1 :])
    if match is None:
        return None
    return Period(match[1], match[1] + match[2] if match[2] else None)


def covered_days(alias: str, index: str) -> Days:
    """Return the days of the documents that an index may have, as its name tells; if it does not, any day."""
    date_text = re.match(r"[0-9]{4}(?:-[0-9]{2}){0,2}(?![0-9])", index.removeprefix(f"{alias}-"))
    try:
        return parse_days(date_text[0]) if date_text else _ANY_DAY
    except ValueError:
        return _ANY_DAY


def free_name(month_index: str, taken: Collection[str]) -> str:
    """Return the name for a new index of a month: the month's own name, or one with a number if that is taken."""
    names = [month_index, *(f"{month_index}.{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def lease_name(month_index: str, now: datetime, token: str) -> str:
    """Return the alias that leases a target index to its owner: it names the owner and the time of the last heartbeat.

    `token` is the owner: eight hexadecimal digits.
    """
    return f"compacting-{month_index}-{utc(now):%Y%m%d%H%M%S}-{token}"


def find_lease(aliases: Iterable[str]) -> str | None:
    """Return the lease among the aliases of an index; None if the index is not the target of a compaction."""
    return next((alias for alias in aliases if _LEASE.search(alias)), None)


def heartbeat_at(lease: str) -> datetime:
    """Return the time of the owner's last heartbeat; ValueError if the alias is not a lease."""
    match = _LEASE.search(lease)
    if match is None:
        raise ValueError(f"{lease!r} is not the lease of a target index.")
    return datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
