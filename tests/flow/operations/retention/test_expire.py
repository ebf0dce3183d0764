"""Old raw events are deleted once all totals hold them; totals stay as they are."""

import pytest
from invenio_search.engine import search

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.moments import parse
from invenio_stats.definitions.aggregators import make_aggregator
from invenio_stats.operations.compaction.month import compact
from invenio_stats.operations.compaction.plans import plans
from tests.flow.operations.retention.conftest import DEADLINE, KEPT, OLD


def reasons(found):
    return {(limit.reason, limit.by) for limit in found.limits}


def test_old_events_go_and_totals_stay(counted):
    before = counted.totals()
    assert len(before) > 30
    planned = counted.plan()
    done = counted.expire()
    assert planned.deletions == done.deletions
    assert [deletion.is_whole for deletion in done.deletions["record-view"]] == [True] * len(OLD)
    assert done.events == 2 * len(OLD)
    assert (done.limits, done.policies) == ([], {})
    for event_type in ("record-view", "file-download"):
        assert counted.days(event_type) == list(KEPT)
        assert counted.first_complete_day(event_type) == DEADLINE
    assert counted.totals() == before
    counted.count()
    assert counted.totals() == before


def test_doing_it_again_does_nothing(counted):
    counted.expire()
    assert counted.expire().events == 0
    assert counted.first_complete_day() == DEADLINE


def test_the_first_day_that_is_kept_can_be_counted_again(counted, search_client, index_prefix):
    """Nobody takes the deletion for one that may have reached into that day."""
    counted.expire()
    for event_type in ("record-view", "file-download"):
        day = FirstCompleteDay(search_client, event_type)
        events, totals = (f"{index_prefix}{start}stats-{event_type}" for start in ("events-", ""))
        assert day.find(events, totals, "day", counted.clock.now) == parse(DEADLINE)
    counted.use(KEPT[0])
    counted.count()
    assert counted.totals()["stats-item-usage", f"i1-{KEPT[0]}"]["views"] == 2


def test_days_that_somebody_deletes_afterwards_are_noticed(counted, search_client, index_prefix):
    counted.expire()
    search_client.indices.delete(index=f"{index_prefix}events-stats-record-view-{KEPT[0]}")
    counted.use(KEPT[1])
    counted.count()
    assert counted.first_complete_day() > DEADLINE


def test_a_plan_changes_nothing(counted):
    before = counted.totals()
    assert counted.plan().events == 2 * len(OLD)
    assert counted.days() == [*OLD, *KEPT]
    assert counted.first_complete_day() < DEADLINE
    assert counted.totals() == before
    assert counted.blocked() == []


def test_events_that_were_never_counted_stay(site):
    site.use(OLD[0])
    found = site.expire()
    assert ("never_counted", "item-usage-agg") in reasons(found)
    assert site.days() == [OLD[0]]
    assert site.first_complete_day() is None


def test_an_event_type_that_is_never_used_keeps_no_other(counted, search_client, index_prefix):
    """No download was ever made, so that no run of its aggregation has left a bookmark."""
    search_client.indices.delete(index=f"{index_prefix}events-stats-file-download-*")
    for name in ("file-download-agg", "file-download-agg-automated"):
        search_client.delete(index=f"{index_prefix}stats-bookmarks", id=name, refresh=True, ignore=[404])
    found = counted.expire()
    assert found.limits == []
    assert counted.days() == list(KEPT)


@pytest.mark.parametrize("name", ["record-view-agg", "item-usage-agg", "record-usage-agg"])
def test_an_event_that_one_aggregation_has_not_counted_stays(counted, name):
    counted.use("2026-02-10")
    for other in ("record-view-agg", "file-download-agg", "item-usage-agg", "record-usage-agg"):
        if other != name:
            make_aggregator(other).run()
    found = counted.expire()
    assert ("not_counted", name) in reasons(found)
    assert counted.days() == ["2026-02-10", "2026-02-10", *KEPT]
    assert counted.first_complete_day() <= "2026-02-10"
    counted.clock.forward(minutes=10)
    counted.count()
    counted.clock.forward(minutes=10)
    counted.count()
    counted.expire()
    assert counted.days() == list(KEPT)
    assert counted.totals()["stats-record-view", "u1-2026-02-10"]["count"] == 2


def test_an_event_of_one_type_keeps_those_that_are_counted_together_with_it(counted):
    """And breakdowns of records, which are of whole months, keep all days of its month."""
    counted.usage.download("i1", "2026-02-20", unique_id="u1")
    counted.expire()
    assert counted.days() == ["2026-02-10", *KEPT]
    assert counted.first_complete_day() == "2026-02-01"


def test_a_breakdown_that_is_not_folded_keeps_its_month(counted):
    """Records are folded from the raw events of the whole month."""
    counted.client.delete(index=f"{counted.prefix}stats-bookmarks", id="usage-breakdown-agg", refresh=True)
    found = counted.expire()
    assert ("never_counted", "usage-breakdown-agg") in reasons(found)
    assert counted.days() == [*OLD, *KEPT]


def test_events_of_a_quarantined_total_stay(counted):
    quarantined = {"interval": "2026-02-10T00:00:00+00:00", "key": "u1", "error": "E", "since": "2026-04-01T00:00:00Z"}
    body = {"leases": [], "quarantined": [quarantined]}
    counted.client.index(index=f"{counted.prefix}stats-locks", id="record-view-agg", body=body, refresh=True)
    found = counted.expire()
    assert ("quarantined", "record-view-agg") in reasons(found)
    assert counted.days() == ["2026-02-10", *KEPT]


def test_intervals_that_a_run_works_on_stay(counted):
    lease = make_aggregator("record-view-agg").begin_lease()
    lease.claim({parse("2026-02-10"): 1})
    assert ("being_counted", "record-view-agg") in reasons(counted.expire())
    assert counted.days() == ["2026-02-10", *KEPT]
    lease.release()
    counted.expire()
    assert counted.days() == list(KEPT)


def test_an_interrupted_rebuild_keeps_the_events_that_it_still_needs(counted):
    document = {
        "date": "2026-01-31T00:00:00+00:00",
        "aggregation_type": "rebuild-record-view-agg-2026-01-01-2026-02-28",
    }
    counted.client.index(index=f"{counted.prefix}stats-bookmarks", id="x", body=document, refresh=True)
    assert ("rebuild", "record-view-agg") in reasons(counted.expire())
    assert counted.days() == ["2026-01-31", "2026-02-10", *KEPT]


def test_compacted_months_go_as_one_index(counted):
    for plan in plans(counted.client, ["record-view", "file-download"], counted.clock.now):
        compact(counted.client, plan, lambda: counted.clock.now)
    before = counted.totals()
    done = counted.expire()
    assert [deletion.index_name[-7:] for deletion in done.deletions["record-view"]] == ["2026-01", "2026-02"]
    assert counted.days() == list(KEPT)
    assert counted.totals() == before


def test_a_month_of_which_some_days_stay_is_left_until_it_can_go(counted):
    for plan in plans(counted.client, ["record-view", "file-download"], counted.clock.now):
        compact(counted.client, plan, lambda: counted.clock.now)
    lease = make_aggregator("record-view-agg").begin_lease()
    lease.claim({parse("2026-01-31"): 1})
    assert counted.expire().events == 0
    assert counted.days() == [*OLD, *KEPT]
    assert counted.first_complete_day() < "2026-01-31"


def test_a_month_that_is_being_compacted_stays(counted):
    alias = f"{counted.prefix}events-stats-record-view"
    lease = f"{counted.prefix}compacting-{alias}-2026-02-20260420121900-0a1b2c3d"
    counted.client.indices.create(index=f"{alias}-2026-02", body={"aliases": {lease: {}}})
    found = counted.expire()
    assert {reason for reason, _ in reasons(found)} == {"compaction"}
    assert counted.days() == ["2026-02-10", *KEPT]


def test_an_index_of_all_days_loses_its_old_events_only(counted):
    alias = f"{counted.prefix}events-stats-record-view"
    counted.client.indices.delete(index=f"{alias}-*")
    counted.client.indices.create(index=f"{alias}-all", body={"aliases": {alias: {}}})
    for day in (*OLD, *KEPT):
        document = {"timestamp": f"{day}T10:00:00", "updated_timestamp": "2026-04-01T00:00:00+00:00"}
        counted.client.index(index=f"{alias}-all", body=document)
    counted.refresh()
    (done,) = counted.expire().deletions["record-view"]
    assert (done.is_whole, done.events) == (False, len(OLD))
    assert counted.days() == list(KEPT)


def test_a_newer_event_in_the_index_of_an_old_day_stays(counted):
    alias = f"{counted.prefix}events-stats-record-view"
    counted.client.index(
        index=f"{alias}-{OLD[0]}",
        body={"timestamp": "2026-04-05T10:00:00", "updated_timestamp": "2026-04-01T00:00:00+00:00"},
    )
    counted.refresh()
    counted.expire()
    assert counted.days() == sorted([*KEPT, "2026-04-05"])


def test_a_closed_index_and_what_is_newer_stay(counted):
    counted.client.indices.close(index=f"{counted.prefix}events-stats-record-view-2026-02-10")
    assert {reason for reason, _ in reasons(counted.expire())} == {"closed_index"}
    counted.client.indices.open(index=f"{counted.prefix}events-stats-record-view-2026-02-10")
    assert counted.days() == ["2026-02-10", *KEPT]


@pytest.mark.parametrize("block", ["read_only", "read_only_allow_delete"])
def test_a_read_only_index_and_what_is_newer_stay(counted, block):
    """By an operator, or by the engine because its disk is full: what is older goes, and nothing fails."""
    index, setting = f"{counted.prefix}events-stats-record-view-2026-02-10", f"index.blocks.{block}"
    counted.client.indices.put_settings(index=index, body={setting: True})
    try:
        found = counted.expire()
    finally:
        counted.client.indices.put_settings(index=index, body={setting: None})
    assert reasons(found) == {("read_only_index", index)}
    assert counted.days() == ["2026-02-10", *KEPT]
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)


@pytest.mark.parametrize(
    ("error", "reason"), [("snapshot_in_progress_exception", "snapshot"), ("illegal_argument_exception", "compaction")]
)
def test_indices_that_the_engine_does_not_delete_now_are_told(counted, monkeypatch, error, reason):
    """It does not while a snapshot of them is made, and not by the name of an alias that a compaction has just made."""
    before, transport = counted.totals(), counted.client.transport
    perform = transport.perform_request

    def refuse(method, url, *args, **kwargs):
        if method == "DELETE" and "events-stats-record-view" in url:
            raise search.exceptions.RequestError(400, error, {"error": {"type": error}, "status": 400})
        return perform(method, url, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(transport, "perform_request", refuse)
        found = counted.expire()
    assert reasons(found) == {(reason, "record-view")}
    assert found.deletions["record-view"] == []
    assert counted.days() == [*OLD, *KEPT]
    assert counted.blocked() == []
    assert counted.totals() == before
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)
    assert counted.totals() == before


def test_two_runs_at_once_delete_each_event_once(counted, requests_sent):
    """A run that begins during another one deletes nothing."""
    before, seen = counted.totals(), []
    requests_sent.before = lambda: seen.append(counted.expire()) if requests_sent.number in (20, 30) else None
    done = counted.expire()
    requests_sent.before = None
    assert done.events == 2 * len(OLD)
    assert [(found.events, found.limits[0].reason) for found in seen] == [(0, "being_deleted")] * 2
    assert counted.days() == list(KEPT)
    assert counted.totals() == before
    assert counted.blocked() == []
