"""A plain recount finds every wrong total, and nothing else."""

from datetime import timedelta

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.moments import parse
from invenio_stats.definitions.aggregators import automated_traffic
from invenio_stats.operations.verification.verify import prepare


@pytest.fixture
def settled(raw, aggregator):
    """Three totals on two days; returns where the first thing's event of March 10 is."""
    ref = raw.put("2026-03-10", "recid_1")
    raw.put("2026-03-10", "recid_2")
    raw.put("2026-03-11", "recid_1")
    aggregator().run()
    return ref


@pytest.fixture
def index(index_prefix):
    return f"{index_prefix}stats-record-view-2026-03"


@pytest.fixture
def found(aggregator):
    """Return `found(*dates, **params)`: the differences of an aggregator, as (kind, id, stored, counted)."""

    def find(*dates, **params):
        verification = prepare(aggregator(**params), *map(parse, dates))
        return [
            (
                difference.kind,
                f"{difference.counted_total.total_key.key}-{difference.counted_total.total_key.start:%Y-%m-%d}",
                difference.stored,
                difference.counted,
            )
            for difference in verification.differences()
        ]

    return find


def test_totals_that_are_right_are_equal(settled, found, aggregator):
    assert found() == []
    verification = prepare(aggregator())
    assert list(verification.differences()) == []
    assert (verification.totals, verification.others, verification.skipped) == (3, 0, [])
    assert verification.starts == [parse("2026-03-10"), parse("2026-03-11")]


def test_nothing_at_all_is_equal(found, search_client, put_templates):
    assert found() == []


def test_a_late_event_makes_a_difference_until_it_is_aggregated(settled, raw, found, aggregator):
    raw.put("2026-03-10", "recid_2", "s2")
    assert found() == [
        ("different", "recid_2-2026-03-10", {"count": 1, "unique_count": 1}, {"count": 2, "unique_count": 2})
    ]
    aggregator().run()
    assert found() == []


def test_a_total_that_is_missing_is_found(settled, search_client, index, found):
    search_client.delete(index=index, id="recid_1-2026-03-11")
    assert found() == [("missing", "recid_1-2026-03-11", {}, {"count": 1, "unique_count": 1})]


def test_only_fields_that_differ_are_told(settled, search_client, index, found):
    search_client.update(index=index, id="recid_1-2026-03-10", body={"doc": {"pid_value": "9", "extra": True}})
    assert found() == [("different", "recid_1-2026-03-10", {"pid_value": "9", "extra": True}, {"pid_value": "1"})]


def test_when_a_total_was_written_makes_no_difference(settled, search_client, index, found):
    search_client.update(index=index, id="recid_1-2026-03-10", body={"doc": {"updated_timestamp": "2020-01-01"}})
    assert found() == []


@pytest.mark.parametrize("how", ["deleted", "superseded"])
def test_a_total_without_events_is_found(settled, raw, found, aggregator, how):
    if how == "deleted":
        raw.client.delete(**settled)
    else:
        raw.change(settled, superseded=True)
    assert found() == [("orphaned", "recid_1-2026-03-10", {"count": 1, "unique_count": 1}, {})]
    verification = prepare(aggregator())
    assert len(list(verification.differences())) == verification.found == 1
    assert verification.totals == 3


def test_a_day_without_any_event_is_compared_too(settled, search_client, index_prefix, found):
    """The oldest day still has its events, so nobody has deleted old ones."""
    query = {"range": {"timestamp": {"gte": "2026-03-11"}}}
    search_client.delete_by_query(index=f"{index_prefix}events-stats-record-view", body={"query": query}, refresh=True)
    assert [kind for kind, *_ in found()] == ["orphaned"]


def test_where_no_index_of_events_is_left_nothing_can_be_compared(settled, search_client, index_prefix, found):
    search_client.indices.delete(index=f"{index_prefix}events-stats-record-view-*")
    assert found() == []


def test_where_no_index_of_totals_is_left_all_are_missing(settled, search_client, index, found):
    search_client.indices.delete(index=index)
    assert [kind for kind, *_ in found()] == ["missing"] * 3


def test_a_total_that_stands_in_a_second_index_is_found(settled, aggregator, found):
    """As after `index_interval` was changed: answers would count it twice."""
    aggregator(index_interval="year").run(start_date="2026-03-10", end_date="2026-03-10")
    assert [difference[:2] for difference in found()] == [
        ("duplicate", "recid_1-2026-03-10"),
        ("duplicate", "recid_2-2026-03-10"),
    ]


def test_the_index_of_totals_may_be_an_alias(settled, search_client, index, found):
    """As after it was copied to another one."""
    search_client.indices.refresh(index=index)
    search_client.reindex(body={"source": {"index": index}, "dest": {"index": f"{index}.2"}}, refresh=True)
    search_client.indices.delete(index=index)
    search_client.indices.put_alias(index=f"{index}.2", name=index)
    assert found() == []
    search_client.index(
        index=index,
        id="recid_7-2026-03-11",
        body={"timestamp": "2026-03-11T00:00:00", "unique_id": "recid_7", "count": 1},
    )
    assert [difference[:2] for difference in found()] == [("orphaned", "recid_7-2026-03-11")]


def test_totals_of_others_in_the_same_index_are_left_alone(settled, aggregator, found):
    aggregator(name="monthly", interval="month").run()
    assert found() == []
    verification = prepare(aggregator())
    assert list(verification.differences()) == []
    assert (verification.totals, verification.others) == (3, 2)
    aggregator(name="yearly", interval="year", index_interval="year").run()
    assert found(interval="month") == []


def test_a_copy_function_that_fails_is_told(settled, found):
    def fails(event, total):
        raise ZeroDivisionError

    differences = found(copy_fields={"pid_value": fails})
    assert differences[0] == (
        "copy_error",
        "recid_1-2026-03-10",
        {"count": 1, "unique_count": 1},
        {"error": "ZeroDivisionError"},
    )
    assert len(differences) == 3


def test_both_dates_belong_to_the_range(settled, raw, search_client, index, found):
    search_client.indices.delete(index=index)
    raw.put("2026-03-11T23:59:59", "recid_3")
    assert len(found("2026-03-10", "2026-03-11")) == 4
    assert len(found("2026-03-11", "2026-03-11")) == 2
    assert len(found("2026-03-11")) == 2
    assert found("2026-03-12") == []
    assert len(found("0001-01-01", "9999-12-31")) == 4


def test_hours_are_those_of_whole_days(raw, found, aggregator):
    raw.put("2026-03-10T23:10:00")
    assert [difference[0] for difference in found("2026-03-10", "2026-03-10", interval="hour")] == ["missing"]
    aggregator(interval="hour").run()
    assert found("2026-03-10", "2026-03-10", interval="hour") == []


def test_a_month_is_compared_as_a_whole(raw, aggregator, found):
    monthly = {"name": "monthly", "interval": "month"}
    raw.put("2026-02-03")
    ref = raw.put("2026-03-10")
    raw.put("2026-03-20")
    aggregator(**monthly).run()
    assert found(**monthly) == []
    raw.client.delete(**ref)
    different = ("different", "recid_1-2026-03-01", {"count": 2}, {"count": 1})
    assert found("2026-03-15", "2026-03-16", **monthly) == [different]
    assert found("2026-02-01", "2026-02-28", **monthly) == []


def test_intervals_before_the_first_complete_day_are_skipped(settled, search_client, index, aggregator, found):
    search_client.indices.delete(index=index)
    day = parse("2026-03-11")
    FirstCompleteDay(search_client, "record-view").raise_to(day)
    assert [difference[1] for difference in found()] == ["recid_1-2026-03-11"]
    (skipped,) = prepare(aggregator()).skipped
    assert skipped == ("incomplete", day, [parse("2026-03-10")])
    monthly = prepare(aggregator(interval="month"))
    assert (monthly.starts, monthly.skipped[0].starts) == ([], [parse("2026-03-01")])


def test_where_nobody_knows_the_first_day_it_is_judged(settled, raw, search_client, aggregator, found):
    """As a rebuild does it; nothing is kept."""
    before = found()
    search_client.indices.delete(index=f"{raw.prefix}stats-completeness")
    query = {"query": {"range": {"timestamp": {"lt": "2026-03-11"}}}}
    search_client.delete_by_query(index=f"{raw.prefix}events-stats-*", body=query, refresh=True)
    assert before == found() == []
    assert [interval.reason for interval in prepare(aggregator()).skipped] == ["incomplete"]
    assert FirstCompleteDay(search_client, "record-view").get() is None


def test_where_a_subclass_ends_earlier_the_rest_is_not_due(settled, raw, aggregator, clock):
    class UpToYesterday(StatAggregator):
        def _upper_limit(self, end_date):
            return clock.now.replace(hour=0, tzinfo=None) - timedelta(seconds=1)

    raw.put("2026-03-20T01:00:00")
    verification = prepare(aggregator(UpToYesterday))
    assert list(verification.differences()) == []
    assert verification.skipped == [("not_due", parse("2026-03-20"), [parse("2026-03-20")])]


def test_where_a_subclass_begins_later_the_rest_is_no_difference(settled, raw, aggregator):
    class Since(StatAggregator):
        def _get_oldest_event_timestamp(self):
            return parse("2026-03-10T05:00:00")

    raw.put("2026-03-04")
    verification = prepare(aggregator(Since))
    assert list(verification.differences()) == []
    assert verification.skipped == [("not_started", parse("2026-03-10"), [parse("2026-03-04")])]


def test_what_counts_in_its_own_way_is_not_verifiable(settled, aggregator):
    class Own(StatAggregator):
        def agg_iter(self, dt, previous_bookmark):
            return super().agg_iter(dt, previous_bookmark)

    class Stranger:
        name = "stranger-agg"

    for own in (aggregator(Own), Stranger()):
        verification = prepare(own)
        assert verification.comparison is None
        assert list(verification.differences()) == verification.starts == []


def test_automated_traffic_is_compared_too(settled, raw, aggregator, found):
    raw.put("2026-03-10", agent_class="robot", is_robot=True)
    automated = automated_traffic(aggregator())
    (difference,) = prepare(automated).differences()
    assert (difference.kind, difference.counted_total.total_key.key) == ("missing", "robot")
    automated.run()
    assert list(prepare(automated).differences()) == []
    assert found() == []


def test_comparing_writes_nothing(settled, raw, search_client, index_prefix, stored_totals, aggregator):
    raw.put("2026-03-12", "recid_9")
    before = stored_totals(), sorted(search_client.indices.get(index=f"{index_prefix}*"))
    assert list(prepare(aggregator()).differences())
    assert before == (stored_totals(), sorted(search_client.indices.get(index=f"{index_prefix}*")))


def test_requests_grow_with_pages_and_not_with_days(settled, raw, aggregator, requests):
    for day in range(1, 29):
        raw.put(f"2026-02-{day:02}")
    aggregator().run()
    list(prepare(aggregator(), parse("2026-03-01")).differences())
    requests.clear()
    assert list(prepare(aggregator(), parse("2026-03-01")).differences()) == []
    few = dict(requests)
    requests.clear()
    assert list(prepare(aggregator()).differences()) == []
    assert requests == few


def test_pages_may_be_small(settled, raw, aggregator, found, monkeypatch):
    monkeypatch.setattr("invenio_stats.operations.verification.comparison._INTERVALS_PER_PAGE", 2)
    for number in range(12):
        raw.put(f"2026-03-0{number % 5 + 1}", f"recid_{number % 4}")
    assert len(found(max_bucket_size=3)) == 12
    aggregator().run()
    assert found(max_bucket_size=3) == []
