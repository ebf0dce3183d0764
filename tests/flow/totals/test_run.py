"""A run is an object: it is made of an aggregator's attributes and hooks, and holds what became of it."""

from datetime import timedelta

import pytest

from invenio_stats import aggregations
from invenio_stats.aggregations import StatAggregator
from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.core import quarantine
from invenio_stats.totals.attributes import overrides
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.run import Run

HOOKS = ("agg_iter", "_get_oldest_event_timestamp", "_upper_limit", "_split_date_range")


class OwnIterator(StatAggregator):
    """Calls ours."""

    def agg_iter(self, dt, previous_bookmark):
        """Do as the others."""
        yield from super().agg_iter(dt, previous_bookmark)


class OwnHooks(OwnIterator):
    """Overrides everything that the contract lets a subclass override."""

    def _get_oldest_event_timestamp(self):
        return super()._get_oldest_event_timestamp()

    def _upper_limit(self, end_date):
        return super()._upper_limit(end_date)

    def _split_date_range(self, lower_limit, upper_limit):
        return super()._split_date_range(lower_limit, upper_limit)


def fails(event, total):
    """Copy nothing."""
    raise ZeroDivisionError


@pytest.fixture
def begin(clock):
    """Return `begin(aggregator)`: the run that its `run` would make."""
    return lambda aggregator: Run.begin(aggregator, lambda: clock.now)


def test_there_is_no_run_without_an_index_of_events(aggregator, begin):
    assert begin(aggregator()) is None


def test_a_run_holds_what_it_works_with_and_what_became_of_it(raw, aggregator, begin, clock, counts):
    raw.put("2026-03-10")
    raw.put("2026-03-12")
    own = aggregator()
    run = begin(own)
    assert (run.spec.key_field, run.recount.alias, run.plan) == ("unique_id", own.event_index, None)
    assert run.lease.begun == clock.now
    result = run.execute()
    assert result is run.result
    assert result.results == [(1, 0), (1, 0)]
    assert list(result.intervals) == run.plan.moments
    assert set(counts()) == {"recid_1-2026-03-10", "recid_1-2026-03-12"}


def test_the_bookmark_moves_when_it_is_told_to(raw, aggregator, begin, clock):
    raw.put("2026-03-10")
    own = aggregator()
    run = begin(own)
    run.execute()
    assert own.bookmark_api.get_bookmark() is None
    clock.forward(hours=1)
    run.move_bookmark()
    assert own.bookmark_api.get_bookmark(refresh_time=0) == run.lease.begun


def test_a_run_needs_no_more_than_the_attributes_and_hooks(raw, begin, search_client, clock, index_prefix, counts):
    """Whoever has them can be run: nothing comes from a base class."""

    class Plain:
        name, event, client, field = "plain-agg", "record-view", search_client, "unique_id"
        event_index = index = fields = metric_fields = copy_fields = doc_id_suffix = index_name_suffix = None
        on_interval, query_modifiers = None, ()
        interval, index_interval, max_bucket_size, overlap = "day", "month", 10, timedelta(minutes=2)
        bookmark_api = BookmarkAPI(search_client, "plain-agg", "day")
        agg_iter, _get_oldest_event_timestamp, _upper_limit, _split_date_range = (
            getattr(StatAggregator, hook) for hook in HOOKS
        )

        def begin_lease(self, now, read):
            return RunLease(self.client, self.name, timedelta(minutes=1), now, lambda: clock.now, read)

    raw.put("2026-03-10")
    raw.put("2026-03-10", is_robot=True, key="recid_2")
    assert begin(Plain()).execute().results == [(2, 0)]
    assert counts() == {"recid_1-2026-03-10": 1, "recid_2-2026-03-10": 1}


@pytest.mark.usefixtures("expect_logged_errors")
def test_an_iterator_that_calls_ours_gets_what_the_run_has_counted(raw, aggregator, search_client, index_prefix):
    """What it cannot build is quarantined like any other total's failure."""
    raw.put("2026-03-19")
    assert aggregator(OwnIterator, copy_fields={"pid_value": fails}).run() == [(0, 1), (0, 0)]
    source = search_client.get(index=f"{index_prefix}stats-locks", id="record-view-agg")["_source"]
    assert [quarantined_total.error for quarantined_total in quarantine.read_quarantined(source)] == [
        "ZeroDivisionError"
    ]


def test_an_iterator_that_calls_ours_costs_no_request_of_its_own(raw, aggregator, search_client):
    class Client:
        def __init__(self):
            self.asked = []

        def __getattr__(self, name):
            self.asked.append(name)
            return getattr(search_client, name)

    for day in ("2026-03-18", "2026-03-19", "2026-03-20"):
        raw.put(day)
    asked = []
    for number, cls in enumerate((StatAggregator, StatAggregator, OwnIterator)):  # the first finds the first day, too
        client = Client()
        own = aggregator(cls, client=client, name=f"agg-{number}")
        own.index = f"stats-views-{number}"
        assert own.run() == [(1, 0)] * 3
        asked.append(client.asked.count("search") + client.asked.count("msearch"))
    assert asked[1] == asked[2] > 0


def test_outside_of_a_run_the_iterator_counts_by_itself(raw, aggregator, search_client, index_prefix):
    own = aggregator()
    raw.put("2026-03-10")
    own.run()
    assert own.current_run is None
    search_client.delete(index=f"{index_prefix}stats-record-view-2026-03", id="recid_1-2026-03-10")
    (action,) = own.agg_iter(raw.clock.now.replace(day=10), None)
    assert action["_id"] == "recid_1-2026-03-10"


def test_overriding_is_seen_on_the_class_and_on_the_object(aggregator, monkeypatch):
    assert not any(overrides(aggregator(), hook) for hook in HOOKS)
    assert all(overrides(aggregator(OwnHooks), hook) for hook in HOOKS)
    replaced = aggregator()
    replaced.agg_iter = lambda dt, previous_bookmark: iter(())
    assert overrides(replaced, "agg_iter")
    monkeypatch.setattr(aggregations.StatAggregator, "_upper_limit", lambda self, end_date: end_date)
    assert overrides(aggregator(), "_upper_limit")


@pytest.mark.parametrize("where", ["class", "object"])
def test_an_iterator_that_a_test_suite_replaces_is_called(raw, aggregator, monkeypatch, where):
    raw.put("2026-03-20")
    own, seen = aggregator(), []

    def agg_iter(*args):
        seen.append(args)
        return iter(())

    monkeypatch.setattr(StatAggregator if where == "class" else own, "agg_iter", agg_iter)
    assert own.run() == [(0, 0)]
    assert [args[-2:] for args in seen] == [(raw.clock.now.replace(hour=0), None)]
