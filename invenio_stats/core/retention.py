"""Decide which raw events are old enough to be deleted, and how: whole indices, or documents of an index."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from invenio_stats.core.intervals import after, floor
from invenio_stats.core.moments import parse_calendar
from invenio_stats.core.month_indices import period

Reason = Literal[
    "never_counted",
    "unknown_class",
    "not_counted",
    "quarantined",
    "being_counted",
    "being_deleted",
    "rebuild",
    "reclassification",
    "exclusion",
    "not_closed",
    "compaction",
    "snapshot",
    "closed_index",
    "read_only_index",
]


class Limit(NamedTuple):
    """What keeps events from being deleted, and from which day on."""

    day: datetime
    """Events before it may be deleted as far as this limit is concerned."""
    reason: Reason
    by: str
    """The aggregation, month, index or event types that are meant."""


class Content(NamedTuple):
    """What one index of raw events contains."""

    index_name: str
    events: int
    """Documents that are older than the day until which events are deleted."""
    newer: int
    """Documents that are not."""


class Deletion(NamedTuple):
    """The deletion of an index, or of the old documents in it."""

    index_name: str
    events: int
    is_whole: bool


def find_deadline(now: datetime, months: int) -> datetime:
    """Return the start of the first calendar month that is kept, if so many are, the running one among them.

    So no event becomes older than that many months, and whole months go at once.
    """
    number = now.year * 12 + now.month - months  # the running month is one of them; months are counted from 0
    return floor(now, "day").replace(year=number // 12, month=number % 12 + 1, day=1)


def find_until(deadline: datetime, limits: Iterable[Limit]) -> datetime:
    """Return the day before which events are deleted: the deadline, or the first day that a limit keeps."""
    return min([deadline, *(floor(limit.day, "day") for limit in limits)])


def effective_limits(limits: Iterable[Limit], deadline: datetime) -> list[Limit]:
    """Return the limits that keep events which are due, of each reason and name the earliest."""
    found: dict[tuple[Reason, str], Limit] = {}
    for limit in sorted(limits):
        if limit.day < deadline:
            found.setdefault((limit.reason, limit.by), limit)
    return sorted(found.values())


def plan_deletions(alias: str, contents: Iterable[Content], until: datetime, past: Collection[str]) -> list[Deletion]:
    """Return what is to be deleted of the events before a day.

    An index goes as a whole if its name says that it is for earlier days only, and nothing in it is newer. The index of
    a month of which some days stay is left until the month can go. `past` are names of other forms, for earlier days.
    """
    return list(_plan(alias, contents, until, past))


def _plan(alias: str, contents: Iterable[Content], until: datetime, past: Collection[str]) -> Iterator[Deletion]:
    for content in contents:
        end = end_of(alias, content.index_name)
        is_past = content.index_name in past if end is None else end <= until
        if is_past and not content.newer:
            yield Deletion(content.index_name, content.events, is_whole=True)
        elif content.events and (end is None or is_past):
            yield Deletion(content.index_name, content.events, is_whole=False)


def end_of(alias: str, index: str) -> datetime | None:
    """Return the end of the day or month that an index is for, as its name tells; None for a name of another form."""
    start = start_of(alias, index)
    covered = period(alias, index)
    return None if start is None or covered is None else after(start, "day" if covered.day else "month")


def start_of(alias: str, index: str) -> datetime | None:
    """Return the start of the day or month that an index is for; None for a name of another form."""
    covered = period(alias, index)
    try:
        return None if covered is None else parse_calendar(covered.day or covered.month)
    except ValueError:  # a month 13
        return None


def split_by_month(oldest: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Return the parts in which events are deleted, oldest first: start and end of each month, the last one cut off."""
    parts: list[tuple[datetime, datetime]] = []
    start = floor(oldest, "month")
    while start < until:
        end = min(after(start, "month"), until)
        parts.append((start, end))
        start = end
    return parts


def group_types(event_types: Sequence[str], counted_together: Iterable[Collection[str]]) -> list[list[str]]:
    """Return the event types in groups: those that an aggregation counts together are deleted together.

    Otherwise events of one type could not be counted any more, because those of another type of the day are gone.
    """
    group_of: Mapping[str, set[str]] = {event_type: {event_type} for event_type in event_types}
    groups = dict(group_of)
    for members in counted_together:
        known = [groups[member] for member in members if member in groups]
        merged = set().union(*known)
        groups.update(dict.fromkeys(merged, merged))
    seen: list[set[str]] = []
    for event_type in event_types:
        if groups[event_type] not in seen:
            seen.append(groups[event_type])
    return [[event_type for event_type in event_types if event_type in group] for group in seen]
