"""Raw events become one total for each key and interval."""

from datetime import datetime, timezone

import pytest

from invenio_stats.aggregations import StatAggregator


def test_each_thing_and_day_has_its_total(raw, aggregator, stored_totals):
    raw.put("2026-03-10", "recid_1", session="s1")
    raw.put("2026-03-10", "recid_1", session="s1")
    raw.put("2026-03-10", "recid_1", session="s2")
    raw.put("2026-03-11", "recid_1")
    raw.put("2026-02-11", "recid_2")
    assert aggregator().run() == [(1, 0), (1, 0), (1, 0)]
    found = stored_totals()
    assert set(found) == {"recid_1-2026-03-10", "recid_1-2026-03-11", "recid_2-2026-02-11"}
    total = found["recid_1-2026-03-10"]
    assert datetime.fromisoformat(total.pop("updated_timestamp")).tzinfo is not None
    assert total == {
        "timestamp": "2026-03-10T00:00:00",
        "unique_id": "recid_1",
        "count": 3,
        "unique_count": 2,
        "pid_value": "1",
    }


def test_totals_lie_in_the_index_of_their_month(raw, aggregator, search_client, index_prefix):
    raw.put("2026-03-10")
    raw.put("2026-02-10")
    aggregator().run()
    aliases = search_client.indices.get_alias(index=f"{index_prefix}stats-record-view")
    assert sorted(aliases) == [f"{index_prefix}stats-record-view-2026-02", f"{index_prefix}stats-record-view-2026-03"]


def test_there_is_nothing_without_an_index_or_an_event(raw, aggregator, search_client, index_prefix):
    assert aggregator().run() is None
    search_client.indices.create(index=f"{index_prefix}events-stats-record-view-2026-03")
    assert aggregator().run() is None
    assert aggregator().bookmark_api.get_bookmark() is None


def test_robots_and_machines_are_left_out_unless_asked_for(raw, aggregator, counts):
    raw.put(is_robot=True)
    raw.put(is_machine=True)
    raw.put()
    aggregator().run()
    assert counts() == {"recid_1-2026-03-10": 1}
    aggregator(name="all", query_modifiers=[]).run()
    assert counts() == {"recid_1-2026-03-10": 3}


def test_superseded_clicks_never_count(raw, aggregator, counts):
    """It is in the base query: modifiers can be replaced."""
    raw.put(superseded=True)
    raw.put()
    aggregator(query_modifiers=[]).run()
    assert counts() == {"recid_1-2026-03-10": 1}


@pytest.mark.parametrize(
    ("interval", "index_interval", "expected"),
    [
        pytest.param("hour", "day", {"recid_1-2026-03-10T23": 2, "recid_1-2026-03-11T00": 1}, id="hour"),
        pytest.param("day", "month", {"recid_1-2026-03-10": 2, "recid_1-2026-03-11": 1}, id="day"),
        pytest.param("month", "year", {"recid_1-2026-03": 3}, id="month"),
        pytest.param("year", "year", {"recid_1-2026": 3}, id="year"),
    ],
)
def test_intervals_are_those_of_the_calendar_in_utc(raw, aggregator, counts, interval, index_interval, expected):
    """Timestamps count where they are in UTC, whatever their zone and fraction."""
    raw.put("2026-03-10T23:00:00")
    raw.put("2026-03-10T23:59:59.999999Z")
    raw.put("2026-03-10T23:30:00-00:30")
    aggregator(interval=interval, index_interval=index_interval).run()
    assert counts() == expected


def test_things_are_never_cut_at_a_page(raw, aggregator, counts):
    for number in range(7):
        for session in ("a", "b"):
            raw.put(key=f"recid_{number}", session=session)
    aggregator(max_bucket_size=2).run()
    assert counts() == {f"recid_{number}-2026-03-10": 2 for number in range(7)}


@pytest.mark.parametrize("at_once", [60_000, 4, 1])
def test_distinct_counts_are_exact_however_they_are_read(raw, aggregator, stored_totals, monkeypatch, at_once):
    """Within the engine's limit of buckets by terms, in parts, above it page by page."""
    monkeypatch.setattr("invenio_stats.totals.search_bodies.MAX_BUCKETS_PER_REQUEST", at_once)
    for key, sessions in {"recid_1": "aab", "recid_2": "abc", "recid_3": "a", "recid_4": "aa"}.items():
        for session in sessions:
            raw.put(key=key, session=session)
    raw.put(key="recid_5", session=None)
    aggregator(max_bucket_size=3).run()
    found = {total["unique_id"]: total["unique_count"] for total in stored_totals().values()}
    assert found == {"recid_1": 2, "recid_2": 3, "recid_3": 1, "recid_4": 1, "recid_5": 0}


def test_all_metrics_are_stored_as_the_engine_says(raw, aggregator, stored_totals):
    raw.put(size=1)
    raw.put(size=3)
    metrics = ("sum", "avg", "min", "max", "stats", "extended_stats", "percentiles")
    aggregator(metric_fields={f"size_{name}": (name, "size", {}) for name in metrics}, fields={}).run()
    (total,) = stored_totals().values()
    # The shipped mapping does not know `size`: there is nothing to compute, and nothing fails.
    assert total["size_sum"] == 0
    assert total["size_avg"] is None
    assert total["size_stats"]["count"] == 0
    assert set(total) >= {f"size_{name}" for name in metrics}


def test_copies_come_from_the_newest_event(raw, aggregator, stored_totals):
    """A function reads event and total as attributes and as items; what is not there is left out."""
    raw.put("2026-03-10T12:00:00", referrer="old")
    raw.put("2026-03-10T13:00:00", referrer="new", extra={"inner": {"deep": 7}}, labels=["x", "y"])
    copies = {
        "referrer": "referrer",
        "deep": "extra.inner.deep",
        "nowhere": "extra.missing",
        "labels": "labels",
        "line": lambda doc, total: f"{doc.pid_type}:{doc['pid_value']}:{total.count}:{total['unique_count']}",
        "inner": lambda doc, total: doc.extra.inner,
        "nothing": lambda doc, total: doc.get("missing"),
    }
    aggregator(copy_fields=copies).run()
    (total,) = stored_totals().values()
    assert {name: total.get(name) for name in copies} == {
        "referrer": "new",
        "deep": 7,
        "nowhere": None,
        "labels": ["x", "y"],
        "line": "recid:1:2:1",
        "inner": {"deep": 7},
        "nothing": None,
    }
    assert "nowhere" not in total


def test_events_without_the_key_field_are_not_counted(raw, aggregator, counts):
    raw.put()
    raw.put(unique_id=None)
    aggregator().run()
    assert counts() == {"recid_1-2026-03-10": 1}


def test_a_range_is_counted_whole_and_with_its_end(raw, aggregator, counts):
    for day in ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"):
        raw.put(day)
    results = aggregator().run(start_date=datetime(2026, 3, 2), end_date=datetime(2026, 3, 3))  # noqa: DTZ001
    assert results == [(1, 0), (1, 0)]
    assert set(counts()) == {"recid_1-2026-03-02", "recid_1-2026-03-03"}


def test_dates_may_be_text_and_empty_intervals_are_in_the_result(raw, aggregator, counts):
    raw.put("2026-03-02")
    assert aggregator().run(start_date="2026-03-01", end_date="2026-03-03") == [(0, 0), (1, 0), (0, 0)]
    assert counts() == {"recid_1-2026-03-02": 1}


def test_agg_iter_alone_counts_one_interval(raw, aggregator, index_prefix, clock):
    """Programs call it without a run."""
    raw.put("2026-03-10")
    raw.put("2026-03-11")
    raw.client.indices.refresh(index=f"{index_prefix}events-*")
    actions = list(aggregator().agg_iter(datetime(2026, 3, 10, 15, tzinfo=timezone.utc), None))
    assert actions == [
        {
            "_op_type": "index",
            "_index": f"{index_prefix}stats-record-view-2026-03",
            "_id": "recid_1-2026-03-10",
            "_source": {
                "timestamp": "2026-03-10T00:00:00",
                "unique_id": "recid_1",
                "count": 1,
                "unique_count": 1,
                "pid_value": "1",
                "updated_timestamp": clock.now.isoformat(),
            },
        }
    ]
    clock.forward(hours=1)
    assert list(aggregator().agg_iter(datetime(2026, 3, 10, tzinfo=timezone.utc), clock.now)) == []


def test_bulk_requests_go_through_the_module(raw, aggregator, monkeypatch):
    """Downstream's test suites replace `search.helpers.bulk`: client and actions come positional."""
    seen = []

    def bulk(client, actions, **options):
        seen.extend(actions)
        return len(seen), []

    raw.put()
    monkeypatch.setattr("invenio_search.engine.search.helpers.bulk", bulk)
    assert aggregator().run() == [(1, 0)]
    assert [action["_id"] for action in seen] == ["recid_1-2026-03-10"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        pytest.param({"interval": "week"}, "interval is 'week'", id="unknown interval"),
        pytest.param({"interval": "year"}, "longer than index_interval 'month'", id="too long an interval"),
        pytest.param({"metric_fields": {"x": ("median", "size", {})}}, "'median' is not a metric", id="unknown metric"),
    ],
)
def test_what_cannot_work_is_a_value_error_that_names_the_cure(app, params, text):
    with pytest.raises(ValueError, match=text) as raised:
        StatAggregator(name="agg", event="record-view", field="unique_id", **params)
    assert "agg" in str(raised.value)
