"""The year of use before the demo: what the pages have to cope with is in it, and the ledger can count it."""

import random
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from statistics import median

import pytest

sys.path.append(str(Path(__file__).parents[3] / "examples"))

from library.history import FLOOD, RARE, find_days, make_history  # noqa: E402 - the folder has to be on the path first
from library.titles import TITLES, TOPICS  # noqa: E402
from traffic.ledger import Ledger  # noqa: E402

TODAYS = [date(2026, 11, 29), date(2027, 1, 1), date(2028, 2, 29), date(2026, 3, 31)]
MIN_EVENTS = 20
"""Of a usual day, so that one without any is found to be a gap."""


def library(today):
    return [
        {
            "id": str(number),
            "bucket": f"bucket-{number}",
            "publication_date": f"{today - timedelta(days=27 * (41 - number))}",
            "access_status": "embargoed" if number % 8 == 0 else "restricted" if number % 4 == 0 else "open",
            "files": [{"key": "a.pdf", "missing": False}, {"key": "b.csv", "missing": number == 1}],
        }
        for number in range(1, 41)
    ]


def day_of(act):
    return datetime.fromtimestamp(act["time"], timezone.utc).date()


@pytest.fixture(params=TODAYS, ids=str)
def today(request):
    return request.param


@pytest.fixture
def acts(today):
    return list(make_history(library(today), today, random.Random(1)))


def test_it_is_of_twelve_whole_months_and_the_days_of_this_one(acts, today):
    days = {day_of(act) for act in acts}
    first, gap, _flood = find_days(today)
    assert first == date(today.year - 1, today.month, 1)
    assert days == {first + timedelta(days=number) for number in range((today - first).days)} - {gap}


def test_the_day_without_events_is_a_gap_and_not_chance(acts, today):
    """The same weekday has enough views and downloads in the eight weeks before."""
    gap = find_days(today)[1]
    for kind in ("record", "file"):
        events = Counter(day_of(act) for act in acts if act["thing"][0] == kind)
        assert events[gap] == 0
        assert median(events[gap - timedelta(weeks=week)] for week in range(1, 9)) >= MIN_EVENTS


def test_a_robot_asks_for_everything_and_is_never_a_double_click(acts):
    ledger = Ledger()
    ledger.add_past(act for act in acts if act["agency"] == "robots")
    assert len({act["thing"][1] for act in acts if act["agency"] == "robots"}) == 40
    assert ledger.events()["record-view"] == {"robots": FLOOD}
    assert ledger.usage() == {}


def test_of_people_each_act_is_counted_and_each_visitor_is_one_session(acts):
    people = [act for act in acts if act["agency"] == "people"]
    ledger = Ledger()
    ledger.add_past(people)
    assert sum(usage.count for usage in ledger.usage().values()) == len(people)
    hours = defaultdict(set)
    for act in people:
        hours[act["visitor"]].add(int(act["time"] // 3600))
    assert {len(found) for found in hours.values()} == {1}


def test_two_countries_and_two_sites_are_too_rare_to_be_shown(acts):
    for position, name in enumerate(("country", "host")):
        for rare in RARE:
            visitors = defaultdict(set)
            for act in acts:
                if act[name] == rare[position]:
                    visitors[day_of(act)].add(act["visitor"])
            assert {len(found) for found in visitors.values()} == {1}


def test_nothing_is_used_before_it_is_published_or_against_its_access_status(acts, today):
    records = {record[key]: record for record in library(today) for key in ("id", "bucket")}
    people = [act for act in acts if act["agency"] == "people"]
    assert all(records[act["thing"][1]]["publication_date"] <= f"{day_of(act)}" for act in people)
    used = Counter((act["thing"][0], records[act["thing"][1]]["access_status"]) for act in people)
    assert used["file", "embargoed"] == 0
    assert min(used["record", "embargoed"], used["file", "restricted"], used["file", "open"]) > 0
    assert not any(act["thing"] == ["file", "bucket-1", "b.csv"] for act in acts)


def test_equal_seeds_give_equal_histories():
    first, second, other = (
        list(make_history(library(TODAYS[0]), TODAYS[0], random.Random(seed))) for seed in (1, 1, 2)
    )
    assert first == second != other


def test_titles_are_as_different_as_real_ones():
    assert len({*TITLES}) == len(TITLES) == 40
    assert len(TITLES) % len(TOPICS) == 0
    assert max(map(len, TITLES)) > 240
    assert any("\u0600" < title[0] < "\u06ff" for title in TITLES)
    assert any(len(title) > 60 and " " not in title for title in TITLES)
