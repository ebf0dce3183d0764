"""Tell of each day whether it is counted, and what is missing of those that are not wholly."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from flask_babel import gettext as _

from invenio_stats.core.day_states import DayState
from invenio_stats.core.moments import utc
from invenio_stats.core.periods import Days
from invenio_stats.operations.quality.completeness import Completeness, explain_gap


class Missing(NamedTuple):
    """What is missing on some days."""

    days: Days
    reason: str
    """A word for programs."""
    why: str
    """The same for people."""
    event_types: list[str]


class CountedDays(NamedTuple):
    """The days from the first that was counted on."""

    range: Days
    """From the first that was counted to the last that was asked for."""
    days: Mapping[date, DayState]
    """In order; those before counting began are absent."""
    missing: list[Missing]
    """In order; not what is before counting began."""


def find_counted_days(found: Completeness, days: Days) -> CountedDays:
    """Return the completeness without the days before counting began: those are no flaw."""
    ends = [gap.last + date.resolution for gap in found.gaps if gap.reason == "before_first_day"]
    began = max(ends, default=days.first)
    if not any(found.counted_to.values()):
        began = days.last + date.resolution
    reasons: dict[tuple[Days, str, str], list[str]] = {}
    for gap in found.gaps:
        part = Days(gap.first, gap.last).within(first=began)
        if part is not None:
            reasons.setdefault((part, gap.reason, explain_gap(gap)), []).append(gap.event_type)
    waiting = _("Not counted yet. These clicks wait; they are not lost.")
    for event_type, counted_to in found.counted_to.items():
        part = _find_waiting(counted_to, Days(began, days.last))
        if part is not None:
            reasons.setdefault((part, "waiting", waiting), []).append(event_type)
    missing = [Missing(*key, event_types) for key, event_types in reasons.items()]
    states = {day: state for day, state in found.days.items() if day >= began}
    return CountedDays(Days(began, days.last), states, sorted(missing))


def _find_waiting(counted_to: datetime | None, days: Days) -> Days | None:
    """Return the days that are not wholly counted yet."""
    first = days.first if counted_to is None else utc(counted_to).date()
    return days.within(first=first) if days.first <= days.last else None
