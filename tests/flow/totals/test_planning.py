"""A run works on what changed since the bookmark, and on nothing else."""

import pytest

from invenio_stats.core.moments import parse


@pytest.fixture
def settled(raw, aggregator, clock):
    """Two things on two days, counted some hours ago; returns where the first thing's event of March 10 is."""
    ref = raw.put("2026-03-10", "recid_1")
    raw.put("2026-03-10", "recid_2")
    raw.put("2026-03-11", "recid_1")
    clock.forward(hours=1)
    assert aggregator().run() == [(2, 0), (1, 0)]
    clock.forward(hours=5)
    return ref


def test_nothing_new_is_a_handful_of_requests(settled, aggregator, requests, clock):
    assert aggregator().run() == []
    assert requests == {"_alias": 2, "_refresh": 1, "_mget": 1, "_msearch": 1, "bookmark": 1, "completeness": 1}
    assert aggregator().bookmark_api.get_bookmark(refresh_time=0) == clock.now


def test_a_late_event_changes_its_own_total_only(settled, raw, aggregator, stored_totals):
    before = stored_totals()
    raw.put("2026-03-10", "recid_2")
    raw.put("2019-12-31", "recid_3")
    assert aggregator().run() == [(1, 0), (1, 0)]
    after = stored_totals()
    changed = {document_id for document_id in after if after[document_id] != before.get(document_id)}
    assert changed == {"recid_2-2026-03-10", "recid_3-2019-12-31"}
    assert after["recid_2-2026-03-10"]["count"] == 2


def test_a_total_that_was_touched_but_did_not_change_is_not_written(settled, raw, aggregator, stored_totals):
    """Programs reindex records for each total with a new `updated_timestamp`."""
    before = stored_totals()
    raw.change(settled, referrer="elsewhere.example")
    assert aggregator().run() == [(0, 0)]
    assert stored_totals() == before


def test_a_superseded_event_is_taken_back(settled, raw, aggregator, counts):
    another = raw.put("2026-03-10", "recid_1")
    aggregator().run()
    assert counts()["recid_1-2026-03-10"] == 2
    raw.change(another, superseded=True)
    aggregator().run()
    assert counts()["recid_1-2026-03-10"] == 1


@pytest.mark.parametrize("flag", ["superseded", "is_robot", "is_machine"])
def test_a_total_without_events_disappears(settled, raw, aggregator, counts, flag):
    raw.change(settled, **{flag: True})
    assert aggregator().run() == [(1, 0)]
    assert set(counts()) == {"recid_2-2026-03-10", "recid_1-2026-03-11"}
    assert aggregator().run() == [(0, 0)]  # read once more, for the overlap


def test_a_total_without_events_disappears_where_there_is_no_bookmark(raw, aggregator, counts):
    ref = raw.put("2026-01-31")
    aggregator().run(update_bookmark=False)
    raw.change(ref, superseded=True)
    raw.put("2026-02-01")
    aggregator().run()
    assert set(counts()) == {"recid_1-2026-02-01"}


def test_a_total_without_events_disappears_from_a_range_as_well(settled, raw, aggregator, counts):
    raw.change(settled, superseded=True)
    assert aggregator().run(start_date="2026-03-10", end_date="2026-03-10", update_bookmark=False) == [(1, 0)]
    assert set(counts()) == {"recid_2-2026-03-10", "recid_1-2026-03-11"}


def test_totals_whose_raw_events_are_gone_stay(settled, raw, aggregator, counts):
    """Raw events are pruned one day; a run over their range must not take the numbers with them."""
    raw.client.delete(**settled, refresh=True)
    aggregator().run(start_date="2026-03-10", end_date="2026-03-11")
    assert set(counts()) == {"recid_1-2026-03-10", "recid_2-2026-03-10", "recid_1-2026-03-11"}


def test_events_that_do_not_say_when_they_were_stored_are_found_by_their_time(settled, raw, aggregator, counts, clock):
    """Foreign indexers write no `updated_timestamp`: from the bookmark's interval on, they are counted."""
    today = clock.now.date().isoformat()
    raw.put(f"{today}T01:00:00", "recid_9", stamped=False)
    aggregator().run()
    raw.put(f"{today}T00:30:00", "recid_9", stamped=False)
    aggregator().run()
    assert counts()[f"recid_9-{today}"] == 2


def test_an_event_ahead_of_the_clock_is_counted_at_once(settled, raw, aggregator, counts):
    """Its stamp lies behind the bookmark by the time it is due."""
    raw.put("2026-04-02", "recid_7")
    aggregator().run()
    assert counts()["recid_7-2026-04-02"] == 1


def test_the_bookmark_is_the_moment_the_run_began(settled, aggregator, clock):
    api = aggregator().bookmark_api
    aggregator().run(update_bookmark=False)
    assert api.get_bookmark(refresh_time=0) < clock.now
    aggregator().run()
    assert api.get_bookmark(refresh_time=0) == clock.now


def test_a_bookmark_in_the_future_hides_nothing(settled, raw, aggregator, counts, clock):
    """A machine whose clock was wrong has set it; the events since then would wait until it is reached."""
    aggregator().bookmark_api.set_bookmark("2027-01-01")
    raw.put("2026-03-10", "recid_1")
    clock.forward(hours=1)
    aggregator().run()
    assert counts()["recid_1-2026-03-10"] == 2
    assert aggregator().bookmark_api.get_bookmark(refresh_time=0) == clock.now


def test_clocks_may_disagree_by_a_minute(settled, raw, aggregator, counts, clock):
    """A worker whose clock is late stamps an event with a time before the bookmark."""
    aggregator().run()
    clock.forward(seconds=-75)
    raw.put("2026-03-10", "recid_1")
    clock.forward(minutes=30)
    aggregator().run()
    assert counts()["recid_1-2026-03-10"] == 2


def test_a_key_too_long_for_an_id_has_its_total(settled, raw, aggregator, counts):
    """The engine refuses a whole bulk for one id of more than 512 bytes."""
    raw.put("2026-03-12", "x" * 600)
    raw.put("2026-03-12", "recid_2")
    assert aggregator().run() == [(2, 0)]
    assert "recid_2-2026-03-12" in counts()


def test_an_old_range_does_not_move_the_bookmark_over_what_waits(settled, raw, aggregator, counts, clock):
    raw.put("2026-03-12", "recid_5")
    before = aggregator().bookmark_api.get_bookmark()
    aggregator().run(start_date="2026-03-10", end_date="2026-03-11")
    assert aggregator().bookmark_api.get_bookmark() == before
    aggregator().run(start_date="2026-03-01")
    assert aggregator().bookmark_api.get_bookmark(refresh_time=0) == clock.now
    assert "recid_5-2026-03-12" in counts()


def test_a_first_range_does_not_move_the_bookmark_over_what_lies_outside(raw, aggregator, counts, clock):
    raw.put("2026-01-31")
    raw.put("2026-02-01")
    clock.forward(hours=1)
    aggregator().run(start_date="2026-02-01")
    assert aggregator().bookmark_api.get_bookmark() is None
    aggregator().run()
    assert set(counts()) == {"recid_1-2026-01-31", "recid_1-2026-02-01"}


def test_a_run_to_an_earlier_date_leaves_the_rest_to_the_next(raw, aggregator, counts):
    raw.put("2026-03-10")
    raw.put("2026-03-12")
    aggregator().run(end_date="2026-03-11")
    assert set(counts()) == {"recid_1-2026-03-10"}
    assert aggregator().bookmark_api.get_bookmark(refresh_time=0) == parse("2026-03-11")
    aggregator().run()
    assert set(counts()) == {"recid_1-2026-03-10", "recid_1-2026-03-12"}


def test_deleted_totals_are_counted_again(settled, aggregator, counts):
    """Deletion takes the bookmark back, so raw events and totals agree after the next run."""
    assert aggregator().delete("2026-03-11", "2026-03-11") == 1
    assert set(counts()) == {"recid_1-2026-03-10", "recid_2-2026-03-10"}
    aggregator().run()
    assert len(counts()) == 3
    assert aggregator().delete() == 3
    assert counts() == {}
    assert aggregator().list_bookmarks() == []
    aggregator().run()
    assert len(counts()) == 3


def test_deleting_where_there_is_nothing_is_no_error(aggregator):
    assert aggregator().delete() == 0


def test_requests_grow_with_pages_and_not_with_things(settled, raw, aggregator, requests, clock):
    for number in range(40):
        raw.put("2026-03-10", f"recid_{number}")
    requests.clear()
    aggregator().run()
    few = dict(requests)
    clock.forward(hours=1)
    for number in range(40, 240):
        raw.put("2026-03-10", f"recid_{number}")
    requests.clear()
    aggregator().run()
    assert requests == few


def test_late_events_of_many_days_are_read_together(settled, raw, aggregator, requests):
    days = [f"2025-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 21)]
    for day in days:
        raw.put(day)
    requests.clear()
    assert aggregator().run() == [(1, 0)] * len(days)
    # What changed; their numbers, the events themselves, and the oldest event, by which the first complete day is
    # judged; where the run is, and the stored totals.
    assert (requests["_msearch"], requests["_search"], requests["_mget"], requests["_bulk"]) == (1, 3, 2, 1)
    assert (requests["locks"], requests["bookmark"]) == (2, 1)


def test_a_new_day_is_a_dozen_requests(settled, raw, aggregator, requests):
    raw.put("2026-03-12", "recid_1")
    requests.clear()
    assert aggregator().run() == [(1, 0)]
    once = dict.fromkeys(("_alias", "_msearch", "_mapping", "_bulk", "bookmark", "completeness"), 1)
    # One search is for the oldest event, which tells whether the first complete day has to be judged anew.
    assert requests == {**once, "_search": 3, "_mget": 2, "_refresh": 2, "_alias": 2, "locks": 2}


@pytest.mark.parametrize("page", [1, 3, 4, 5])
def test_what_does_not_fit_into_a_page_is_read_page_by_page(settled, raw, aggregator, counts, page):
    for number in range(4):
        raw.put("2026-03-12", f"recid_{number}")
    assert aggregator(max_bucket_size=page).run() == [(4, 0)]
    assert [counts()[f"recid_{number}-2026-03-12"] for number in range(4)] == [1] * 4


def test_events_without_a_key_belong_to_no_total(settled, raw, aggregator, counts):
    before = counts()
    raw.put("2026-03-12", unique_id=None)
    assert aggregator().run() == [(0, 0)]
    assert counts() == before


def test_months_of_totals_are_looked_at_together(settled, raw, aggregator, requests):
    months = [f"2025-{month:02}-01" for month in range(1, 13)]
    for month in months:
        raw.put(month)
    aggregator().run()
    for month in months:
        raw.put(month)
    requests.clear()
    assert aggregator().run() == [(1, 0)] * 12
    assert (requests["_mapping"], requests["index"]) == (1, 0)


@pytest.mark.parametrize("intervals", [1, 2, 100])
def test_pairs_are_counted_in_as_many_requests_as_it_takes(settled, raw, aggregator, counts, monkeypatch, intervals):
    """An engine takes a limited number of clauses."""
    monkeypatch.setattr("invenio_stats.totals.search_bodies.MAX_INTERVALS_PER_REQUEST", intervals)
    for number in range(12):
        raw.put(f"2026-03-0{number % 5 + 1}", f"recid_{number % 4}")
    before = counts()
    assert aggregator(max_bucket_size=5).run() == [(3, 0), (3, 0), (2, 0), (2, 0), (2, 0)]
    assert sum(counts().values()) - sum(before.values()) == 12
