"""How far a deposit is: a run keeps others away until it is silent for long."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.core.counter_deposit import CLAIM, Deposit

NOW = datetime(2026, 8, 20, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("moment", "is_claimed"),
    [
        pytest.param(NOW, True, id="just now"),
        pytest.param(NOW - CLAIM + timedelta(seconds=1), True, id="a moment left"),
        pytest.param(NOW - CLAIM, False, id="silent for too long"),
        pytest.param(NOW + timedelta(minutes=2), True, id="a clock that is a little fast"),
        pytest.param(NOW + timedelta(days=365), False, id="a clock that was wrong"),
    ],
)
def test_a_run_keeps_others_away(moment, is_claimed):
    assert Deposit().claim("run", moment).is_claimed(NOW) is is_claimed


def test_what_has_ended_keeps_nobody_away():
    assert not Deposit().claim("run", NOW)._replace(owner="").is_claimed(NOW)
