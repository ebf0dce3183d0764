"""Months have a defined end, index names, and compaction leases."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.intervals import after, floor
from invenio_stats.core.month_indices import Period, find_lease, free_name, heartbeat_at, is_closed, lease_name, period

moments = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(timezone.utc))


@pytest.mark.parametrize(
    ("month", "now", "closed"),
    [
        ("2026-01-31", "2026-02-28", False),
        ("2026-01-31", "2026-03-01", True),
        ("2025-12-01", "2026-01-31", False),
        ("2025-12-01", "2026-02-01", True),
        ("9999-12-31", "2026-02-01", False),
    ],
)
def test_a_month_is_closed_when_it_is_older_than_the_last_full_one(month, now, closed):
    assert is_closed(*(datetime.fromisoformat(f"{day}T12:00:00+00:00") for day in (month, now))) is closed


@given(moments, moments)
def test_a_closed_month_has_two_ends_of_months_after_it(moment, now):
    assert is_closed(moment, now) == (after(after(moment, "month"), "month") <= floor(now, "month"))


@pytest.mark.parametrize(
    ("index", "found"),
    [
        ("p-events-a-2026-01-31", Period("2026-01", "2026-01-31")),
        ("p-events-a-2026-01", Period("2026-01", None)),
        ("p-events-a-2026-01.2", Period("2026-01", None)),
        ("p-events-a-2026", None),
        ("p-events-a-b-2026-01", None),
        ("p-events-a", None),
        ("q-events-a-2026-01", None),
    ],
)
def test_a_name_says_what_an_index_covers(index, found):
    assert period("p-events-a", index) == found


def test_a_taken_name_gets_a_number():
    assert free_name("m", []) == "m"
    assert free_name("m", ["m"]) == "m.2"
    assert free_name("m", ["m", "m.2", "m-01"]) == "m.3"


@given(moments, st.text("0123456789abcdef", min_size=8, max_size=8), st.sampled_from(["", "p-"]))
def test_a_mark_is_found_among_aliases_and_says_when_it_was_made(now, token, prefix):
    mark = prefix + lease_name("events-stats-a-2026-01", now, token)
    assert find_lease(["events-stats-a", mark, "events-stats-a-2026-01-31"]) == mark
    assert heartbeat_at(mark) == now.replace(microsecond=0)


def test_other_aliases_are_no_marks():
    assert find_lease(["events-stats-compacting", "compacting-x", "compacting-x-20260101000000-zzzzzzzz"]) is None
    with pytest.raises(ValueError, match="'x' is not the lease"):
        heartbeat_at("x")
