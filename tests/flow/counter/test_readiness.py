"""Everything that stands in the way of a close is listed, each with its cure; nothing is written then."""

from datetime import datetime, timezone

import pytest
from invenio_cache import current_cache

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.broker import dead_letters
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core import names
from invenio_stats.core.moments import parse
from invenio_stats.core.quarantine import QuarantinedTotal, write_quarantined
from invenio_stats.counter.closing.schedule import FirstMonth
from invenio_stats.errors import MonthRefusedError
from invenio_stats.operations.monitoring import last_runs
from tests.fixtures import counter_usage
from tests.flow.counter.test_closing import JANUARY

OLD = parse("2026-02-01T00:59:00")
"""Before the end of January and an hour."""


@pytest.fixture
def january(two_months, work, clock):
    """January alone is due, and nothing stands in its way."""
    clock.now = parse("2026-02-20T12:00:00")
    work()
    return two_months


@pytest.fixture
def in_the_way(close, usage_of, search_client, index_prefix):
    """Return `in_the_way()`: the kinds of obstacles of January, which is not closed."""

    def find(**options):
        outcome = close(**options)["2026-01"]
        assert not outcome.is_closed
        assert usage_of("2026-01") is None
        assert not search_client.indices.exists(index=f"{index_prefix}{names.COUNTER_MONTHS}")
        assert all(obstacle.message and obstacle.cure and obstacle.number for obstacle in outcome.obstacles)
        return [obstacle.kind for obstacle in outcome.obstacles]

    return find


def test_a_month_is_due_when_it_is_over_by_some_days(january, closing, clock):
    clock.now = parse("2026-02-03T23:59:59")
    assert closing().find_due() == []
    clock.now = parse("2026-02-04T00:00:00")
    assert closing().find_due() == ["2026-01"]


def test_no_run_that_found_the_queue_empty(january, in_the_way):
    last_runs.remember_emptied("search", OLD)
    assert in_the_way() == ["queue"]
    current_cache.clear()
    assert in_the_way() == ["queue", "queue", "queue", "aggregation", "aggregation"]


def test_events_in_the_spool(january, in_the_way, monkeypatch):
    spool = outbox().spool
    spool.put([Outgoing("stats-record-view", "id", "{}")])
    monkeypatch.setattr(type(spool), "oldest", lambda self: OLD)
    assert in_the_way() == ["spool"]
    spool.settle(spool.take(10), sent=True)


def test_an_aggregation_that_fails(january, in_the_way, close):
    current_cache.set("stats:success:aggregations:item-usage-agg", OLD.isoformat())
    assert in_the_way() == ["aggregation"]


@pytest.mark.usefixtures("expect_logged_errors")
def test_a_failure_after_a_success_does_not_take_it_back(january, close):
    def fail():
        raise RuntimeError

    last_runs.run("aggregations", "item-usage-agg", fail)
    assert close()["2026-01"].is_closed


def test_a_bookmark_within_the_month(january, in_the_way, search_client):
    BookmarkAPI(search_client, "search-agg", "day").rewind(OLD)
    assert in_the_way() == ["bookmark"]


def test_an_aggregation_that_never_had_an_event(usage, metadata, work, clock, close):
    usage.view("i1", "2026-01-05")
    clock.now = parse("2026-02-20T12:00:00")
    work()
    assert close()["2026-01"].obstacles == []


@pytest.mark.parametrize(("day", "found"), [("2026-01-31", ["quarantined"]), ("2026-02-01", [])])
def test_quarantined_totals(january, search_client, index_prefix, close, day, found):
    total = QuarantinedTotal(parse(day), "i1", "ValueError", parse(day))
    body = {"leases": [], "quarantined": write_quarantined([total])}
    search_client.index(index=f"{index_prefix}{names.LOCKS}", id="item-usage-agg", body=body)
    assert [obstacle.kind for obstacle in close()["2026-01"].obstacles] == found


@pytest.mark.parametrize(
    ("event", "reason", "found"),
    [
        pytest.param(
            {"timestamp": "2026-01-31T23:00:00"}, "preprocessor: KeyError", ["dead_letters"], id="of the month"
        ),
        pytest.param({"timestamp": "2026-02-01T00:00:00"}, "preprocessor: KeyError", [], id="of another"),
        pytest.param({"timestamp": "2026-01-31T23:00:00"}, "expired", [], id="expired"),
        pytest.param({"timestamp": "nonsense"}, "timestamp", [], id="rejected in another month"),
    ],
)
def test_dead_letters(january, queues, close, search_client, event, reason, found):
    dead_letters.reject(queues["record-view"], [(event, reason)])
    assert [obstacle.kind for obstacle in close()["2026-01"].obstacles] == found
    if found:
        assert close(accepted="A crawler's")["2026-01"].is_closed
        month = counter_usage.read_month(search_client, "2026-01")
        assert month.accepted == ({"reason": "A crawler's", "what": "dead_letters", "count": 1},)


def test_day_totals_that_are_no_count_of_the_events(january, in_the_way, close, work, usage_of):
    january.download("i2", "2026-01-15", "late")
    assert in_the_way() == ["totals_differ"]
    assert in_the_way(accepted="whatever") == ["totals_differ"]
    work()
    assert close()["2026-01"].is_closed
    assert usage_of("2026-01") == {**JANUARY, ("i2", "Open", "Regular", "", ""): ("Dataset", "2021", 2, 2, 2, 2)}


def test_searches_that_are_not_counted(january, in_the_way):
    january.search("2026-01-15")
    assert in_the_way() == ["totals_differ"]


def test_a_day_without_totals(january, in_the_way, search_client, index_prefix):
    query = {"query": {"term": {"timestamp": "2026-01-05"}}}
    search_client.delete_by_query(index=f"{index_prefix}stats-item-usage", body=query, refresh=True)
    assert in_the_way() == ["totals_differ"]


@pytest.mark.parametrize("name", ["item-usage", "search"])
def test_totals_in_a_closed_index(january, in_the_way, close, restated, search_client, index_prefix, usage_of, name):
    """A search passes over it, so that the month would be closed without them."""
    (index,) = search_client.indices.get_alias(index=f"{index_prefix}stats-{name}-2026-01*")
    search_client.indices.close(index=index)
    assert in_the_way() == ["totals_unreadable"]
    assert in_the_way(accepted="whatever") == ["totals_unreadable"]
    search_client.indices.open(index=index)
    assert close()["2026-01"].is_closed
    search_client.indices.close(index=index)
    with pytest.raises(MonthRefusedError, match=f"{index} are closed"):
        restated("2026-01")
    assert usage_of("2026-01") == JANUARY


def test_raw_events_that_are_gone(january, close, search_client, index_prefix, usage_of):
    """Retention has deleted them: their totals are taken as they are, and the log says so."""
    FirstMonth(search_client).keep("2026-01")
    for kind in ("record-view", "file-download", "search"):
        search_client.indices.delete(index=f"{index_prefix}events-stats-{kind}-2026-01", ignore=[404])
        FirstCompleteDay(search_client, kind).raise_to(parse("2026-02-01"))
    assert close()["2026-01"].is_closed
    assert usage_of("2026-01") == JANUARY
    assert counter_usage.read_month(search_client, "2026-01").log[0]["days_taken_as_they_are"] == 31


def test_raw_events_that_cannot_be_read(january, in_the_way, close, search_client, index_prefix):
    search_client.indices.close(index=f"{index_prefix}events-stats-record-view-2026-01")
    assert in_the_way() == ["raw_unreadable"]
    outcome = close(accepted="A disk is lost")["2026-01"]
    assert outcome.is_closed
    month = counter_usage.read_month(search_client, "2026-01")
    assert month.accepted == ({"reason": "A disk is lost", "what": "raw_unreadable", "count": 31},)


@pytest.mark.parametrize(("events", "found"), [(98, ["missing_items"]), (99, [])])
def test_events_without_an_item(january, close, work, events, found):
    """One in a hundred may have none."""
    january.view(None, "2026-01-07")
    for number in range(events - 5):
        january.view("i1", "2026-01-07", str(number))
    work()
    assert [obstacle.kind for obstacle in close()["2026-01"].obstacles] == found
    assert close(accepted="A plugin's")["2026-01"].is_closed if found else True


def test_all_that_is_in_the_way_is_listed(january, queues, in_the_way):
    dead_letters.reject(queues["record-view"], [({"timestamp": "2026-01-01T00:00:00"}, "x")])
    january.view("i1", "2026-01-15", "late")
    last_runs.remember_emptied("search", OLD)
    assert in_the_way() == ["queue", "dead_letters", "totals_differ"]
    assert in_the_way(accepted="whatever") == ["queue", "dead_letters", "totals_differ"]


def test_months_are_closed_in_order(two_months, work, closing, close):
    work()
    assert closing().find_due() == ["2026-01", "2026-02"]
    with pytest.raises(MonthRefusedError, match="Close 2026-01 first"):
        closing().check_chosen("2026-02")
    with pytest.raises(MonthRefusedError, match="not due"):
        closing().check_chosen("2026-03")
    with pytest.raises(MonthRefusedError, match="not due"):
        closing().check_chosen("2025-12")
    closing().check_chosen("2026-01")
    two_months.view("i1", "2026-01-15", "late")
    assert list(close()) == ["2026-01"]  # and not February
    work()
    close()
    with pytest.raises(MonthRefusedError, match="closed already"):
        closing().check_chosen("2026-01")


def test_the_first_month_is_that_of_the_oldest_event_with_an_item(two_months, work, closing):
    two_months.view(None, "2025-11-10")
    work()
    assert closing().find_due() == ["2026-01", "2026-02"]


def test_a_month_that_began_before_the_first_complete_day_is_not_the_first(two_months, work, closing, search_client):
    work()
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-01-02"))
    assert closing().find_due() == ["2026-02"]


def test_the_first_month_stays_as_it_was_at_the_first_close(january, work, close, closing, search_client, clock):
    close()
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-02-02"))
    clock.now = datetime(2026, 3, 20, tzinfo=timezone.utc)
    assert closing().find_due() == ["2026-02"]
