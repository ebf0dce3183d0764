"""Breakdowns are counted for finished days, and folded for finished months."""

import pytest

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.moments import parse
from invenio_stats.errors import ClosedIndexError
from invenio_stats.operations.verification import rebuild
from tests.fixtures import breakdowns

ALIAS = "stats-usage-breakdown"


@pytest.fixture
def aggregator(usage_aggregator):
    return usage_aggregator("usage-breakdown-agg", UsageBreakdownAggregator)


@pytest.fixture
def run(usage_aggregator, aggregator):
    """Return `run(**dates)`: count the usage of items and records, then the breakdowns."""

    def execute(**dates):
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name).run()
        return aggregator.run(**dates)

    return execute


@pytest.fixture
def found(stored_totals):
    """Return `found(interval)`: the countries of the repository, by day or month."""
    return lambda interval: {
        key[3]: counted["rows"]
        for key, counted in breakdowns.read(stored_totals(ALIAS))[interval].items()
        if key[:2] == ("country", "repository")
    }


def crowd(usage, day, number=6, country="DE", **fields):
    return [usage.view(day=day, visitor_id=f"{visitor}0", country=country, **fields) for visitor in range(number)]


def test_there_is_no_run_before_usage_is_counted(usage, aggregator):
    crowd(usage, "2026-03-10")
    assert aggregator.run() is None


def test_today_waits_until_it_is_over(usage, run, found, clock):
    crowd(usage, "2026-03-19")
    crowd(usage, "2026-03-20", 2)
    run()
    assert found("day") == {"2026-03-19": {"DE": (6, 0, 6)}}
    clock.forward(hours=12)
    run()
    assert found("day")["2026-03-20"] == {"DE": (2, 0, 2)}


def test_a_month_is_folded_when_it_is_over(usage, run, found, clock):
    crowd(usage, "2026-03-19")
    run()
    assert found("month") == {}
    clock.forward(days=11, hours=11)
    run()
    assert found("month") == {}
    clock.forward(hours=1)
    assert run() == []
    assert found("month") == {"2026-03": {"DE": (6, 0)}}


def test_a_late_event_recounts_its_day_and_folds_its_month(usage, run, found, clock):
    crowd(usage, "2026-02-10")
    crowd(usage, "2026-02-11")
    clock.forward(hours=1)
    run()
    clock.forward(hours=1)
    crowd(usage, "2026-02-10", 7, country="CH", session="s2")
    assert len(run()) == 1
    assert found("month") == {"2026-02": {"DE": (12, 0), "CH": (7, 0)}}


def test_an_unchanged_day_is_not_written_again(usage, run, clock):
    crowd(usage, "2026-02-10")
    assert run() == [(2, 0)]
    clock.forward(seconds=30)  # within the overlap
    assert run() == [(0, 0)]


def test_a_closed_index_holds_up_what_it_hides_and_nothing_else(usage, run, found, clock, search_client, refresh):
    hidden = crowd(usage, "2026-02-10")[0]["index"]
    crowd(usage, "2026-01-10")
    run()
    clock.forward(hours=1)
    crowd(usage, "2026-01-10", 7, country="CH", session="s2")
    for ref in crowd(usage, "2026-02-11", 7, country="CH", session="s2"):  # as in indices of days
        source = search_client.get(**ref)["_source"]
        search_client.delete(**ref)
        search_client.index(index=f"{hidden}-11", id=ref["id"], body=source)
    refresh()
    search_client.indices.close(index=hidden)
    try:
        with pytest.raises(ClosedIndexError, match=hidden):
            run()
        assert found("month") == {"2026-01": {"DE": (6, 0), "CH": (7, 0)}, "2026-02": {"DE": (6, 0)}}
    finally:
        search_client.indices.open(index=hidden)
    run()
    assert found("month")["2026-02"] == {"DE": (6, 0), "CH": (7, 0)}


def test_what_a_closed_index_has_is_counted_when_it_is_open_again(usage, run, found, search_client):
    hidden = crowd(usage, "2026-02-10")[0]["index"]
    crowd(usage, "2026-01-10")
    search_client.indices.close(index=hidden)
    try:
        run()
    finally:
        search_client.indices.open(index=hidden)
    assert list(found("day")) == ["2026-01-10"]
    run()
    assert sorted(found("day")) == ["2026-01-10", "2026-02-10"]


def test_a_community_that_its_last_record_leaves_goes(usage, run, stored_totals, clock):
    (ref,) = crowd(usage, "2026-02-10", 1, labels=["c1"])
    run()
    clock.forward(hours=1)
    usage.change(ref, labels=[])
    run()
    assert {document["scope"] for document in stored_totals(ALIAS).values()} == {"repository"}


def test_a_run_that_fails_is_repeated(usage, run, found, aggregator, monkeypatch, app):
    """The days are written, then the run ends: the next one folds their month."""
    crowd(usage, "2026-02-10")
    with monkeypatch.context() as patch:
        patch.delitem(app.config, "STATS_FOLD_UNDER")
        with pytest.raises(KeyError):
            run()
    assert (len(found("day")), found("month")) == (1, {})
    assert aggregator.bookmark_api.get_bookmark() is None
    run()
    assert found("month") == {"2026-02": {"DE": (6, 0)}}


def test_a_second_run_leaves_the_work_to_the_first(usage, run, aggregator, found):
    crowd(usage, "2026-02-10")
    lease = aggregator.begin_lease()
    lease.claim({parse("1970-01-01"): 0})
    assert run() == []
    assert (found("day"), aggregator.bookmark_api.get_bookmark()) == ({}, None)


def test_of_the_referrers_of_old_events_the_host_is_counted(usage, run, stored_totals):
    """Release 7.x stored the whole address, which tells what a visitor looked for."""
    for visitor, path in enumerate(["?q=illness", "?q=cure", "search", ""]):
        usage.view(day="2026-02-10", visitor_id=f"{visitor}0", referrer=f"https://www.Example.org/{path}")
    usage.view(day="2026-02-10", visitor_id="50", referrer="www.example.org")
    usage.view(day="2026-02-10", visitor_id="60", referrer="android-app://com.example/")
    run()
    days = breakdowns.read(stored_totals(ALIAS))["day"]
    assert days["referrer", "repository", None, "2026-02-10"]["rows"] == {"www.example.org": (5, 0, 5), None: (1, 0, 1)}


def test_a_breakdown_stays_where_it_is_stored(usage, run, search_client, index_prefix, clock):
    """Another index_interval must not leave an old one beside the new: both would be folded."""
    ref = crowd(usage, "2026-02-10")[0]
    run()
    alias = f"{index_prefix}{ALIAS}"
    (index,) = search_client.indices.get_alias(name=alias)
    search_client.indices.create(index=f"{alias}-elsewhere", body={"aliases": {alias: {}}})
    for hit in search_client.search(index=index, body={"size": 100})["hits"]["hits"]:
        search_client.index(index=f"{alias}-elsewhere", id=hit["_id"], body=hit["_source"])
        search_client.delete(index=index, id=hit["_id"])
    search_client.indices.refresh(index=alias)
    clock.forward(hours=1)
    usage.change(ref, country="CH")
    run()
    search_client.indices.refresh(index=alias)
    hits = search_client.search(index=alias, body={"size": 100})["hits"]["hits"]
    assert sorted(hit["_id"] for hit in hits) == sorted({hit["_id"] for hit in hits})
    assert [len(hit["_source"]["rows"]) for hit in hits if hit["_id"] == "country:repository:-2026-02-10"] == [2]


def test_days_whose_events_are_gone_stay(usage, run, found, search_client, clock):
    refs = crowd(usage, "2026-02-10")
    run()
    clock.forward(hours=1)
    search_client.delete(**refs[0])
    usage.change(refs[1], country="CH")
    for event_type in ("record-view", "file-download"):
        FirstCompleteDay(search_client, event_type).raise_to(parse("2026-02-11"))
    run()
    assert found("day") == {"2026-02-10": {"DE": (6, 0, 6)}}


def test_dates_choose_the_days(usage, run, found):
    crowd(usage, "2026-02-10")
    crowd(usage, "2026-03-10")
    run(start_date="2026-03-01", end_date="2026-03-31")
    assert list(found("day")) == ["2026-03-10"]


@pytest.fixture
def hits_of_events(search_client, monkeypatch, index_prefix):
    """Return a list with the number of raw events in each answer of the engine from now on."""
    numbers = []
    perform = search_client.transport.perform_request

    def count(*args, **kwargs):
        answer = perform(*args, **kwargs)
        hits = answer.get("hits", {}).get("hits", ()) if isinstance(answer, dict) else ()
        numbers.append(sum(hit.get("_index", "").startswith(f"{index_prefix}events-stats-") for hit in hits))
        return answer

    monkeypatch.setattr(search_client.transport, "perform_request", count)
    return numbers


@pytest.fixture
def many_records(app, monkeypatch, usage, run, clock):
    """Ten records with six uses on each of three days of February, which were counted; five uses are enough."""
    monkeypatch.setitem(app.config, "STATS_BREAKDOWN_MIN_USES", 5)
    refs = [
        ref
        for day in ("2026-02-09", "2026-02-10", "2026-02-11")
        for number in range(10)
        for ref in crowd(usage, day, item=f"i{number}")
    ]
    clock.forward(hours=1)  # the events of the last two minutes are read again
    run()
    clock.forward(hours=1)
    return refs


def records_of(stored_totals):
    return {
        key[2]: counted["rows"]
        for key, counted in breakdowns.read(stored_totals(ALIAS))["month"].items()
        if key[:2] == ("country", "record")
    }


def test_a_late_event_folds_its_record_and_no_other(
    many_records, usage, run, stored_totals, hits_of_events, usage_aggregator, aggregator
):
    """The cost is that of its day, and of one record's month."""
    usage.view(item="i3", day="2026-02-10", visitor_id="f0", country="DE")
    for name in ("item-usage-agg", "record-usage-agg"):
        usage_aggregator(name).run()
    hits_of_events.clear()
    aggregator.run()
    assert sum(hits_of_events) == 61 + 19
    assert records_of(stored_totals) == {f"p{number}": {"DE": (18 + (number == 3), 0)} for number in range(10)}


def test_a_record_whose_usage_was_rebuilt_is_folded(many_records, usage, usage_aggregator, run, stored_totals):
    """It has lost an event to another record, which no event of its own tells."""
    usage.change(many_records[0], item_id="i9", parent_id="p9")
    repair = rebuild.begin(usage_aggregator("record-usage-agg"), parse("2026-02-09"), parse("2026-02-09"))
    assert list(repair.differences())
    repair.run()
    run()
    folded = records_of(stored_totals)
    assert (folded["p0"], folded["p1"], folded["p9"]) == ({"DE": (17, 0)}, {"DE": (18, 0)}, {"DE": (19, 0)})


def test_a_record_with_too_few_uses_left_goes(many_records, usage, run, stored_totals):
    for ref in many_records[:6] + many_records[60:66] + many_records[120:126]:
        usage.change(ref, superseded=True)
    run()
    assert sorted(records_of(stored_totals)) == [f"p{number}" for number in range(1, 10)]
