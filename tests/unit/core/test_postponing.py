"""The wait of a postponed event doubles, up to a day."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.core.postponing import is_due

REJECTED = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("times", "minutes"), [(0, 10), (1, 10), (2, 20), (3, 40), (8, 1280), (9, 1440), (10_000, 1440), (-1, 10)]
)
def test_an_event_waits_longer_each_time_it_is_postponed(times, minutes):
    assert not is_due(REJECTED, times, REJECTED + timedelta(minutes=minutes, seconds=-1))
    assert is_due(REJECTED, times, REJECTED + timedelta(minutes=minutes))
