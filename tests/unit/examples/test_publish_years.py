"""The years of use for trials: what is published is counted as it was published, so that totals can be compared."""

import random
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from invenio_stats.core.agent_classes import is_person
from invenio_stats.privacy.user_agents.classifier import classify

sys.path.append(str(Path(__file__).parents[3] / "examples/minimal"))

from publish_years import AGENTS, MONTHS, find_days, make_day  # noqa: E402 - the folder has to be on the path first


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        pytest.param(date(2026, 11, 30), MONTHS, date(2024, 12, 1), id="two years"),
        pytest.param(date(2026, 12, 1), MONTHS, date(2025, 1, 1), id="first day of a month"),
        pytest.param(date(2028, 2, 29), 14, date(2027, 1, 1), id="leap day"),
        pytest.param(date(2026, 1, 31), 1, date(2026, 1, 1), id="running month"),
    ],
)
def test_it_is_of_so_many_calendar_months_until_yesterday(today, months, first):
    days = find_days(today, months)
    assert (days[0], days[-1]) == (first, today - timedelta(days=1))
    assert len(days) == len(set(days)) == (today - first).days


def test_each_day_has_eight_clicks_of_which_none_is_a_double_click():
    choice = random.Random(27)
    for day in find_days(date(2026, 11, 30), MONTHS):
        views, downloads = make_day(day, choice)
        assert (len(views), len(downloads)) == (5, 3)
        moments = [event["timestamp"] for event in (*views, *downloads)]
        assert {moment[:10] for moment in moments} == {day.isoformat()}
        assert len({moment[:13] for moment in moments}) == 8


@pytest.mark.parametrize("agent", AGENTS)
def test_its_visitors_are_people(agent):
    """A new list of robots must not take one of them for a robot."""
    assert is_person(classify(agent))


def test_equal_seeds_give_equal_clicks():
    first, second, other = (make_day(date(2026, 11, 1), random.Random(seed)) for seed in (1, 1, 2))
    assert first == second != other
