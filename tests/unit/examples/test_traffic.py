"""The simulated traffic of examples/: its ledger counts by COUNTER's rules, and its plan keeps to what it promises."""

import sys
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "examples"))

from traffic.ledger import Ledger  # noqa: E402 - the folder has to be on the path first
from traffic.model import Observation, Step, Visitor  # noqa: E402
from traffic.plan import Plan, plan_flood  # noqa: E402

SOMEBODY = Visitor("198.18.0.1", "a browser")
FILE = ("file", "a bucket", "a.pdf")
PAGE = ("record", "1")
DAY = datetime(2026, 3, 10, 10, 0, 1, tzinfo=timezone.utc).timestamp()
CATALOGUE = {
    "users": [{"email": f"reader{number}@example.org"} for number in range(3)],
    "password": "secret",
    "terms": ["moths", "tides"],
    "records": [
        {
            "id": str(number),
            "bucket": f"bucket-{number}",
            "access_status": "embargoed" if number % 8 == 0 else "restricted" if number % 4 == 0 else "open",
            "files": [
                {
                    "key": f"{setting_path}.pdf",
                    "size": 100,
                    "checksum": "md5:1",
                    "missing": number == 1 and setting_path == 2,
                }
                for setting_path in (1, 2)
            ],
        }
        for number in range(1, 17)
    ],
}


def click(second=0.0, thing=FILE, visitor=SOMEBODY, session=None, method="GET", status=200, content_range=None):
    step = Step("file", "/", thing, method)
    return Observation(step, visitor, session, DAY + second, DAY + second, status, content_range)


def counted(*clicks):
    """Return (count, unique) of the file."""
    usage = Ledger(list(clicks)).usage().get(FILE)
    return (usage.count, usage.unique) if usage else (0, 0)


def test_two_searches_within_the_window_are_two_of_the_shipped_type_and_one_of_the_librarys_own():
    events = Ledger([click(second, thing=("search", "moths")) for second in (0, 5)]).events()
    assert (events["search"], events["search-made"]) == ({"people": 2}, {"people": 1})


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param([0, 29], (1, 1), id="within the window"),
        pytest.param([0, 30], (1, 1), id="exactly the window"),
        pytest.param([0, 31], (2, 1), id="beyond the window"),
        pytest.param([0, 25, 50], (1, 1), id="a chain"),
        pytest.param([50, 0, 25], (1, 1), id="a chain in another order"),
        pytest.param([0, 25, 50, 90], (2, 1), id="a chain and one more"),
        pytest.param([3579, 3619], (2, 2), id="two hours"),
        pytest.param([3579, 3605], (1, 1), id="a double click over the hour"),
    ],
)
def test_clicks_within_the_window_are_one(seconds, expected):
    """The vectors of the Code of Practice: a chain is its last click."""
    assert counted(*(click(second) for second in seconds)) == expected


def test_a_session_lasts_its_day():
    """Whoever is signed in is one session, however many hours it takes."""
    reader = Visitor("198.18.0.1", "a browser", email="reader@example.org")
    assert counted(click(0, visitor=reader, session="1"), click(3 * 3600, visitor=reader, session="1")) == (2, 1)


def test_two_visitors_are_no_double_click():
    """One address with two agents is two visitors."""
    assert counted(click(0), click(1, visitor=Visitor(SOMEBODY.address, "another browser"))) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"status": 500},
        {"method": "HEAD"},
        {"status": 206, "content_range": "bytes 50-99/100"},
        {"visitor": Visitor("198.18.0.2", "a robot", "robots")},
        {"thing": PAGE},
    ],
    ids=str,
)
def test_what_is_no_use_of_the_file_is_not_counted(answer):
    """Errors, heads, later ranges and robots are left out; a page is another thing."""
    assert counted(click(**answer)) == (0, 0)
    assert counted(click(**answer), click(1)) == (1, 1)


@pytest.mark.parametrize("answer", [{"status": 304}, {"status": 206, "content_range": "bytes 0-49/100"}], ids=str)
def test_not_modified_and_the_first_piece_count(answer):
    """304 is a successful request, and of a download in pieces the first one stands for all."""
    assert counted(click(**answer)) == (1, 1)


def test_the_same_seed_brings_the_same_traffic():
    """A run that failed can be looked at again."""
    first, second = (Plan(CATALOGUE, seed=5, requests=500, seconds=60).visits for _ in range(2))
    assert first == second
    assert first != Plan(CATALOGUE, seed=6, requests=500, seconds=60).visits


def test_nobody_comes_to_the_same_thing_again_by_chance():
    """A second click is a double click, or comes more than two windows later; otherwise chance would decide."""
    clicks = Counter(
        (visit.visitor.email or visit.visitor, step.thing)
        for visit in Plan(CATALOGUE, seed=5, requests=2000, seconds=60).visits
        for step in visit.steps
        if step.thing and not step.again and (step.method, step.status) == ("GET", 200)
    )
    assert set(clicks.values()) == {1}


def test_a_flood_is_a_robot_that_asks_for_all_open_records():
    visit = plan_flood(CATALOGUE, start=30.0)
    assert (visit.visitor.agency, visit.start) == ("robots", 30.0)
    assert {step.thing for step in visit.steps} == {
        ("record", record["id"]) for record in CATALOGUE["records"] if record["access_status"] == "open"
    }
    assert len(visit.steps) == 4 * len({step.path for step in visit.steps})
