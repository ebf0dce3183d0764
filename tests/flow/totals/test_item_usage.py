"""Usage totals are counted over views and downloads together, and kept like any total."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core import mappings
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.errors import ConfigurationError
from invenio_stats.operations.verification import rebuild, verify
from tests.fixtures.usage import plain

DAY = "2026-03-10"
ITEMS, RECORDS, SEARCHES = "stats-item-usage", "stats-record-usage", "stats-search"
NUMBERS = (
    "total_item_investigations",
    "total_item_requests",
    "unique_item_investigations",
    "unique_item_requests",
)


@pytest.fixture
def run(usage_aggregator):
    """Return `run(name, **params)`: the number of totals that a run has written."""

    def execute(name="item-usage-agg", **params):
        results = usage_aggregator(name, **params).run()
        return None if results is None else sum(written for written, _ in results)

    return execute


@pytest.fixture
def item(stored_totals):
    """Return `item(id)`: the usage of an item on the day."""
    return lambda name="i1", day=DAY: plain(stored_totals(ITEMS)[f"{name}-{day}"])


def numbers(total):
    return tuple(total[name] for name in NUMBERS)


def test_views_and_downloads_of_a_day_are_one_total(usage, run, item):
    usage.view(session="a", labels=["c1"])
    usage.download(session="a", labels=["c2"], day=f"{DAY}T11:00:00")
    assert run() == 1
    assert item() == {
        "timestamp": f"{DAY}T00:00:00",
        "item_id": "i1",
        "parent_id": "p1",
        "labels": ["c2"],
        "access_status": "open",
        "total_item_investigations": 2,
        "total_item_requests": 1,
        "unique_item_investigations": 1,
        "unique_item_requests": 1,
        "views": 1,
        "downloads": 1,
        "unique_views": 1,
        "unique_downloads": 1,
        "volume": 10,
        "requests_by_access_status": {"open": 1},
        "requests_by_access_type": {"Open": 1},
        "rows": [
            {
                "access_type": "Open",
                "total_item_investigations": 2,
                "total_item_requests": 1,
                "unique_item_investigations": 1,
                "unique_item_requests": 1,
            }
        ],
    }


@pytest.mark.parametrize("kind", ["view", "download"])
def test_it_counts_while_one_type_has_no_index(usage, run, item, kind):
    """A new instance has views before its first download."""
    getattr(usage, kind)()
    assert run() == 1
    assert item()["total_item_investigations"] == 1


def test_there_is_no_run_without_any_event(run):
    assert run() is None


@pytest.mark.parametrize("kind", ["view", "download"])
def test_a_change_of_either_type_recounts_the_total(usage, run, item, clock, kind):
    usage.view()
    usage.download()
    run()
    clock.forward(hours=1)
    getattr(usage, kind)(session="s2")
    assert run() == 1
    assert numbers(item()) == (3, 1 + (kind == "download"), 2, 1 + (kind == "download"))


def test_an_unchanged_total_is_not_written_again(usage, run, clock):
    """Its rows are sorted, so they compare equal."""
    for country in ("DE", "CH", None):
        usage.view(country=country)
    assert run() == 1
    clock.forward(minutes=1)  # within the overlap, so that the events are read again
    assert run() == 0


def test_a_row_that_its_last_use_leaves_goes(usage, run, item, clock):
    """A pair never contains the attributes."""
    ref = usage.view(country="DE")
    usage.view(country="CH", session="s2")
    run()
    clock.forward(hours=1)
    usage.change(ref, country="CH")
    run()
    assert [(row["country"], numbers(row)) for row in item()["rows"]] == [("CH", (2, 0, 2, 0))]


def test_a_total_whose_last_event_is_retracted_goes(usage, run, stored_totals, clock):
    ref = usage.view()
    run()
    clock.forward(hours=1)
    usage.change(ref, superseded=True)
    run()
    assert stored_totals(ITEMS) == {}


def test_agreed_mining_counts_for_counter_only(usage, run, item, stored_totals):
    """Although its agent is a program; a robot without an agreement counts nowhere."""
    usage.download(access_method="TDM", is_robot=True)
    usage.download(is_robot=True, session="r")
    usage.view(session="s2")
    run()
    run("record-usage-agg")
    total = item()
    assert numbers(total) == (2, 1, 2, 1)
    assert (total["views"], total["downloads"], total["volume"], total["requests_by_access_type"]) == (1, 0, 0, {})
    assert [row.get("access_method") for row in total["rows"]] == [None, "TDM"]
    record = stored_totals(RECORDS)[f"p1-{DAY}"]
    assert (record["views"], record["downloads"]) == (1, 0)


def test_an_event_without_a_session_counts_without_a_visitor(usage, run, item):
    usage.view(session=None)
    usage.view(session="s1")
    run()
    assert numbers(item()) == (2, 0, 1, 0)
    assert item()["unique_views"] == 1


@pytest.mark.parametrize(
    ("access_status", "access_type"),
    [
        ("open", "Open"),
        ("embargoed", "Controlled"),
        ("closed", "Controlled"),
        ("metadata-only", "Open"),
        (None, "Open"),
    ],
)
def test_older_events_get_their_access_type_from_the_status(usage, run, item, access_status, access_type):
    usage.view(access_type=None, access_status=access_status)
    run()
    assert [row["access_type"] for row in item()["rows"]] == [access_type]


def test_the_setting_decides_the_access_type_of_older_events(app, usage, run, item, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_COUNTER_ACCESS_TYPES", {"open": "Free_To_Read"})
    usage.view(access_type=None)
    run()
    assert [row["access_type"] for row in item()["rows"]] == ["Free_To_Read"]


def test_uniques_of_a_record_are_no_sums_over_versions(usage, run, stored_totals):
    """One session used two versions."""
    usage.download("i1", parent_id="p")
    usage.download("i2", parent_id="p")
    run("record-usage-agg")
    record = stored_totals(RECORDS)[f"p-{DAY}"]
    assert (record["downloads"], record["unique_downloads"], record["volume"]) == (2, 1, 20)


def test_searches_are_counted_by_page_with_rows(usage, run, stored_totals, search_client, index_prefix):
    alias = f"{index_prefix}events-stats-search"
    search_client.indices.create(
        index=f"{alias}-{DAY[:7]}", body=mappings.events_body(alias, {"search_page": mappings.KEYWORD})
    )
    usage.search(country="DE")
    usage.search(country="DE")
    usage.search(access_method="TDM", is_machine=True)
    usage.search(page="books", institution="c1")
    usage.search(is_robot=True)
    run("search-agg")
    assert {key: plain(total) for key, total in stored_totals(SEARCHES).items()} == {
        f"search-{DAY}": {
            "timestamp": f"{DAY}T00:00:00",
            "search_page": "search",
            "count": 3,
            "rows": [{"country": "DE", "count": 2}, {"access_method": "TDM", "count": 1}],
        },
        f"books-{DAY}": {
            "timestamp": f"{DAY}T00:00:00",
            "search_page": "books",
            "count": 1,
            "rows": [{"institution": "c1", "count": 1}],
        },
    }


def test_an_item_of_any_size_is_exact(usage, run, item, search_client, index_prefix):
    """Its events do not fit into one response, nor its rows into one request with others."""
    usage.view("i2")
    first = usage.view(session="s0", country="A0")
    events = [
        line
        for number in range(1, 60)
        for line in (
            {"index": {"_index": first["index"], "_id": f"large-{number}"}},
            {
                **search_client.get(**first)["_source"],
                "unique_session_id": f"s{number % 30}",
                "country": f"A{number % 20}",
            },
        )
    ]
    search_client.bulk(body=events)
    assert run(max_bucket_size=7) == 2
    assert numbers(item()) == (60, 0, 60, 0)
    assert item()["unique_views"] == 30
    assert [row["total_item_investigations"] for row in item()["rows"]] == [3] * 20


def test_the_first_complete_day_is_the_latest_of_the_types(usage, run, stored_totals, search_client):
    usage.view(day=DAY)
    usage.view(day="2026-03-12")
    FirstCompleteDay(search_client, "record-view").raise_to(datetime(2026, 3, 5, tzinfo=timezone.utc))
    FirstCompleteDay(search_client, "file-download").raise_to(datetime(2026, 3, 11, tzinfo=timezone.utc))
    run()
    assert set(stored_totals(ITEMS)) == {"i1-2026-03-12"}


def test_totals_of_both_types_say_nothing_about_the_first_event_of_one(usage, run, item, clock, search_client):
    """Views since January do not mean that the downloads from before March were deleted."""
    usage.view(day="2026-01-05")
    run()
    clock.forward(hours=1)
    usage.download(day=DAY)
    run()
    assert numbers(item()) == (1, 1, 1, 1)
    assert FirstCompleteDay(search_client, "file-download").get() == NOTHING_MISSING


def test_totals_stay_when_the_events_of_their_day_are_deleted(usage, run, item, clock, search_client, index_prefix):
    """There may be no other totals that show it."""
    usage.view(day="2026-02-10")
    usage.view(day=DAY)
    run()
    clock.forward(hours=1)
    search_client.indices.delete(index=f"{index_prefix}events-stats-record-view-2026-02")
    usage.view(day="2026-02-10")  # late
    usage.view(day="2026-02-11")
    run()
    clock.forward(hours=1)
    usage.view(day=DAY, session="s2")
    run()
    assert numbers(item(day="2026-02-10")) == (1, 0, 1, 0)
    assert numbers(item()) == (2, 0, 2, 0)


def test_verify_and_rebuild_put_right_what_differs(usage, usage_aggregator, run, item, search_client, index_prefix):
    usage.view()
    usage.download("i2")
    run()
    index = f"{index_prefix}{ITEMS}-2026-03"
    right = item()
    search_client.index(index=index, id=f"i1-{DAY}", body={**right, "views": 7}, refresh=True)
    search_client.index(index=index, id=f"i9-{DAY}", body={**right, "item_id": "i9"}, refresh=True)
    search_client.delete(index=index, id=f"i2-{DAY}", refresh=True)
    found = list(verify.prepare(usage_aggregator()).differences())
    assert sorted((difference.counted_total.total_key.key, difference.kind) for difference in found) == [
        ("i1", "different"),
        ("i2", "missing"),
        ("i9", "orphaned"),
    ]
    day = datetime(2026, 3, 10, tzinfo=timezone.utc)
    repair = rebuild.begin(usage_aggregator(), day, day)
    assert list(repair.differences())
    assert repair.run().written == 2
    assert item() == right
    # Nothing tells a total that never had events from one whose events were deleted: it stays.
    (left,) = verify.prepare(usage_aggregator()).differences()
    assert (left.counted_total.total_key.key, left.kind, dict(repair.lost)) == ("i9", "orphaned", {day: 1})


def test_deleted_totals_are_counted_again(usage, usage_aggregator, run, item):
    usage.view()
    run()
    assert usage_aggregator().delete() == 1
    assert run() == 1
    assert numbers(item()) == (1, 0, 1, 0)


def test_a_subclass_may_limit_the_run(usage, usage_aggregator, stored_totals):
    """The contract of `_split_date_range` and `_upper_limit` holds for usage totals, too."""

    class UntilYesterday(StatAggregator):
        def _upper_limit(self, end_date):
            return datetime(2026, 3, 11, tzinfo=timezone.utc)

    usage.view(day=DAY)
    usage.view(day="2026-03-15")
    usage_aggregator(cls=UntilYesterday).run()
    assert set(stored_totals(ITEMS)) == {f"i1-{DAY}"}


def test_agg_iter_counts_a_day_outside_of_a_run(usage, usage_aggregator, clock, refresh):
    usage.view()
    usage.download("i2")
    refresh()
    day = datetime(2026, 3, 10, 5, tzinfo=timezone.utc)
    actions = list(usage_aggregator().agg_iter(day, None))
    assert sorted(action["_id"] for action in actions) == [f"i1-{DAY}", f"i2-{DAY}"]
    assert len(list(usage_aggregator().agg_iter(day, clock.now - timedelta(hours=1)))) == 2


@pytest.mark.parametrize(
    ("params", "said"),
    [
        pytest.param({"event": "record-view"}, "Name one of the two", id="event and events"),
        pytest.param({"events": []}, "Make it a list of event types", id="no event"),
        pytest.param({"events": "record-view"}, "Make it a list of event types", id="a text"),
        pytest.param({"index": None}, "Name the alias of the totals", id="no index"),
        pytest.param({"metric_fields": {"n": ("sum", "size", {})}}, "Leave out metric_fields", id="metrics"),
    ],
)
def test_what_is_no_aggregation_of_several_types_is_refused(usage_aggregator, params, said):
    with pytest.raises(ConfigurationError, match=said):
        usage_aggregator(**params)


def test_several_types_need_as_many_aliases(usage, usage_aggregator):
    usage.view()
    aggregator = usage_aggregator()
    aggregator.event_index = aggregator.event_index.split(",")[0]
    with pytest.raises(ConfigurationError, match="Name one alias for each"):
        aggregator.run()


def test_plain_totals_of_several_types(usage, usage_aggregator, stored_totals):
    """`events` and `index` need no usage rules."""
    usage.view()
    usage.download()
    params = {"usage": None, "field": "item_id", "index": "stats-uses", "metric_fields": {"size": ("sum", "size", {})}}
    usage_aggregator(**params).run()
    total = stored_totals("stats-uses")[f"i1-{DAY}"]
    assert (total["count"], total["size"]) == (2, 10)
