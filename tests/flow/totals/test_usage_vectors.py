"""COUNTER's examples, from published events to the usage of an item."""

from datetime import timedelta

import pytest

from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.proxies import current_stats
from tests.fixtures.usage import COUNTER
from tests.flow.test_processors import BROWSER, TODAY, download

DAY = (TODAY - timedelta(days=3)).replace(hour=0, minute=0, second=0)
NEXT = DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


def at(text, day=DAY):
    """Return a moment of the day: 'hh:mm:ss', or seconds after ten o'clock."""
    if isinstance(text, int):
        return day + timedelta(hours=10, seconds=text)
    hours, minutes, seconds = map(int, text.split(":"))
    return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def file(moment, **fields):
    moment = moment if hasattr(moment, "year") else at(moment)
    known = {"item_id": "A", "parent_id": "P", "access_status": "open", "access_type": "Open"}
    return "file-download", download(moment, **{**known, **fields})


def page(moment):
    known = {"item_id": "A", "parent_id": "P", "access_status": "open", "access_type": "Open"}
    record = {"record_id": "A", "pid_type": "recid", "pid_value": "A", "referrer": None}
    user = {"ip_address": "192.0.2.1", "user_agent": BROWSER, "user_id": None, "session_id": None}
    return "record-view", {"timestamp": at(moment).replace(tzinfo=None).isoformat(), **record, **user, **known}


def pairs(number, seconds, first):
    return [file(600 * pair + click, session_id=f"{first}{pair}") for pair in range(number) for click in (0, seconds)]


@pytest.fixture
def count(queues, put_templates, refresh, stored_totals):
    """Return `count(batches)`: COUNTER's numbers of item A by day, after each batch was published and stored."""

    def run(*batches):
        for events in batches:
            for event_type, event in events:
                current_stats.publish(event_type, [event])
            for event_type in ("record-view", "file-download"):
                process_one(event_type)
        refresh()
        aggregate_one("item-usage-agg")
        return {
            total["timestamp"][:10]: tuple(total[name] for name in COUNTER)
            for total in stored_totals("stats-item-usage").values()
            if total["item_id"] == "A"
        }

    return run


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        pytest.param([[file("10:01:00"), file("10:01:29")]], (1, 1, 1, 1), id="29 seconds"),
        pytest.param([[file("10:01:00"), file("10:01:35")]], (2, 2, 1, 1), id="35 seconds"),
        pytest.param([[file(0), file(25), file(50)]], (1, 1, 1, 1), id="a chain"),
        pytest.param([[file(50)], [file(0)], [file(25)]], (1, 1, 1, 1), id="a chain in three batches"),
        pytest.param([[file(0), file(25), file(50), file(90)]], (2, 2, 1, 1), id="a chain and one more"),
        pytest.param([[page(0), file(10)]], (2, 1, 1, 1), id="page and file"),
        pytest.param([[file(0), file(5, file_id="G")]], (2, 2, 1, 1), id="two files"),
        pytest.param([[file("10:59:40"), file("11:00:20")]], (2, 2, 2, 2), id="two hours"),
        pytest.param(
            [[file("10:00:00", session_id="s"), file("13:00:00", session_id="s")]], (2, 2, 1, 1), id="a session"
        ),
        pytest.param([[*pairs(15, 20, "a"), *pairs(15, 35, "b")]], (45, 45, 30, 30), id="thirty pairs"),
    ],
)
def test_the_usage_of_an_item_is_counters(count, batches, expected):
    assert count(*batches) == {f"{DAY:%Y-%m-%d}": expected}


def test_the_kept_click_decides_the_day(count):
    assert count([file(at("23:59:50")), file(at("00:00:10", NEXT))]) == {f"{NEXT:%Y-%m-%d}": (1, 1, 1, 1)}


def test_each_access_type_has_its_row(count, stored_totals):
    count([file(0, access_type="Controlled", access_status="restricted"), file(at(0, NEXT))])
    totals = sorted(stored_totals("stats-item-usage").values(), key=lambda total: total["timestamp"])
    assert [[row["access_type"] for row in total["rows"]] for total in totals] == [["Controlled"], ["Open"]]


def test_events_without_an_item_are_counted_by_day(count, search_client):
    """They are left out of the usage of items, and not forgotten."""
    known = file(0)
    kind, event = file(600)
    without = {name: value for name, value in event.items() if name not in ("item_id", "parent_id")}
    assert count([known, (kind, without)]) == {f"{DAY:%Y-%m-%d}": (1, 1, 1, 1)}
    lines = ingest_counters.lines(search_client, DAY.date(), DAY.date())
    assert [line for line in lines if line.reason == "without_item"] == [
        ingest_counters.Line(DAY.date(), "file-download", "without_item", 1)
    ]
