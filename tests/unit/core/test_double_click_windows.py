"""Cells are adjacent windows that never cross an hour."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.double_clicks import cell_start, check_window

WINDOWS = st.sampled_from([1, 10, 15, 30, 60, 600, 3600])
MOMENTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(timezone.utc))


@given(MOMENTS, WINDOWS)
def test_a_cell_holds_its_moments_for_as_long_as_its_window(moment, window):
    start = cell_start(moment, window)
    assert start <= moment < start + timedelta(seconds=window)
    assert cell_start(start + timedelta(seconds=window), window) == start + timedelta(seconds=window)


@given(MOMENTS, WINDOWS)
def test_a_cell_never_crosses_an_hour(moment, window):
    start = cell_start(moment, window)
    assert start.hour == moment.hour
    assert start.date() == moment.date()


def test_without_a_window_each_second_is_its_own_cell():
    moment = datetime(2026, 1, 31, 10, 0, 7, 999, tzinfo=timezone.utc)
    assert cell_start(moment, 0) == moment.replace(microsecond=0)


@pytest.mark.parametrize("window", [-30, 7, 0.5, True, "30", None, 7200])
def test_a_window_that_could_move_a_click_to_another_hour_is_refused(window):
    with pytest.raises(ValueError, match="double_click_window is"):
        check_window(window)
