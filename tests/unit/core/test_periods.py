"""Ranges of days, their intervals, and the period before."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.periods import (
    INTERVALS,
    Days,
    choose_interval,
    find_period,
    find_shift,
    floor,
    parse_days,
    shift_days,
    split,
)
from tests.laws import examples

TODAY = date(2026, 11, 12)
DAY = timedelta(days=1)


def days(first, last):
    return Days(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-05-31", "2026-05-31", "2026-05-31"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9998", "9998-01-01", "9998-12-31"),
    ],
)
def test_a_year_a_month_and_a_day_are_ranges(text, first, last):
    assert parse_days(text) == days(first, last)


@pytest.mark.parametrize(
    "text", ["", "26", "2026-5", "2026-13", "2026-02-30", "2026-05-31T00:00", " 2026", "0000", "9999", "٢٠٢٦", "2026\n"]
)
def test_any_other_text_is_none(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse_days(text)


@pytest.mark.parametrize(
    ("name", "today", "first", "last"),
    [
        pytest.param("30d", "2026-11-12", "2026-10-13", "2026-11-11", id="30 days end yesterday"),
        pytest.param("12m", "2026-11-12", "2025-11-01", "2026-10-31", id="12 whole months"),
        pytest.param("12m", "2026-11-01", "2025-11-01", "2026-10-31", id="on the first of a month"),
        pytest.param("12m", "2026-10-31", "2025-10-01", "2026-09-30", id="on the last of a month"),
        pytest.param("year", "2026-11-12", "2026-01-01", "2026-11-12", id="the year ends now"),
    ],
)
def test_periods(name, today, first, last):
    assert find_period(name, date.fromisoformat(today)) == days(first, last)


@pytest.mark.parametrize(
    ("first", "last", "interval"),
    [
        ("2026-01-01", "2026-01-31", "day"),
        ("2026-01-01", "2026-02-01", "week"),
        ("2026-01-01", "2026-07-01", "week"),
        ("2026-01-01", "2026-07-02", "month"),
        ("2023-01-01", "2025-12-31", "month"),
        ("2023-01-01", "2026-03-31", "quarter"),
        ("2017-01-01", "2026-12-31", "quarter"),
        ("2016-01-01", "2026-12-31", "year"),
    ],
)
def test_the_usual_interval_follows_from_the_length(first, last, interval):
    assert choose_interval(days(first, last)) == interval


@pytest.mark.parametrize(
    ("asked", "compare", "before"),
    [
        pytest.param(("2025-11-01", "2026-10-31"), "before", ("2024-11-01", "2025-10-31"), id="the year before"),
        pytest.param(("2024-03-01", "2025-02-28"), "before", ("2023-03-01", "2024-02-29"), id="over a leap day"),
        pytest.param(("2026-03-01", "2026-03-31"), "before", ("2026-02-01", "2026-02-28"), id="the month before"),
        pytest.param(("2026-03-02", "2026-03-31"), "before", ("2026-01-31", "2026-03-01"), id="as many days before"),
        pytest.param(("2026-03-01", "2026-03-31"), "year", ("2025-03-01", "2025-03-31"), id="a year before"),
        pytest.param(("2024-02-29", "2024-03-01"), "year", ("2023-03-01", "2023-03-01"), id="from a leap day"),
        pytest.param(("2024-02-01", "2024-02-29"), "year", ("2023-02-01", "2023-02-28"), id="February"),
    ],
)
def test_the_range_to_compare_with(asked, compare, before):
    asked = days(*asked)
    assert shift_days(asked, find_shift(asked, compare)) == days(*before)


@pytest.mark.parametrize(
    ("asked", "compare", "pairs"),
    [
        pytest.param(
            ("2026-03-01", "2026-03-31"),
            "before",
            {"2026-03-01": 1, "2026-03-28": 28, "2026-03-29": None, "2026-03-30": None, "2026-03-31": None},
            id="a shorter month before",
        ),
        pytest.param(
            ("2026-04-01", "2026-04-30"), "before", {"2026-04-29": 29, "2026-04-30": (30, 31)}, id="a longer one before"
        ),
        pytest.param(
            ("2024-02-01", "2024-02-29"), "year", {"2024-02-28": 28, "2024-02-29": None}, id="a year before a leap year"
        ),
        pytest.param(
            ("2025-02-01", "2025-02-28"), "year", {"2025-02-27": 27, "2025-02-28": (28, 29)}, id="a leap year before"
        ),
    ],
)
def test_a_day_is_compared_with_the_day_of_the_same_number(asked, compare, pairs):
    """The last day of a shorter month takes what is left of a longer one; days that the other has not have nothing."""
    asked = days(*asked)
    shift = find_shift(asked, compare)
    for day, expected in pairs.items():
        found = shift_days(days(day, day), shift)
        first, last = expected if isinstance(expected, tuple) else (expected, expected)
        assert (found and (found.first.day, found.last.day)) == (expected and (first, last)), day


def test_nothing_to_compare_with():
    assert find_shift(days("2026-01-01", "2026-01-31"), "none") is None
    assert shift_days(days("0001-01-01", "0001-01-31"), find_shift(days("0001-01-01", "0001-01-31"), "year")) is None
    leap_day = days("2024-02-29", "2024-02-29")
    assert shift_days(leap_day, find_shift(leap_day, "year")) is None


RANGES = st.builds(
    lambda first, length: Days(first, first + length * DAY),
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.integers(0, 4000),
)


@examples(1)
@given(asked=RANGES, interval=st.sampled_from(INTERVALS), compare=st.sampled_from(["before", "year"]))
def test_the_intervals_are_the_range_and_so_are_those_before(asked, interval, compare):
    """No day is lost and none counts twice, in the range and in the one to compare with."""
    parts = list(split(asked, interval))
    assert parts[0].first == asked.first
    assert parts[-1].last == asked.last
    assert all(part.end == following.first for part, following in zip(parts, parts[1:], strict=False))
    assert all(floor(part.first, interval) == floor(part.last, interval) for part in parts)
    shift = find_shift(asked, compare)
    moved = [found for part in parts if (found := shift_days(part, shift))]
    whole = shift_days(asked, shift)
    if whole is None:
        assert not moved
    else:
        assert (moved[0].first, moved[-1].last) == whole
        assert sum(part.length for part in moved) == whole.length
    if compare == "before":
        assert whole.end == asked.first
