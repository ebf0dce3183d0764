"""What is unusual about a day is found in totals, and the launch of a record is not."""

from datetime import timedelta

import pytest

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.operations.anomalies.detection import days as examined
from invenio_stats.operations.anomalies.detection import detection
from invenio_stats.operations.anomalies.detection.detection import examine_new_days, examine_range
from invenio_stats.operations.anomalies.store import change, count_open, read_anomalies, read_anomaly
from invenio_stats.operations.monitoring import ingest_counters
from tests.flow.operations.anomalies.conftest import DAY, NOW, weeks_before
from tests.flow.operations.reclassification.test_interruptions import Fault, Killed


@pytest.fixture
def find(history, search_client):
    """Return a function that looks at new days, and returns what is found of `DAY`: (what, value, number, usual)."""

    def run(now=NOW):
        history.write()
        examine_new_days(search_client, now)
        return [(*found[1:5],) for found in read_anomalies(search_client) if found.period == DAY.isoformat()]

    return run


def test_a_usual_day_is_not_found(history, find):
    history.items(DAY, {"known": 45, "rare": 20, "busy": 900})
    history.automated(DAY, {"robot": 1_500, "ai": 90})
    history.breakdown(DAY, "country", {"DE": 900, "FR": 80})
    history.breakdown(DAY, "referrer", {"internal": 900})
    assert find() == []


def test_an_item_ten_times_as_much_used_is_found(history, find):
    history.items(DAY, {"known": 300, "rare": 19, "busy": 3_900})
    assert find() == [("item", "known", 300, 30)]


def test_each_kind_is_found_in_its_totals(history, find):
    history.items(DAY, {"known": 4_321})  # ten times of all items together, and one more
    history.automated(DAY, {"robot": 5_000, "ai": 399})
    history.breakdown(DAY, "country", {"DE": 300, "FR": 200, "": 2_000, "BR": 100, "IT": 99})
    history.breakdown(DAY, "referrer", {"wiki.example": 150, "new.example": 130, "": 800})
    found = [
        ("agent_class", "people", 4_321, 432),
        ("agent_class", "robot", 5_000, 500),
        ("country", "", 2_000, 12),
        ("country", "BR", 100, 0),
        ("country", "FR", 200, 20),
        ("item", "known", 4_321, 30),
        ("referrer", "", 800, 0),
        ("referrer", "new.example", 130, 0),
        ("referrer", "wiki.example", 150, 12),
    ]
    assert sorted(find()) == found


def test_events_that_are_dropped_are_counted_by_their_class(history, find, search_client):
    """Where preprocessors drop robots, only counters know of them."""
    for week in range(9):
        line = ingest_counters.Line(weeks_before(week), "file-download", "machine", 200 if week else 2_100)
        ingest_counters.keep(search_client, "test", [line])
    assert find() == [("agent_class", "machine", 2_100, 200)]


KNOWN = {"DE": 800, "FR": 300, "US": 150, "": 50}
UNKNOWN = {"": 1_300}


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        pytest.param(UNKNOWN, KNOWN, id="a new database"),
        pytest.param(KNOWN, UNKNOWN, id="a missing database"),
        pytest.param(None, KNOWN, id="breakdowns are new"),
    ],
)
@pytest.mark.parametrize("dimension", ["country", "referrer"])
def test_what_nobody_knew_before_is_no_false_alarm(history, find, dimension, earlier, now):
    """Whether countries can be looked up, or are counted, is no matter of the visitors of a day."""
    history._lines.clear()
    for week in range(1, 11):
        history.items(weeks_before(week), {"known": 650, "busy": 650})
        if earlier:
            history.breakdown(weeks_before(week), dimension, earlier)
    history.items(DAY, {"known": 650, "busy": 650})
    history.breakdown(DAY, dimension, now)
    assert find() == []


def test_four_weeks_later_countries_are_judged(history, find):
    history._lines.clear()
    for week in range(1, 11):
        history.items(weeks_before(week), {"known": 650, "busy": 650})
        history.breakdown(weeks_before(week), "country", KNOWN if week <= 4 else UNKNOWN)
    history.items(DAY, {"known": 650, "busy": 650})
    history.breakdown(DAY, "country", {**KNOWN, "FR": 4_000, "BR": 200})
    assert sorted(find()) == [("country", "BR", 200, 0), ("country", "FR", 4_000, 300)]


def test_a_class_that_was_never_seen_before_has_no_history(history, find):
    """It is flagged from now on; before, it was nobody's."""
    history.automated(DAY, {"machine": 5_000})
    assert find() == []


def test_a_new_record_is_no_false_alarm(history, find):
    """Its item has no history, and its events tell whose the country, the host and the crowd are."""
    history.items(DAY, {"new": 5_000, "known": 30})
    history.breakdown(DAY, "country", {"FR": 1_200})
    history.breakdown(DAY, "referrer", {"news.example": 900})
    history.events({"new": 60, "known": 1}, country="FR", referrer="news.example")
    history.events({"new": 4_940}, country="DE")
    launch = find()
    assert ("item", "new", 5_000, 0) not in launch
    assert [line[:2] for line in launch] == [("country", "FR"), ("referrer", "news.example")]  # 60 of 1,200 are not all


def test_a_launch_explains_its_country_and_its_host(history, find):
    history.items(DAY, {"new": 500, "known": 30})
    history.breakdown(DAY, "country", {"FR": 320})
    history.breakdown(DAY, "referrer", {"news.example": 320})
    history.events({"new": 300, "known": 20}, country="FR", referrer="news.example")
    assert find() == []


def test_an_old_record_in_the_news_is_for_a_person_to_decide(history, find):
    history.items(DAY, {"known": 500})
    history.breakdown(DAY, "referrer", {"news.example": 320})
    history.events({"known": 320}, country="FR", referrer="news.example")
    assert find() == [("item", "known", 500, 30), ("referrer", "news.example", 320, 0)]


@pytest.mark.parametrize(("weeks", "found"), [(3, []), (4, [("item", "young", 500, 4)])])
def test_an_item_has_a_history_after_four_weeks(history, find, weeks, found):
    for week in range(1, weeks + 1):
        history.items(weeks_before(week), {"young": 4})
    history.items(DAY, {"young": 500, "busy": 400})
    assert find() == found


def test_a_young_repository_has_nothing_to_compare_with(search_client, history):
    history._lines.clear()
    for week in range(1, 4):
        history.items(weeks_before(week), {"known": 3})
    history.items(DAY, {"known": 3_000})
    history.breakdown(DAY, "country", {"DE": 3_000})
    history.write()
    assert examine_new_days(search_client, NOW) == 0


def test_only_finished_days_are_looked_at(history, search_client):
    """Breakdowns of the last day are not counted yet; the next night looks at it."""
    history.items(DAY, {"known": 500})
    history.write()
    history.count_up_to(NOW - timedelta(days=1))
    assert examine_new_days(search_client, NOW) == 0
    history.count_up_to(NOW)
    assert examine_new_days(search_client, NOW) == 1


def test_nothing_is_done_before_anything_is_counted(app, search_client):
    assert examine_new_days(search_client, NOW) == 0
    assert read_anomalies(search_client) == []
    assert count_open(search_client) == 0


def test_the_next_night_finds_the_same_once(history, find, search_client):
    history.items(DAY, {"known": 500})
    assert find() == find() == [("item", "known", 500, 30)]
    (first,) = read_anomalies(search_client)
    assert find(NOW + timedelta(hours=1))
    assert read_anomalies(search_client) == [first]


def test_late_events_correct_a_number_and_a_decision_is_kept(history, find, search_client):
    history.items(DAY, {"known": 500, "rare": 200})
    find()
    known, rare = sorted(read_anomalies(search_client), key=lambda found: found.value)
    change(search_client, rare.id, lambda found: found.decide("kept", "It was in the news.", NOW))
    history.items(DAY, {"known": 100, "rare": 100})
    assert sorted(find()) == [("item", "known", 600, 30), ("item", "rare", 200, 2)]
    assert read_anomaly(search_client, rare.id).note == "It was in the news."
    assert read_anomaly(search_client, known.id).found == known.found


def test_what_is_not_unusual_any_more_goes_unless_a_person_has_decided(history, find, search_client, index_prefix):
    history.items(DAY, {"known": 500, "rare": 200})
    find()
    rare = next(found for found in read_anomalies(search_client) if found.value == "rare")
    change(search_client, rare.id, lambda found: found.decide("excluded", "A script.", NOW))
    query = {"query": {"range": {"timestamp": {"gte": DAY.isoformat()}}}}
    search_client.delete_by_query(index=f"{index_prefix}stats-item-usage", body=query, refresh=True)
    assert find() == [("item", "rare", 200, 2)]


def test_killed_at_any_request_the_next_night_finds_all(history, search_client, monkeypatch):
    monkeypatch.setattr(detection, "MAX_DAYS", 2)
    yesterday = DAY - timedelta(days=1)
    for week in range(1, 9):
        history.items(yesterday - timedelta(weeks=week), {"known": 20, "busy": 400})
    history.items(yesterday, {"known": 700})
    history.items(DAY, {"known": 900, "rare": 700})
    history.write()
    fault, limit = Fault(search_client.transport, monkeypatch), 0
    while True:
        limit += 1
        fault.set(limit, is_done_first=limit % 2 == 0)
        try:
            examine_new_days(search_client, NOW)
        except Killed:
            continue
        finally:
            was_sent = fault.sent
            fault.set(None)
        if was_sent < limit:
            break
    found = {(found.period, found.value, found.number) for found in read_anomalies(search_client) if found.is_day}
    assert found == {(f"{yesterday}", "known", 700), (f"{DAY}", "known", 900), (f"{DAY}", "rare", 700)}


def test_a_day_costs_a_bounded_number_of_requests(history, search_client, monkeypatch):
    for week in range(1, 9):
        history.items(weeks_before(week), {"everything": 20_000})
    history.items(DAY, {f"item{number}": 150 for number in range(700)} | {"known": 500})
    history.breakdown(DAY, "country", {"FR": 500})
    history.write()
    perform, requests = search_client.transport.perform_request, []

    def record(method, path, *args, **kwargs):
        requests.append(path)
        return perform(method, path, *args, **kwargs)

    monkeypatch.setattr(search_client.transport, "perform_request", record)
    assert examine_range(search_client, DAY, DAY, NOW, lambda done, total: None) == 2
    assert len(requests) < 40, requests


def test_of_a_flood_of_everything_the_greatest_are_kept(history, search_client, monkeypatch, caplog):
    monkeypatch.setattr(examined, "MAX_FOUND", 3)
    for week in range(1, 9):
        history.items(weeks_before(week), {f"item{number}": 5 for number in range(5)})
    history.items(DAY, {f"item{number}": 100 * (number + 2) for number in range(5)})
    history.write()
    examine_new_days(search_client, NOW)
    assert [found.value for found in read_anomalies(search_client)] == ["item4", "item3", "item2"]
    assert "More is unusual about a day than is kept" in caplog.text


def test_an_unusual_month_is_found(history, search_client):
    month = (DAY.replace(day=1) - timedelta(days=1)).replace(day=1)
    for back in range(1, 7):
        before = (month - timedelta(days=30 * back)).replace(day=3)
        history.items(before, {"calm": 1_000})
    history.items(month.replace(day=2), {"calm": 90_000})
    history.write()
    examine_new_days(search_client, NOW)
    found = next(found for found in read_anomalies(search_client) if not found.is_day)
    assert (found.period, found.what, found.spike) == (f"{month:%Y-%m}", "repository", "high")
    assert found.number >= 90_000


def test_a_document_is_as_it_was_written(search_client, app):
    anomaly = Anomaly("2026-05-06", "country", "", 500, 1.5, NOW, selection={"country": ""})
    change(search_client, anomaly.id, lambda known: anomaly)
    assert read_anomaly(search_client, anomaly.id) == anomaly
    assert read_anomaly(search_client, "2026-05-06-unknown") is None
