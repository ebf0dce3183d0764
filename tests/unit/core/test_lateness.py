"""A worker is late if it had no run for three times the usual distance of the last ones."""

from datetime import timedelta

import pytest

from invenio_stats.core.lateness import add_run, is_late
from invenio_stats.core.moments import parse

NOW = parse("2026-03-30T12:00:00")


def runs(*minutes):
    """Runs so many minutes ago, through `add_run`."""
    found = []
    for number in minutes:
        found = add_run(found, NOW - timedelta(minutes=number))
    return found


@pytest.mark.parametrize(
    ("minutes", "late"),
    [
        pytest.param([], False, id="never"),
        pytest.param([6000, 5000], False, id="nobody knows yet"),
        pytest.param([240, 180, 120, 60], False, id="every hour"),
        pytest.param([300, 240, 180], False, id="three hours ago"),
        pytest.param([301, 241, 181], True, id="more than three hours ago"),
        pytest.param([3000, 1500, 300, 240, 180], False, id="median"),
        pytest.param([241, 240.5, 181, 180.5, 121, 120.5], False, id="two workers"),
        pytest.param([180, 120, 60, 59, 58, 57, 56], False, id="some by hand"),
        pytest.param([9000, 8940, 8880, 8820, 60, 30, 0], False, id="has caught up"),
    ],
)
def test_a_worker_that_stands_still_is_late(minutes, late):
    assert is_late(runs(*minutes), NOW) is late


def test_the_last_runs_are_kept():
    assert runs(*range(1000, 0, -50)) == [NOW - timedelta(minutes=number) for number in range(300, 0, -50)]
