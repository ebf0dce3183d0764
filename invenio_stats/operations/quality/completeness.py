"""Which days are counted, in part or not, and why."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from flask_babel import gettext as _

from invenio_stats.completeness.answers import StateOf
from invenio_stats.core.day_states import Counted, DayState, judge_days
from invenio_stats.core.gaps import Gap
from invenio_stats.core.moments import utc
from invenio_stats.operations.quality.freshness import counting
from invenio_stats.proxies import current_stats

MAX_DAYS = 3_660
"""Days of a range."""


class Completeness(NamedTuple):
    """How complete the numbers of a range of finished days are."""

    days: Mapping[date, DayState]
    """Of all event types together, in order; those before the first day of an event type are not counted."""
    gaps: list[Gap]
    """What is missing of which event type, in order."""
    counted_to: Mapping[str, datetime | None]
    """By event type: later days are not counted yet."""


def read_completeness(first: date, last: date, now: datetime, state_of: StateOf) -> Completeness:
    """Return the completeness of a range of days, both included, up to yesterday; asks the search engine."""
    last = min(last, utc(now).date() - timedelta(days=1))
    counted = {}
    for event_type in current_stats.event_definitions:
        aggregations = counting(event_type)
        if aggregations:
            state = state_of(aggregations, first, last, now)
            gaps = [gap for gap in state.gaps if gap.event_type == event_type]
            counted[event_type] = Counted(state.updated, gaps)
    gaps = sorted(gap for found in counted.values() for gap in found.gaps)
    counted_to = {event_type: found.updated for event_type, found in counted.items()}
    return Completeness(judge_days(first, last, counted) if counted else {}, gaps, counted_to)


def explain_gap(gap: Gap) -> str:
    """Return why events of a gap are missing, for people."""
    texts = {
        "silent": _("No event of these days was counted, although there usually are some."),
        "refused": _("Events were refused, since the disk had no space for them while the broker was away."),
        "lost": _("Events were lost on their way."),
        "without_item": _("Events name no record, so no number of a record has them."),
        "before_first_day": _("Counting had not begun."),
        "closed": _("An index of totals is closed, so that its numbers are missing until it is opened."),
    }
    return texts[gap.reason]
