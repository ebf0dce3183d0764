"""A reclassification that is killed anywhere is completed by the next one."""

import gc
from datetime import timedelta
from types import GeneratorType

import pytest
from invenio_search.engine import search

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.errors import StatsError
from invenio_stats.operations.corrections import read_corrections
from invenio_stats.operations.reclassification import run as module
from invenio_stats.operations.reclassification.outdated_events import Group
from invenio_stats.operations.reclassification.plan import make_plan
from invenio_stats.operations.reclassification.run import is_unfinished, run
from invenio_stats.operations.reclassification.state import Pending, State, write_state
from tests.flow.operations.reclassification.conftest import FIREFOX, NOON, PATTERN, PHONE, clock

pytestmark = pytest.mark.embedded


class Killed(search.exceptions.ConnectionError):
    """The process is killed, or loses its connection, at a request."""


class Fault:
    """Lets requests pass, and kills the one with a number, before or after the engine has done it."""

    def __init__(self, transport, monkeypatch):
        self._perform = transport.perform_request
        self.sent, self.at, self.is_done_first = 0, None, False
        monkeypatch.setattr(transport, "perform_request", self.perform)

    def perform(self, *args, **kwargs):
        self.sent += 1
        if self.at is not None and self.sent == self.at and not self.is_done_first:
            raise Killed("N/A", "killed", None)
        answer = self._perform(*args, **kwargs)
        if self.at is not None and self.sent == self.at:
            raise Killed("N/A", "killed", None)
        return answer

    def set(self, at, is_done_first=False):
        self.sent, self.at, self.is_done_first = 0, at, is_done_first


@pytest.fixture
def fault(search_client, monkeypatch, caplog):
    """Kill requests; searches that were cut off are closed as long as there is an application."""
    yield Fault(search_client.transport, monkeypatch)
    caplog.clear()
    for cut_off in [found for found in gc.get_objects() if type(found) is GeneratorType and found.__name__ == "hits"]:
        cut_off.close()


def run_interrupted(plan, fault, number):
    """Run until the fault; return whether the run came to its end before that request."""
    try:
        run(plan, clock)
        return fault.sent < number
    except (Killed, StatsError):
        return False
    finally:
        fault.set(None)


def test_wherever_it_is_killed_the_next_run_completes_it(
    views, counted, lists, search_client, index_prefix, fault, expect_logged_errors
):
    """At each request in turn, before or after the engine has done it. A correction is there once."""
    views(0, 95, agent=FIREFOX, user="7", count=False)
    views(10, 118, 300, agent=PHONE, user="7")
    people = counted()
    robots = None
    number, is_last = 0, False
    while not is_last:
        number += 1
        lists([PATTERN] if number % 2 else [])
        plan = make_plan(search_client, None, None, clock())
        fault.set(number, is_done_first=number % 4 < 2)
        is_last = run_interrupted(plan, fault, number)
        search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])  # leases expire
        run(make_plan(search_client, None, None, clock()), clock)
        assert not is_unfinished(search_client)
        if number % 2:
            robots = robots or counted()
            assert robots["record-view"] == {"1": 2}
            assert counted() == robots, number
        else:
            assert counted() == people, number
        assert len(read_corrections(search_client)) == number
    assert number > 20


def test_the_log_has_what_an_interrupted_run_of_other_days_has_changed(
    views, counted, lists, search_client, index_prefix, fault, expect_logged_errors
):
    """A range is tried first, and interrupted; then all days are reclassified."""
    views(0, 95, 200, agent=PHONE, count=False)
    views(0, agent=PHONE, start=NOON - timedelta(days=1))
    day = NOON.replace(hour=0)
    number, is_last = 0, False
    while not is_last:
        number += 4
        lists([PATTERN] if number % 8 else [])
        fault.set(None)
        plan = make_plan(search_client, day, day, clock())
        fault.set(number, is_done_first=number % 16 < 8)
        is_last = run_interrupted(plan, fault, number)
        search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])  # leases expire
        run(make_plan(search_client, None, None, clock()), clock)
        logged = read_corrections(search_client)
        found = sum(numbers["views"] for correction in logged for numbers in correction.months.values())
        assert found == (-4 if number % 8 else 0), number
    assert number > 20


def test_one_whose_events_the_engine_has_deleted_meanwhile_comes_to_its_end(views, lists, counted, search_client):
    views(0, 95)
    gone = Pending("record-view", "events-stats-record-view-2026-01-01", [Group("u", "v"), Group(None, None, "id")])
    write_state(search_client, State(clock().isoformat(), "lists", (None, None), {}, {}, gone))
    lists([PATTERN])
    run(make_plan(search_client, None, None, clock()), clock)
    assert not is_unfinished(search_client)
    assert counted()["record-view"] == {}


def test_days_that_the_engine_has_deleted_meanwhile_keep_the_others_from_nothing(
    views, lists, counted, reclassify, search_client, index_prefix, monkeypatch
):
    """Their totals stay as they are: they cannot be counted again."""
    views(0, 95, record="2", start=NOON - timedelta(days=40))
    views(0, 95)

    def killed(*args):
        raise StatsError("killed")

    lists([PATTERN])
    with monkeypatch.context() as patched:
        patched.setattr(module, "recount_events", killed)
        with pytest.raises(StatsError, match="killed"):
            reclassify()
    gone = f"{index_prefix}events-stats-record-view-{NOON - timedelta(days=40):%Y-%m}"
    search_client.indices.delete(index=f"{gone}*")
    FirstCompleteDay(search_client, "record-view").raise_to(NOON - timedelta(days=39))
    reclassify()
    assert not is_unfinished(search_client)
    assert counted()["record-view"] == {"2": 2}
    assert counted()["automated-record-view"] == {"robot": 2}


def test_a_document_that_an_import_has_brought_back_goes_again(
    views, lists, counted, reclassify, search_client, index_prefix, refresh
):
    """The other document of its clicks stays as it is, so that no document is to be written."""
    views(0)
    (old,) = search_client.search(index=f"{index_prefix}events-stats-record-view-*")["hits"]["hits"]
    lists([PATTERN])
    reclassify()
    search_client.index(index=old["_index"], id=old["_id"], body=old["_source"])
    refresh()
    reclassify()
    assert counted()["record-view"] == {}
    assert counted()["automated-record-view"] == {"robot": 1}
    refresh()
    assert search_client.count(index=f"{index_prefix}events-stats-record-view-*")["count"] == 1


def test_one_runs_at_a_time(views, lists, counted, search_client, monkeypatch):
    """Were one of two killed, the other would not know what it has left."""
    views(0, 95)
    lists([PATTERN])
    recount, refused = module.recount_events, []

    def meanwhile(*args):
        with pytest.raises(StatsError, match=r"at work.*If it was killed, wait for \d+ seconds") as caught:
            run(make_plan(search_client, None, None, clock()), clock)
        refused.append(caught.value)
        recount(*args)

    with monkeypatch.context() as patched:
        patched.setattr(module, "recount_events", meanwhile)
        run(make_plan(search_client, None, None, clock()), clock)
    assert len(refused) == 1
    assert counted()["record-view"] == {}
    lists()
    run(make_plan(search_client, None, None, clock()), clock)
    assert counted()["record-view"] == {"1": 2}
