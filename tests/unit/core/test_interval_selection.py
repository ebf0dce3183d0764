"""A subclass may influence which intervals a run selects."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.core.interval_selection import select_all, select_within
from invenio_stats.core.intervals import starts


def day(number, **more):
    return datetime(2026, 3, number, tzinfo=timezone.utc, **more)


def whole(lower, upper):
    return starts(lower, upper, "day")


def only(*days):
    """Return a split that has these days only."""
    return lambda lower, upper: [start for start in whole(lower, upper) if start.day in days]


def first(count):
    """Return a split that stops after some days."""
    return lambda lower, upper: list(whole(lower, upper))[:count]


def test_all_intervals_since_a_moment_and_late_ones_are_selected():
    selection = select_all([day(2)], whole, "day", day(10, hour=12), day(12))
    assert selection == ([day(2), day(10), day(11), day(12)], [])


@pytest.mark.parametrize(
    ("split", "touched", "selected", "waiting"),
    [
        pytest.param(whole, [10, 12], [10, 12], [], id="no bound"),
        pytest.param(only(10, 11), [10, 12], [10], [12], id="what lies behind waits"),
        pytest.param(only(10, 12), [10, 11, 12], [10, 12], [], id="what lies between is passed by"),
        pytest.param(first(2), [2, 3, 4, 10, 12], [2, 3, 4, 10], [12], id="late ones do not wait"),
        pytest.param(only(2, 4, 10), [2, 3, 4, 10], [2, 4, 10], [], id="late ones between are passed by"),
        pytest.param(only(), [10], [], [10], id="an empty split"),
    ],
)
def test_a_split_bounds_what_was_touched(split, touched, selected, waiting):
    selection = select_within([day(number) for number in touched], split, "day", day(10), day(20))
    assert selection == ([day(number) for number in selected], [day(number) for number in waiting])


def test_every_interval_of_a_split_may_be_selected():
    selection = select_within([day(10)], only(10, 12), "day", day(10), day(20), every=True)
    assert selection.moments == [day(10), day(12)]


def test_a_selection_contains_the_moment_of_the_split():
    """A subclass may split at other moments than the starts of intervals; naive ones are UTC."""
    later = timedelta(hours=5)

    def split(lower, upper):
        return [(start + later).replace(tzinfo=None) for start in whole(lower, upper)]

    assert select_within([day(10)], split, "day", day(10), day(11)).moments == [day(10) + later]
