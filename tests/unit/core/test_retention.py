"""Which raw events are old enough, and how they are deleted."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.moments import parse
from invenio_stats.core.retention import (
    Content,
    Deletion,
    Limit,
    effective_limits,
    find_deadline,
    find_until,
    group_types,
    plan_deletions,
    split_by_month,
)

ALIAS = "events-stats-record-view"


@pytest.mark.parametrize(
    ("now", "months", "deadline"),
    [
        ("2027-03-31T23:59:59", 13, "2026-03-01"),
        ("2027-03-01", 13, "2026-03-01"),
        ("2027-01-15", 13, "2026-01-01"),
        ("2026-12-15", 12, "2026-01-01"),
        ("2026-12-15", 2, "2026-11-01"),
        ("2026-01-15", 2, "2025-12-01"),
    ],
)
def test_the_running_month_is_one_of_those_that_are_kept(now, months, deadline):
    assert find_deadline(parse(now), months) == parse(deadline)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc)), st.integers(2, 120))
def test_no_event_becomes_older_than_so_many_months(now, months):
    deadline = find_deadline(now, months)
    assert deadline.day == 1
    assert (now.year - deadline.year) * 12 + now.month - deadline.month == months - 1


def plan(*contents, until="2026-02-01", past=()):
    return plan_deletions(ALIAS, [Content(f"{ALIAS}{name}", *rest) for name, *rest in contents], parse(until), past)


def test_indices_of_days_and_months_go_as_a_whole():
    found = plan(("-2026-01", 5, 0), ("-2026-01-31", 3, 0), ("-2026-01.2", 1, 0), ("-2026-02-01", 0, 4))
    assert found == [
        Deletion(f"{ALIAS}-2026-01", 5, True),
        Deletion(f"{ALIAS}-2026-01-31", 3, True),
        Deletion(f"{ALIAS}-2026-01.2", 1, True),
    ]


def test_an_empty_index_of_an_old_day_goes():
    assert plan(("-2026-01-31", 0, 0)) == [Deletion(f"{ALIAS}-2026-01-31", 0, True)]


def test_a_month_of_which_days_stay_is_left():
    assert plan(("-2026-01", 5, 3), until="2026-01-20") == []


def test_an_index_of_another_form_loses_its_old_events():
    assert plan(("-all", 5, 3), ("-2026", 2, 0), ("-none", 0, 3)) == [
        Deletion(f"{ALIAS}-all", 5, False),
        Deletion(f"{ALIAS}-2026", 2, False),
    ]
    assert plan(("-2025", 2, 0), past={f"{ALIAS}-2025"}) == [Deletion(f"{ALIAS}-2025", 2, True)]


def test_of_an_index_with_a_newer_event_only_the_old_ones_go():
    assert plan(("-2026-01-31", 3, 1)) == [Deletion(f"{ALIAS}-2026-01-31", 3, False)]


def test_a_name_that_looks_like_a_month_but_is_none_is_of_another_form():
    assert plan(("-2026-13", 1, 0)) == [Deletion(f"{ALIAS}-2026-13", 1, False)]


def test_what_is_kept_longest_decides():
    limits = [Limit(parse("2026-01-20T12:00:00"), "not_counted", "a"), Limit(parse("2026-01-10"), "quarantined", "b")]
    assert find_until(parse("2026-02-01"), limits) == parse("2026-01-10")
    assert find_until(parse("2026-02-01"), []) == parse("2026-02-01")
    assert find_until(parse("2026-02-01"), limits[:1]) == parse("2026-01-20")


def test_only_what_holds_events_back_is_told_once():
    limits = [
        Limit(parse("2026-01-20"), "not_counted", "a"),
        Limit(parse("2026-01-10"), "not_counted", "a"),
        Limit(parse("2026-02-01"), "not_counted", "b"),
    ]
    assert effective_limits(limits, parse("2026-02-01")) == limits[1:2]


def test_parts_are_months():
    parts = split_by_month(parse("2026-01-20T10:00:00"), parse("2026-03-05"))
    assert [[f"{edge:%m-%d}" for edge in part] for part in parts] == [
        ["01-01", "02-01"],
        ["02-01", "03-01"],
        ["03-01", "03-05"],
    ]
    assert split_by_month(parse("2026-03-05"), parse("2026-03-01")) == []


def test_types_that_are_counted_together_are_one_group():
    together = [("a", "b"), ("c",), ("d", "b"), ("x", "a")]
    assert group_types(["a", "c", "b", "d", "e"], together) == [["a", "b", "d"], ["c"], ["e"]]
