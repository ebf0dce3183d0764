"""Which days are worth a look: ten times what is usual, and a hundred more, unless it is the launch of a record."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.unusual_days import Series, find_usual, is_unusual, judge, may_be_unusual
from invenio_stats.core.weekdays import same_weekdays

DAY = date(2026, 5, 6)
LONG_AGO = date(2020, 1, 1)
ALL = {DAY - timedelta(days=number) for number in range(100)}


def before(*numbers):
    """Return uses of the same weekdays before, the newest first."""
    return dict(zip(same_weekdays(DAY), numbers, strict=False))


def series(number, uses, first=LONG_AGO, what="item"):
    return Series(what, "x", number, uses, first)


def judged(line, counted=ALL, new=0):
    return judge(line, DAY, counted, lambda found: new)


def test_a_day_is_compared_with_the_same_weekdays_of_eight_weeks():
    assert same_weekdays(DAY) == [date(2026, 4, 29) - timedelta(weeks=week) for week in range(8)]
    assert {day.weekday() for day in same_weekdays(DAY)} == {DAY.weekday()}


@pytest.mark.parametrize(
    ("number", "usual", "expected"),
    [
        pytest.param(120, 12, True, id="ten times and a hundred more"),
        pytest.param(119, 12, False, id="less than ten times"),
        pytest.param(110, 10.5, False, id="ten times, but not a hundred more"),
        pytest.param(111, 11, True, id="both at the limit"),
        pytest.param(100, 0, True, id="nothing is usual"),
        pytest.param(99, 0, False, id="too few for anybody's time"),
        pytest.param(9_999, 1_000, False, id="many, but usual"),
    ],
)
def test_what_is_unusual(number, usual, expected):
    assert is_unusual(number, usual) is expected


def test_the_median_ignores_a_flood_of_an_earlier_week():
    assert find_usual(series(0, before(9_000, 10, 12, 11, 10, 12, 9, 11)), DAY, ALL) == 11


def test_a_weekday_without_use_is_a_zero():
    assert find_usual(series(0, before(20, 20, 20)), DAY, ALL) == 0


def test_days_of_which_it_was_not_told_are_no_zeros():
    """Countries are known from the day on which there is a database of them."""
    weeks = same_weekdays(DAY)
    line = series(300, before(15, 16, 17, 18, 0, 0, 0, 0), what="country")
    assert judged(line) == 7.5
    assert judged(line._replace(untold=weeks[4:])) == 16.5
    assert judged(series(200, {}, what="country")._replace(untold=weeks[3:])) is None
    assert judged(series(200, {}, what="country")._replace(untold=weeks[4:])) == 0


def test_days_on_which_nothing_was_counted_are_no_zeros():
    """After an outage of some weeks, all of the usual use would be unusual."""
    lost = set(same_weekdays(DAY)[:4])
    assert find_usual(series(0, before(0, 0, 0, 0, 30, 30, 30, 30)), DAY, ALL - lost) == 30
    assert find_usual(series(0, before(0, 0, 0, 0, 0, 30, 30, 30)), DAY, ALL - set(same_weekdays(DAY)[:5])) is None


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param(0, None, id="the day of the launch"),
        pytest.param(27, None, id="four weeks are not over"),
        pytest.param(28, 4, id="four weeks are"),
    ],
)
def test_a_new_item_has_no_history(days, expected):
    """Its first weeks are no zeros later, either."""
    uses = before(*[4] * (days // 7))
    line = series(5_000, uses, first=DAY - timedelta(days=days))
    assert find_usual(line, DAY, ALL) == judged(line) == expected


def test_what_was_never_used_before_is_not_judged():
    assert judged(series(5_000, {}, first=None)) is None


def test_a_country_that_reads_a_new_record_is_no_flood():
    line = series(500, before(*[3] * 8), what="country")
    assert judged(line) == 3
    assert judged(line, new=450) is None
    assert judged(line, new=300) == 3


def test_nobody_asks_about_new_items_of_a_usual_day():
    def fail(found):
        raise AssertionError(found)

    assert judge(series(99, {}, what="country"), DAY, ALL, fail) is None
    assert judge(series(500, before(*[3] * 8)), DAY, ALL, fail) == 3


numbers = st.integers(0, 2_000)


@given(number=st.integers(0, 20_000), uses=st.lists(numbers, min_size=8, max_size=8), days=st.integers(0, 80))
def test_nothing_is_left_out_before_its_history_is_known(number, uses, days):
    """The first uses are asked only of items that may be unusual, since that is one more request."""
    first = DAY - timedelta(days=days)
    line = series(number, {day: used for day, used in before(*uses).items() if day >= first}, first)
    if judged(line) is not None:
        assert may_be_unusual(line, DAY)


@given(usual=numbers, number=st.integers(0, 30_000), more=numbers)
def test_more_is_never_less_unusual(usual, number, more):
    assert is_unusual(number + more, usual) or not is_unusual(number, usual)
