"""Contract, easy to break: subclasses of StatAggregator, some of which were written for older releases."""

import pytest
from invenio_search import current_search_client
from invenio_search.engine import dsl
from invenio_search.utils import prefix_index

from invenio_stats.aggregations import StatAggregator, filter_robots
from invenio_stats.bookmark import BookmarkAPI

from .samples import ROBOT, download, naive, on

TOTALS = "stats-file-download"


class Unbound(StatAggregator):
    """Does not call `super().__init__`."""

    def __init__(self, name, event, client=None):
        self.name = name
        self.event = event
        self.client = client or current_search_client
        self.event_index = prefix_index(f"events-stats-{event}")
        self.index = prefix_index(f"stats-{event}")
        self.field = "unique_id"
        self.metric_fields = {"volume": ("sum", "size", {})}
        self.copy_fields = {"file_id": "file_id"}
        self.query_modifiers = [filter_robots]
        self.interval = "day"
        self.doc_id_suffix = "%Y-%m-%d"
        self.index_interval = "year"
        self.index_name_suffix = "%Y"
        self.bookmark_api = BookmarkAPI(self.client, self.name, self.interval)


class Sparse(StatAggregator):
    """Sets next to nothing."""

    def __init__(self, name, event):
        self.name, self.event, self.field = name, event, "unique_id"
        self.bookmark_api = BookmarkAPI(current_search_client, name, "day")


class From(StatAggregator):
    """Begins where it likes, in naive moments."""

    def _get_oldest_event_timestamp(self):
        return on(4, 0).replace(tzinfo=None)


class UpTo(StatAggregator):
    """Ends where it likes, in naive moments."""

    def _upper_limit(self, end_date):
        return on(4, 0).replace(tzinfo=None)


class Chosen(StatAggregator):
    """Goes through the intervals that it likes, in naive moments."""

    def _split_date_range(self, lower_limit, upper_limit):
        assert lower_limit <= upper_limit
        return {f"{on(day):%Y-%m-%d}": on(day, 0).replace(tzinfo=None) for day in (3, 5)}


class Caller(StatAggregator):
    """Calls what others override."""

    def plan(self):
        upper = self._upper_limit(on(5))
        return self._split_date_range(self._get_oldest_event_timestamp(), upper)


class OwnCount(StatAggregator):
    """Counts in its own way, from `agg_iter`."""

    seen = ()

    def agg_iter(self, dt, previous_bookmark):
        self.seen = (*self.seen, (dt, previous_bookmark))
        day = {"gte": naive(dt.replace(hour=0)), "lte": naive(dt.replace(hour=23, minute=59, second=59))}
        found = dsl.Search(using=self.client, index=self.event_index).filter("range", timestamp=day)
        count = found.count()
        if count:
            yield {
                "_id": f"all-{dt.strftime(self.doc_id_suffix)}",
                "_index": f"{self.index}-{dt.strftime(self.index_name_suffix)}",
                "_source": {"timestamp": naive(dt), "unique_id": "all", "count": count},
            }


@pytest.fixture
def stored(store_events):
    """Events of three days, and one of a robot."""
    store_events(*(download(on(day)) for day in (3, 4, 5)), download(on(3), file_id="F2", user_agent=ROBOT))


@pytest.fixture
def run(stored, refresh):
    """Return `run(cls)`: makes an aggregator of a class, and runs it."""

    def run_one(cls, made_with=None, **options):
        aggregator = cls("theirs", "file-download", **({"field": "unique_id"} if made_with is None else made_with))
        result = aggregator.run(**options)
        refresh()
        return aggregator, result

    return run_one


@pytest.fixture
def days(sources):
    """Return `days()`: the days of the month that have a total."""
    return lambda: sorted(int(total["timestamp"][8:10]) for total in sources(TOTALS))


def test_a_subclass_may_skip_the_initialiser(run, documents, index_prefix):
    _, result = run(Unbound, made_with={})
    assert result == [(1, 0)] * 3
    hits = documents(TOTALS)
    assert set(hits) == {f"B1_F1-{on(day):%Y-%m-%d}" for day in (3, 4, 5)}
    assert {hit["_index"] for hit in hits.values()} == {f"{index_prefix}{TOTALS}-{on(3):%Y}"}
    assert {(hit["_source"]["volume"], hit["_source"]["file_id"]) for hit in hits.values()} == {(9.0, "F1")}


def test_attributes_that_are_new_have_defaults(run, days):
    run(Sparse, made_with={})
    assert days() == [3, 4, 5]


def test_a_subclass_may_say_where_the_events_begin(run, days):
    run(From)
    assert days() == [4, 5]


def test_a_subclass_may_say_where_a_run_ends(run, days):
    run(UpTo)
    assert days() == [3, 4]


def test_a_subclass_may_choose_the_intervals(run, days):
    run(Chosen, start_date=on(3), end_date=on(5))
    assert days() == [3, 5]


def test_a_subclass_may_call_what_others_override(run, stored):
    aggregator, _ = run(Caller)
    assert list(aggregator.plan()) == [f"{on(day):%Y-%m-%d}" for day in (3, 4, 5)]


def test_a_subclass_may_count_in_its_own_way(run, documents):
    aggregator, _ = run(OwnCount)
    assert {previous for _, previous in aggregator.seen} == {None}
    totals = documents(TOTALS)
    counts = {document_id: hit["_source"]["count"] for document_id, hit in totals.items()}
    assert counts == {f"all-{on(day):%Y-%m-%d}": count for day, count in ((3, 2), (4, 1), (5, 1))}


def test_agg_iter_is_told_where_the_last_run_ended(run):
    aggregator, _ = run(OwnCount)
    bookmark = aggregator.bookmark_api.get_bookmark()
    aggregator.seen = ()
    aggregator.run()
    previous = {previous for _, previous in aggregator.seen}
    assert previous
    assert all(moment <= bookmark for moment in previous)


def test_event_index_and_bookmark_api_may_be_replaced(store_events, refresh, search_client, sources, index_prefix):
    store_events(download(on(3)))
    aggregator = StatAggregator("theirs", "nothing", field="unique_id")
    aggregator.event_index = f"{index_prefix}events-stats-file-download"
    aggregator.bookmark_api = BookmarkAPI(search_client, "of-theirs", "day")
    assert aggregator.run() == [(1, 0)]
    assert [total["unique_id"] for total in sources("stats-nothing-*")] == ["B1_F1"]
    assert BookmarkAPI(search_client, "of-theirs", "day").get_bookmark() is not None


@pytest.mark.parametrize("aware", [True, False])
def test_ranges_may_be_given_in_naive_moments(run, days, aware):
    start, end = (on(day, 0) if aware else on(day, 0).replace(tzinfo=None) for day in (4, 5))
    run(StatAggregator, start_date=start, end_date=end)
    assert days() == [4, 5]
