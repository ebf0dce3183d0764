"""Aggregators of other packages that extend the shipped one keep working."""

from datetime import datetime, timedelta

import pytest

from invenio_stats.aggregations import BookmarkAPI, StatAggregator
from invenio_stats.core.moments import parse


def test_a_subclass_need_not_call_super(raw, search_client, counts):
    """Attributes that came later have defaults."""

    class Own(StatAggregator):
        def __init__(self, name, event):
            self.name = name
            self.event = event
            self.client = search_client
            self.event_index = f"events-stats-{event}"
            self.field = "unique_id"
            self.metric_fields = {}
            self.bookmark_api = BookmarkAPI(search_client, name, "day")

    raw.put()
    raw.put(is_robot=True)
    own = Own("own-agg", "record-view")
    assert own.run() == [(1, 0)]
    assert counts() == {"recid_1-2026-03-10": 1}
    assert [bookmark.date for bookmark in own.list_bookmarks()] == ["2026-03-20T12:00:00"]


def test_names_may_have_the_prefix_or_not(raw, aggregator, counts, index_prefix):
    raw.put()
    own = aggregator()
    assert own.event_index == f"{index_prefix}events-stats-record-view"
    own.event_index, own.index = "events-stats-record-view", "stats-record-view"
    own.run()
    assert counts() == {"recid_1-2026-03-10": 1}


def test_several_event_types_may_share_an_alias(raw, aggregator, search_client, counts, index_prefix):
    """An aggregation's `event` need not be configured."""
    for name in ("events-stats-record-view-2026-03", "events-stats-file-download-2026-03"):
        search_client.indices.create(index=f"{index_prefix}{name}")
        search_client.indices.put_alias(index=f"{index_prefix}{name}", name=f"{index_prefix}events-stats-use")
    raw.put()
    raw.put(index="events-stats-file-download-2026-03")
    own = aggregator(name="use-agg", event="use", fields={"pid_value": {"type": "keyword"}})
    assert own.run() == [(1, 0)]
    assert counts("stats-use") == {"recid_1-2026-03-10": 2}
    own.run()
    raw.put(index="events-stats-file-download-2026-03")
    own.run()
    assert counts("stats-use") == {"recid_1-2026-03-10": 3}


def test_an_upper_limit_of_yesterday_leaves_today_to_the_next_day(raw, aggregator, counts, clock):
    class UpToYesterday(StatAggregator):
        def _upper_limit(self, end_date):
            return clock.now.replace(hour=0, tzinfo=None) - timedelta(seconds=1)

    raw.put("2026-03-20T01:00:00")
    raw.put("2026-03-19T01:00:00")
    aggregator(UpToYesterday).run()
    assert set(counts()) == {"recid_1-2026-03-19"}
    clock.forward(days=1)
    aggregator(UpToYesterday).run()
    assert set(counts()) == {"recid_1-2026-03-19", "recid_1-2026-03-20"}


def test_a_start_of_its_own_bounds_the_first_run(raw, aggregator, counts):
    class Since(StatAggregator):
        def _get_oldest_event_timestamp(self):
            return datetime(2026, 3, 5)  # noqa: DTZ001 - as older subclasses do

    raw.put("2026-03-04")
    raw.put("2026-03-05")
    aggregator(Since).run()
    assert set(counts()) == {"recid_1-2026-03-05"}


def test_a_split_of_its_own_bounds_what_changed(raw, aggregator, counts, clock):
    """What lies behind it waits, and is not lost."""

    class Slowly(StatAggregator):
        def _split_date_range(self, lower, upper):
            whole = super()._split_date_range(lower, upper)
            return dict(list(whole.items())[:2])

    for day in ("2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13"):
        raw.put(day)
    seen = []
    for _ in range(4):
        aggregator(Slowly).run()
        clock.forward(hours=1)
        seen.append(len(counts()))
    assert seen == [2, 3, 4, 4]


def test_an_iterator_of_its_own_is_asked_for_each_interval(raw, aggregator, counts, index_prefix):
    """It may read what we know nothing of, so intervals without events are selected too."""
    selected = []

    class Own(StatAggregator):
        def agg_iter(self, dt, previous_bookmark):
            selected.append((dt, previous_bookmark))
            yield {
                "_id": f"own-{dt:%Y-%m-%d}",
                "_index": f"{index_prefix}stats-record-view-{dt:%Y-%m}",
                "_source": {"count": 1},
            }

    raw.put("2026-03-18")
    assert aggregator(Own).run() == [(1, 0)] * 3
    assert counts() == {f"own-2026-03-{day}": 1 for day in (18, 19, 20)}
    assert [(f"{dt:%d}", previous) for dt, previous in selected] == [("18", None), ("19", None), ("20", None)]
    raw.put("2026-03-01")
    selected.clear()
    aggregator(Own).run()
    assert [f"{dt:%d}" for dt, _ in selected] == ["01", "18", "20"]
    assert all(previous is not None for _, previous in selected)


def test_an_iterator_may_change_what_ours_yields(raw, aggregator, stored_totals):
    class Marked(StatAggregator):
        def agg_iter(self, dt, previous_bookmark):
            for action in super().agg_iter(dt, previous_bookmark):
                action["_source"]["marked"] = True
                yield action

    raw.put("2026-03-10")
    raw.put("2026-03-12")
    assert aggregator(Marked).run(end_date="2026-03-12") == [(1, 0), (0, 0), (1, 0)]
    assert [total["marked"] for total in stored_totals().values()] == [True, True]


def test_a_client_may_be_injected(raw, aggregator, search_client, counts):
    """With its own time-outs, for instance; nothing goes another way."""

    class Client:
        def __getattr__(self, name):
            used.add(name)
            return getattr(search_client, name)

    used = set()
    raw.put()
    aggregator(client=Client()).run()
    assert counts() == {"recid_1-2026-03-10": 1}
    assert {"search", "bulk", "indices"} <= used


@pytest.mark.parametrize(
    "modifier", ["tests.flow.test_aggregations_subclasses.only_two", "tests.flow.test_aggregations_subclasses:only_two"]
)
def test_a_modifier_takes_the_search_alone_and_may_be_a_name(raw, aggregator, counts, modifier):
    raw.put(key="recid_1")
    raw.put(key="recid_2")
    aggregator(query_modifiers=[modifier]).run()
    assert set(counts()) == {"recid_2-2026-03-10"}


def only_two(search):
    return search.filter("term", unique_id="recid_2")


def test_a_modifier_that_returns_nothing_is_named(raw, aggregator):
    raw.put()
    with pytest.raises(ValueError, match="returned None"):
        aggregator(query_modifiers=[lambda search: None]).run()


def test_events_of_a_type_without_templates_have_totals(aggregator, search_client, counts, index_prefix, clock):
    """Where no template covers the totals, the index is made with its alias."""
    index = f"{index_prefix}events-stats-search-2026-03"
    body = {
        "mappings": {"properties": {"timestamp": {"type": "date"}, "query": {"type": "keyword"}}},
        "aliases": {f"{index_prefix}events-stats-search": {}},
    }
    search_client.indices.create(index=index, body=body)
    search_client.index(index=index, body={"timestamp": "2026-03-10T10:00:00", "query": "fish"})
    own = aggregator(
        name="search-agg",
        event="search",
        field="query",
        metric_fields={},
        copy_fields={},
        fields={"query": {"type": "keyword"}},
    )
    assert own.run() == [(1, 0)]
    assert counts("stats-search") == {"fish-2026-03-10": 1}
    assert parse(own.list_bookmarks()[0].date) == clock.now
