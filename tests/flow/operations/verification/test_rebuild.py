"""A rebuild makes totals equal to a recount, and loses nothing meanwhile."""

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.moments import parse
from invenio_stats.errors import RebuildError
from invenio_stats.operations.corrections import read_corrections
from invenio_stats.operations.verification.rebuild import begin
from invenio_stats.operations.verification.verify import prepare

MARCH = parse("2026-03-01"), parse("2026-03-31")
DAYS = ("2026-03-10", "2026-03-11", "2026-03-12")


@pytest.fixture
def settled(raw, aggregator):
    """A total on each of three days; returns where the events are, by day."""
    refs = {day: raw.put(day) for day in DAYS}
    aggregator().run()
    return refs


@pytest.fixture
def broken(settled, raw, search_client, index_prefix):
    """One is wrong, one has no event any more that counts, one is missing."""
    index = f"{index_prefix}stats-record-view-2026-03"
    search_client.update(index=index, id="recid_1-2026-03-10", body={"doc": {"count": 0}})
    raw.client.update(**settled["2026-03-11"], body={"doc": {"superseded": True}})
    search_client.delete(index=index, id="recid_1-2026-03-12", refresh=True)


@pytest.fixture
def rebuild(aggregator):
    """Return `rebuild(*dates, on_interval, **params)`: do it, and return what became of it."""

    def do(first=MARCH[0], last=MARCH[1], on_interval=None, **params):
        started = begin(aggregator(**params), first, last)
        list(started.differences())
        return started.run(on_interval)

    return do


@pytest.fixture
def differences(aggregator):
    return lambda **params: list(prepare(aggregator(**params)).differences())


def test_what_differs_is_mended_and_nothing_else_written(broken, rebuild, differences, raw, aggregator, stored_totals):
    raw.put("2026-03-20", "recid_5")
    aggregator().run(start_date="2026-03-20")
    before = stored_totals()["recid_5-2026-03-20"]
    assert rebuild() == (3, 0, [])
    assert differences() == []
    (correction,) = read_corrections(raw.client)
    assert (correction.kind, correction.command) == ("rebuild", "invenio stats aggregations rebuild")
    assert correction.months["2026-03"]["views"] == 1, "0 became 1, 1 became 0, 0 became 1"
    after = stored_totals()
    assert {document_id: total["count"] for document_id, total in after.items()} == {
        "recid_1-2026-03-10": 1,
        "recid_1-2026-03-12": 1,
        "recid_5-2026-03-20": 1,
    }
    assert after["recid_5-2026-03-20"] == before
    assert rebuild() == (0, 0, [])


def test_only_the_intervals_between_the_dates_are_touched(broken, rebuild, differences):
    assert rebuild(parse("2026-03-11"), parse("2026-03-11")) == (1, 0, [])
    assert [difference.counted_total.total_key.start.day for difference in differences()] == [10, 12]


def test_the_differences_can_be_read_without_a_rebuild(broken, aggregator, stored_totals, search_client):
    before, day = stored_totals(), FirstCompleteDay(search_client, "record-view").get()
    rebuild = begin(aggregator(), *MARCH)
    assert [difference.kind for difference in rebuild.differences()] == ["different", "orphaned", "missing"]
    assert stored_totals() == before
    assert rebuild.progress.get_bookmark() is None
    assert FirstCompleteDay(search_client, "record-view").get() == day


def test_what_was_killed_goes_on_where_it_stopped(broken, rebuild, differences, aggregator):
    def dies(done, of):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(on_interval=dies)
    assert [difference.counted_total.total_key.start.day for difference in differences()] == [12]
    assert begin(aggregator(), MARCH[0], parse("2026-03-30")).resumed is None, "other dates are another rebuild"
    rest = begin(aggregator(), *MARCH)
    assert rest.resumed == parse("2026-03-11")
    assert rest.verification.starts == [parse("2026-03-12")]
    assert rebuild() == (1, 0, [])
    assert differences() == []
    assert begin(aggregator(), *MARCH).resumed is None, "the place is forgotten at the end"


def test_a_kill_after_the_last_interval_leaves_nothing_to_do(broken, rebuild, differences, aggregator):
    def dies(done, of):
        if done == of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(last=parse("2026-03-12"), on_interval=dies)
    assert rebuild(last=parse("2026-03-12")) == (0, 0, [])
    assert begin(aggregator(), MARCH[0], parse("2026-03-12")).resumed is None


def test_the_bookmark_of_the_aggregation_stays(broken, raw, rebuild, aggregator, clock, counts):
    """What was stored since waits for the next run, wherever it is."""
    before = aggregator().bookmark_api.get_bookmark()
    clock.forward(hours=3)
    raw.put("2026-04-01")
    rebuild()
    assert aggregator().bookmark_api.get_bookmark() == before
    aggregator().run()
    assert "recid_1-2026-04-01" in counts()


def test_a_total_that_cannot_be_built_leaves_the_stored_one(settled, raw, rebuild, aggregator, differences):
    """The others are written; the next call begins with that interval."""

    def fails_on_the_11th(event, total):
        if total.timestamp.startswith("2026-03-11"):
            raise ZeroDivisionError
        return "1"

    for day in DAYS:
        raw.put(day)
    assert rebuild(copy_fields={"pid_value": fails_on_the_11th}) == (2, 1, ["ZeroDivisionError"])
    assert [difference.counted_total.total_key.start.day for difference in differences()] == [11]
    rest = begin(aggregator(), *MARCH)
    assert rest.resumed == parse("2026-03-10")
    assert rebuild() == (1, 0, [])


def test_a_total_that_stands_in_a_second_index_is_deleted_there(settled, rebuild, aggregator, differences, counts):
    aggregator(index_interval="year").run(start_date="2026-03-10", end_date="2026-03-10")
    assert rebuild() == (1, 0, [])
    assert differences() == []
    assert len(counts()) == 3


def test_months_are_rebuilt_as_a_whole(raw, aggregator, rebuild, differences):
    monthly = {"name": "monthly", "interval": "month"}
    raw.put("2026-02-03")
    raw.put("2026-03-10")
    aggregator(**monthly).run()
    raw.put("2026-02-04")
    raw.put("2026-03-11")
    assert rebuild(parse("2026-03-15"), parse("2026-03-15"), **monthly) == (1, 0, [])
    assert [difference.counted_total.total_key.start.month for difference in differences(**monthly)] == [2]


def test_an_index_of_totals_that_is_gone_is_made_again(settled, rebuild, search_client, index_prefix, differences):
    search_client.indices.delete(index=f"{index_prefix}stats-record-view-2026-03")
    assert rebuild() == (3, 0, [])
    assert differences() == []


@pytest.mark.parametrize(
    ("interval", "first", "cure"), [("day", "2026-03-10", "2026-03-11"), ("month", "2026-03-31", "2026-04-01")]
)
def test_intervals_that_are_not_complete_are_refused(settled, search_client, aggregator, interval, first, cure):
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-03-11"))
    with pytest.raises(RebuildError, match=f"record-view-agg: .* 2026-03-11.*Begin with --from {cure}"):
        begin(aggregator(interval=interval), parse(first), MARCH[1])
    assert begin(aggregator(interval=interval), parse(cure), parse("2026-04-30")).resumed is None


def test_where_nobody_knows_the_first_day_totals_older_than_all_events_are_safe(settled, raw, aggregator):
    """As after a switch from a release whose raw events were deleted by hand."""
    raw.client.delete(**settled["2026-03-10"], refresh=True)
    raw.client.delete(index=f"{raw.prefix}stats-completeness", id="record-view", refresh=True)
    with pytest.raises(RebuildError, match="--from 2026-03-12 or later"):
        begin(aggregator(), *MARCH)


def test_without_any_index_of_events_nothing_is_deleted(settled, aggregator, search_client, index_prefix):
    """As while a snapshot is being restored."""
    search_client.indices.delete(index=f"{index_prefix}events-stats-record-view-*")
    with pytest.raises(RebuildError, match="the first day with all raw events"):
        begin(aggregator(), *MARCH)


def test_events_that_are_deleted_meanwhile_take_no_total_with_them(broken, aggregator, search_client, counts):
    rebuild = begin(aggregator(), *MARCH)
    assert list(rebuild.differences())
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-03-12"))
    before = counts()
    with pytest.raises(RebuildError):
        rebuild.run()
    assert counts() == before


def test_a_first_day_that_hides_nothing_refuses_nothing(settled, search_client, aggregator):
    FirstCompleteDay(search_client, "record-view").raise_to(NOTHING_MISSING)
    assert begin(aggregator(), *MARCH).verification.starts == [parse(day) for day in DAYS]


def test_what_counts_in_its_own_way_is_refused(settled, aggregator):
    class Own(StatAggregator):
        def agg_iter(self, dt, previous_bookmark):
            return super().agg_iter(dt, previous_bookmark)

    with pytest.raises(RebuildError, match="record-view-agg cannot be rebuilt, because its class overrides agg_iter"):
        begin(aggregator(Own), *MARCH)


def test_what_another_run_is_working_on_is_refused(broken, rebuild, aggregator, differences):
    other = aggregator().begin_lease()
    other.claim({parse("2026-03-11"): 1})
    with pytest.raises(RebuildError, match="another run is counting these totals"):
        rebuild()
    other.release()
    assert rebuild() == (3, 0, [])
    assert differences() == []


@pytest.mark.expect_logged_errors
def test_an_interval_of_which_a_total_failed_is_not_done_for_the_runs_beside_it(broken, rebuild, aggregator):
    """They would pass it by, and move the bookmark."""

    def fails(event, total):
        raise ZeroDivisionError

    other = aggregator().begin_lease()
    other.claim({parse("2026-03-20"): 1})
    assert rebuild(copy_fields={"pid_value": fails}).failed == 2
    wanted = dict.fromkeys(map(parse, DAYS), 1)
    assert other.claim(wanted) == (list(map(parse, ("2026-03-10", "2026-03-12"))), [parse("2026-03-11")])


@pytest.fixture
def several(raw, aggregator):
    """Two events of a total on each of three days, and one of another."""
    refs = {day: [raw.put(day, "recid_1"), raw.put(day, "recid_1", "s2"), raw.put(day, "recid_2")] for day in DAYS}
    aggregator().run()
    return refs


@pytest.mark.parametrize("deleted", [[0], [0, 1], [0, 1, 2]], ids=["one", "all of a total", "all of the day"])
def test_totals_stay_whose_events_were_deleted_in_the_middle(several, raw, aggregator, counts, deleted):
    """The first complete day does not show it: a rebuild would make them smaller, or delete them."""
    for number in deleted:
        raw.client.delete(**several[DAYS[1]][number], refresh=True)
    raw.put(DAYS[2], "recid_2", "s3")
    before = counts()
    rebuild = begin(aggregator(), *MARCH)
    found = list(rebuild.differences())
    assert [difference.counted_total.total_key for difference in found] == [(parse(DAYS[2]), "recid_2")]
    assert rebuild.lost == {parse(DAYS[1]): 2 if 2 in deleted else 1}
    assert rebuild.run() == (1, 0, [])
    assert counts() == {**before, f"recid_2-{DAYS[2]}": 2}


def test_events_that_are_deleted_after_the_comparison_take_no_total_with_them(several, raw, aggregator, counts):
    raw.client.update(**several[DAYS[1]][0], body={"doc": {"superseded": True}})
    before = counts()
    rebuild = begin(aggregator(), *MARCH)
    assert [difference.counted["count"] for difference in rebuild.differences()] == [1]
    for ref in several[DAYS[1]]:
        raw.client.delete(**ref, refresh=True)
    assert rebuild.run() == (0, 0, [])
    assert counts() == before


def test_a_total_in_a_second_index_stays_if_only_it_has_all_events(
    several, raw, aggregator, search_client, index_prefix
):
    """The other index may be that of another release: its total is larger than what can still be counted."""
    index = f"{index_prefix}stats-record-view-2026"
    source = search_client.get(index=f"{index_prefix}stats-record-view-2026-03", id=f"recid_1-{DAYS[1]}")["_source"]
    aliases = {"aliases": {f"{index_prefix}stats-record-view": {}}}
    search_client.indices.create(index=index, body=aliases)
    search_client.index(index=index, id=f"recid_1-{DAYS[1]}", body={**source, "count": 3}, refresh=True)
    rebuild = begin(aggregator(), *MARCH)
    assert list(rebuild.differences()) == []
    assert rebuild.lost == {parse(DAYS[1]): 1}
