"""Concurrent runs share the work, and the next run corrects what an interrupted one left."""

import pytest

from invenio_stats.core.leases import read_leases
from invenio_stats.core.moments import parse
from invenio_stats.errors import LeaseLostError
from invenio_stats.totals import execution
from invenio_stats.totals.writing import Failure

DAYS = [f"2026-03-{day:02}" for day in range(1, 7)]
ALL = {f"recid_1-{day}": 1 for day in DAYS}


class Killed(BaseException):
    """Ends a run as a signal would: nothing after it is done."""


@pytest.fixture
def aggregator(aggregator):
    """Return `aggregator(meanwhile)`: calls `meanwhile` once, when the first total of the run has been counted."""

    def make(meanwhile=None, **params):
        waiting = [meanwhile] if meanwhile else []

        def value(event, total):
            if waiting:
                waiting.pop()()
            return "x"

        return aggregator(copy_fields={"pid_value": value}, **params)

    return make


@pytest.fixture
def days(raw):
    for day in DAYS:
        raw.put(day)


@pytest.fixture
def one_by_one(monkeypatch):
    """Let a run take one interval at a time."""
    monkeypatch.setattr("invenio_stats.totals.leases.EVENTS_PER_CLAIM", 1)


@pytest.fixture
def leases(search_client, index_prefix):
    def read():
        source = search_client.get(index=f"{index_prefix}stats-locks", id="record-view-agg")["_source"]
        return read_leases(source)

    return read


@pytest.mark.usefixtures("days", "one_by_one")
def test_runs_at_once_share_the_intervals(aggregator, counts, leases):
    second = []
    first = aggregator(lambda: second.append(aggregator().run())).run()
    assert first == [(1, 0)]
    assert second == [[(1, 0)] * 5]
    assert counts() == ALL
    assert leases() == []


@pytest.mark.usefixtures("days")
def test_what_a_run_beside_works_on_is_left_to_it(aggregator, counts, clock):
    second = []

    def meanwhile():
        clock.forward(seconds=10)
        with_stored = aggregator()
        second.append((with_stored.run(), with_stored.held))

    began = clock.now
    first = aggregator(meanwhile)
    assert (first.run(), first.held) == ([(1, 0)] * 6, 0)
    assert second == [([], 6)]
    assert first.bookmark_api.get_bookmark(refresh_time=0) == began
    assert counts() == ALL


@pytest.mark.usefixtures("days", "one_by_one")
def test_the_bookmark_waits_for_the_first_of_the_runs_that_were_at_work(aggregator, clock):
    began = clock.now

    def meanwhile():
        clock.forward(seconds=30)
        aggregator().run()

    first = aggregator(meanwhile)
    first.run()
    assert first.bookmark_api.get_bookmark(refresh_time=0) == began
    clock.forward(seconds=30)
    aggregator().run()
    assert first.bookmark_api.get_bookmark(refresh_time=0) == clock.now


@pytest.mark.usefixtures("days")
def test_the_bookmark_does_not_pass_the_beginning_of_a_run_that_goes_on(aggregator, clock):
    """It need not hold anything at that moment: what it has done may have changed since."""
    began = clock.now
    aggregator().begin_lease().claim({})
    clock.forward(seconds=30)
    own = aggregator()
    assert (own.run(), own.held) == ([(1, 0)] * 6, 0)
    assert own.bookmark_api.get_bookmark(refresh_time=0) == began


@pytest.mark.usefixtures("days", "one_by_one")
def test_what_a_killed_run_held_is_free_after_a_while(aggregator, counts, clock):

    def kill():
        raise Killed

    with pytest.raises(Killed):
        aggregator(kill).run()
    clock.forward(seconds=60)
    after = aggregator()
    assert (after.run(), after.held) == ([(1, 0)] * 5, 1)
    assert after.bookmark_api.get_bookmark() is None
    clock.forward(seconds=120)
    after = aggregator()
    assert after.run()
    assert after.held == 0
    assert counts() == ALL
    assert after.bookmark_api.get_bookmark(refresh_time=0) == clock.now


def test_what_fails_gives_its_intervals_back_at_once(days, aggregator, counts, monkeypatch, leases):
    with monkeypatch.context() as patched:
        patched.setattr("invenio_stats.totals.execution.write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            aggregator().run()
    assert leases() == []
    assert aggregator().run() == [(1, 0)] * 6
    assert counts() == ALL


def test_a_run_that_stood_still_for_too_long_writes_nothing_more(raw, days, aggregator, counts, clock):
    """Others have counted since; what it knows is old."""
    began = clock.now

    def stand_still():
        clock.forward(minutes=10)
        raw.put(DAYS[0])
        aggregator().run()

    standing = aggregator(stand_still)
    with pytest.raises(LeaseLostError):
        standing.run()
    assert counts() == {**ALL, f"recid_1-{DAYS[0]}": 2}
    assert standing.bookmark_api.get_bookmark(refresh_time=0) == began


def test_a_run_that_took_long_goes_on_where_nobody_took_its_work(days, aggregator, counts, clock):
    assert aggregator(lambda: clock.forward(minutes=10)).run() == [(1, 0)] * 6
    assert counts() == ALL


def test_a_total_that_others_changed_meanwhile_is_counted_again(raw, days, aggregator, counts, search_client):
    """A total is only written over what it was counted beside."""

    def meanwhile():
        ref = {"index": f"{raw.prefix}stats-record-view-2026-03", "id": f"recid_1-{DAYS[0]}"}
        search_client.index(**ref, body={"timestamp": DAYS[0], "unique_id": "recid_1", "count": 0})

    assert aggregator(meanwhile).run() == [(1, 0)] * 6
    assert counts() == ALL


def test_a_total_that_others_change_again_and_again_holds_the_bookmark(
    raw, days, aggregator, counts, search_client, caplog, monkeypatch
):
    write, changes = execution.write, iter(range(-100, 0))

    def meddle(client, actions, is_guarded):
        ref = {"index": f"{raw.prefix}stats-record-view-2026-03", "id": f"recid_1-{DAYS[0]}"}
        search_client.index(**ref, body={"timestamp": DAYS[0], "unique_id": "recid_1", "count": next(changes)})
        return write(client, actions, is_guarded)

    monkeypatch.setattr(execution, "write", meddle)
    own = aggregator()
    assert own.run() == [(0, 1)] + [(1, 0)] * 5
    assert "Totals were changed by other runs at every attempt" in caplog.text
    assert {**counts(), f"recid_1-{DAYS[0]}": 1} == ALL
    assert own.bookmark_api.get_bookmark() is None


@pytest.mark.usefixtures("one_by_one")
def test_what_a_run_could_not_write_is_not_done_for_the_runs_beside_it(aggregator):
    """Else the other moves the bookmark past it; and this one may be killed before it has quarantined anything."""
    starts = [parse(day) for day in DAYS[:3]]
    wanted = dict.fromkeys(starts, 1)
    first, other = aggregator().begin_lease(), aggregator().begin_lease()
    assert first.claim(wanted).granted == starts[:1]
    assert first.claim(dict.fromkeys(starts[1:], 1), unfinished=starts[:1]).granted == starts[1:2]
    assert other.claim(wanted) == ([starts[0]], [])
    assert other.claim(dict.fromkeys(starts[1:], 1)) == ([starts[2]], [])


@pytest.mark.usefixtures("days", "one_by_one")
def test_a_run_says_at_each_step_what_it_could_not_write(aggregator, monkeypatch, leases):
    seen = []

    def refuse_first(client, actions, is_guarded):
        seen.append([list(lease.done) for lease in leases()])
        start, action = actions[0]
        return [] if len(seen) > 1 else [Failure(start, action.counted.total_key.key, "busy", "later")]

    monkeypatch.setattr(execution, "write", refuse_first)
    aggregator().run()
    assert seen[:3] == [[[]], [[]], [[parse(DAYS[1])]]]


def test_a_run_whose_lease_is_gone_says_so_and_the_next_one_counts(raw, days, aggregator, counts, index_prefix):
    """Somebody has deleted the index of the leases, or a snapshot without it was restored."""
    standing = aggregator(lambda: raw.client.indices.delete(index=f"{index_prefix}stats-locks"))
    with pytest.raises(LeaseLostError):
        standing.run()
    aggregator().run()
    assert counts() == ALL
