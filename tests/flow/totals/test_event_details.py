"""A total is the same, whether its events are read or the engine aggregates them."""

from collections import Counter

import pytest

from invenio_stats.totals.event_details import MAX_EVENTS_READ, EventDetails


@pytest.fixture(params=[0, MAX_EVENTS_READ, 10_000], ids=["asked", "as it is", "read"])
def few(request, monkeypatch):
    monkeypatch.setattr("invenio_stats.totals.event_details.MAX_EVENTS_READ", request.param)


@pytest.fixture
def ways(monkeypatch):
    """Return how many pairs had their events read, and about how many the engine was asked."""
    used = Counter()
    read, ask = EventDetails._read, EventDetails._aggregate

    def reading(self, batch):
        used["read"] += len(batch)
        return read(self, batch)

    def asking(self, batch):
        used["asked"] += len(batch)
        ask(self, batch)

    monkeypatch.setattr(EventDetails, "_read", reading)
    monkeypatch.setattr(EventDetails, "_aggregate", asking)
    return used


def single_total(stored_totals):
    (total,) = stored_totals().values()
    return total


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("events", [1, 3, MAX_EVENTS_READ, MAX_EVENTS_READ + 1, 40])
def test_any_number_of_events(raw, aggregator, stored_totals, events):
    for number in range(events):
        raw.put(f"2026-03-10T10:00:{number:02}", session=f"s{number % 7}", referrer=f"r{number}")
    aggregator(copy_fields={"pid_value": "referrer"}).run()
    total = single_total(stored_totals)
    assert (total["count"], total["unique_count"]) == (events, min(events, 7))
    assert total["pid_value"] == f"r{events - 1}"


def test_few_events_are_read_and_many_are_asked_about(raw, aggregator, ways):
    for number in range(MAX_EVENTS_READ + 1):
        raw.put(key="recid_1", session=f"s{number}")
    raw.put(key="recid_2")
    aggregator().run()
    assert ways == {"read": 1, "asked": 1}


def test_nothing_is_read_where_counts_say_it_all(raw, aggregator, ways, counts):
    raw.put(key="recid_1")
    raw.put(key="recid_2", session=None)
    aggregator(copy_fields={}).run()
    assert ways == {}
    assert len(counts()) == 2


@pytest.mark.usefixtures("few")
def test_of_two_events_at_the_same_time_the_one_stored_later_is_the_newest(raw, aggregator, stored_totals, clock):
    raw.put(referrer="first")
    clock.forward(seconds=1)
    raw.put(referrer="second")
    raw.put(referrer="unstamped", stamped=False)
    aggregator(copy_fields={"pid_value": "referrer"}).run()
    assert single_total(stored_totals)["pid_value"] == "second"


@pytest.mark.usefixtures("few")
def test_a_zone_is_part_of_the_time(raw, aggregator, counts):
    raw.put("2026-03-10T23:30:00-02:00", index="events-stats-record-view-2026-03")
    aggregator().run()
    assert counts() == {"recid_1-2026-03-11": 1}


@pytest.mark.usefixtures("few")
def test_several_values_in_one_event(raw, aggregator, stored_totals):
    raw.put(session=["s1", "s2"])
    raw.put(session=["s2", "s3", "s3"])
    aggregator().run()
    assert single_total(stored_totals)["unique_count"] == 3


def test_what_is_no_text_is_left_to_the_engine(raw, aggregator, stored_totals, ways):
    """It says which numbers are the same."""
    raw.put(session=5)
    raw.put(session="5")
    aggregator().run()
    assert single_total(stored_totals)["unique_count"] == 1
    assert ways == {"read": 1, "asked": 1}


def test_an_event_of_two_things_counts_for_both(raw, aggregator, counts, ways):
    raw.put(key="recid_1")
    ref = raw.put(key="recid_1")
    raw.change(ref, unique_id=["recid_1", "recid_2"])
    aggregator().run()
    assert counts() == {"recid_1-2026-03-10": 2, "recid_2-2026-03-10": 1}
    assert ways["asked"] == 2


def test_more_than_a_request_takes_is_read_in_several(raw, aggregator, counts, monkeypatch):
    sizes = []
    read = EventDetails._read
    monkeypatch.setattr(EventDetails, "_read", lambda self, batch: sizes.append(len(batch)) or read(self, batch))
    monkeypatch.setattr("invenio_stats.totals.event_details._EVENTS_PER_REQUEST", 5)
    for number in range(12):
        raw.put(key=f"recid_{number}")
    aggregator().run()
    assert len(counts()) == 12
    assert sizes == [5, 5, 2]


def test_events_that_come_in_between_are_counted_by_the_next_run(raw, aggregator, counts, monkeypatch):
    """What was read and what was counted do not add up then."""
    read = EventDetails._read

    def late(self, batch):
        raw.put(session="s9")
        return read(self, batch)

    raw.put()
    with monkeypatch.context() as patched:
        patched.setattr(EventDetails, "_read", late)
        aggregator().run()
    aggregator().run()
    assert counts() == {"recid_1-2026-03-10": 2}
