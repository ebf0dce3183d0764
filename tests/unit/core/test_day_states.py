"""A day is counted, in part or not, by what is known of each event type."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.day_states import Counted, judge_days
from invenio_stats.core.gaps import MISSING_REASONS, Gap

DAY = date(2026, 3, 10)
NEXT = DAY + timedelta(days=1)


def counted(*reasons, updated=datetime(2026, 3, 20, tzinfo=timezone.utc), event_type="view"):
    return Counted(updated, [Gap(DAY, DAY, event_type, reason) for reason in reasons])


@pytest.mark.parametrize(
    ("types", "state"),
    [
        pytest.param([counted(), counted()], "counted", id="all"),
        pytest.param([counted("silent"), counted("silent")], "not_counted", id="none of any"),
        pytest.param([counted("before_first_day")], "not_counted", id="not begun"),
        pytest.param([counted("silent"), counted()], "in_part", id="one of two"),
        pytest.param([counted("refused")], "in_part", id="some"),
        pytest.param([counted("refused", "silent")], "not_counted", id="refused and none stored"),
        pytest.param([counted(updated=None)], "not_counted", id="never"),
        pytest.param([counted(updated=datetime(2026, 3, 9, 23, tzinfo=timezone.utc))], "not_counted", id="not yet"),
        pytest.param([counted(updated=datetime(2026, 3, 10, 23, tzinfo=timezone.utc))], "in_part", id="until evening"),
        pytest.param([counted(updated=datetime(2026, 3, 11, tzinfo=timezone.utc))], "counted", id="until midnight"),
    ],
)
def test_a_day(types, state):
    assert judge_days(DAY, DAY, {str(number): found for number, found in enumerate(types)}) == {DAY: state}


@pytest.mark.parametrize("reason", MISSING_REASONS)
def test_only_the_days_of_a_gap(reason):
    assert judge_days(DAY, NEXT, {"view": counted(reason)}) == {DAY: "in_part", NEXT: "counted"}


def test_a_range_that_has_not_begun_has_no_days():
    assert judge_days(NEXT, DAY, {"view": counted()}) == {}


@given(st.lists(st.sampled_from([counted(), counted("silent"), counted("lost")]), min_size=1))
def test_one_more_type_never_makes_a_day_whole(types):
    def judge(found):
        return judge_days(DAY, DAY, {str(number): state for number, state in enumerate(found)})[DAY]

    if judge(types) != "counted":
        assert judge([*types, counted()]) != "counted"
