"""Two runs take turns at single requests and may be killed at any of them, while events arrive and change."""

import threading
from contextvars import ContextVar
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invenio_stats.aggregations import StatAggregator
from invenio_stats.errors import StatsError
from tests.flow.totals.test_recount_law import recount
from tests.laws import examples

DAYS = ("2026-03-09", "2026-03-10")
LAW = examples(1)
STEP = 70
"""Seconds between two steps: longer than what a bookmark goes back."""
LONGEST = 10
"""Seconds that a request may take before the test gives up."""

who = st.sampled_from("ab")
events = st.tuples(st.just("event"), st.sampled_from(DAYS), st.just("x"), st.sampled_from("12"))
flags = st.tuples(st.just("flag"), st.integers(0, 3), st.sampled_from(["superseded", "is_robot"]), st.booleans())
moves = st.tuples(st.just("move"), who, st.integers(1, 12))
kills = st.tuples(st.just("kill"), who, st.sampled_from(["unsent", "unanswered"]))
ends = st.tuples(st.just("end"), who)

EVENT = ("event", DAYS[1], "x", "1")
OVERTAKEN = [EVENT, ("move", "a", 10), EVENT, ("move", "b", 1), ("end", "b"), ("end", "a")]
"""A run has counted and stands still; another counts more; then the first goes on."""


class Killed(BaseException):
    """Ends a run as a signal would: nothing after it is done."""


class Run(threading.Thread):
    """A run that waits before each of its requests until it is let on."""

    def __init__(self, app, aggregate):
        super().__init__(daemon=True)
        self.app, self.aggregate = app, aggregate
        self.fate = None
        self.is_over = False
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self.start()
        self._wait()

    def run(self):
        here.set(self)
        try:
            with self.app.app_context():
                self.aggregate()
        except (Killed, StatsError):
            pass
        finally:
            self.is_over = True
            self._stands.release()

    def move(self, fate=None):
        """Let it send its next request; `fate` kills it before, or after with its answer lost."""
        if not self.is_over:
            self.fate = fate
            self._go.release()
            self._wait()

    def request(self, perform):
        self._stands.release()
        assert self._go.acquire(timeout=LONGEST)
        if self.fate == "unsent":
            raise Killed
        answer = perform()
        if self.fate == "unanswered":
            raise Killed
        return answer

    def _wait(self):
        assert self._stands.acquire(timeout=LONGEST)


here: ContextVar[Run | None] = ContextVar("here", default=None)
"""The run that this thread, or one that it has started, works for."""


@pytest.fixture
def in_turns(search_client, monkeypatch):
    """Make the requests of a Run wait for their turn."""
    perform = search_client.transport.perform_request

    def request(*args, **kwargs):
        run = here.get()
        if run is None:
            return perform(*args, **kwargs)
        return run.request(lambda: perform(*args, **kwargs))

    monkeypatch.setattr(search_client.transport, "perform_request", request)


class Scene:
    """Raw events that come and change, and two runs, `a` and `b`."""

    def __init__(self, start, raw):
        self.raw = raw
        self.start = start
        self.runs = {}
        self.refs = [raw.put(day, "x", session, size=1) for day in DAYS for session in "12"]

    def event(self, *where):
        self.refs.append(self.raw.put(*where, size=1))

    def flag(self, number, flag, value):
        self.raw.change(self.refs[number % len(self.refs)], **{flag: value})

    def move(self, name, times):
        if name not in self.runs or self.runs[name].is_over:
            self.runs[name] = self.start()
        for _ in range(times):
            self.runs[name].move()

    def end(self, name):
        while name in self.runs and not self.runs[name].is_over:
            self.runs[name].move()

    def kill(self, name, fate):
        if name in self.runs:
            self.runs[name].move(fate)

    def calm(self):
        """Let both runs come to their end, in turns."""
        while any(not run.is_over for run in self.runs.values()):
            for run in self.runs.values():
                run.move()


@pytest.fixture
def perform(app, raw, aggregator, stored_totals, index_prefix, clock, search_client, in_turns, monkeypatch):
    """Return a function that does such steps, ends all runs, makes a quiet one, and gives the totals and a recount.

    Nothing is read twice for safety, so that the bookmark alone has to be right.
    """
    monkeypatch.setattr(StatAggregator, "overlap", timedelta())
    monkeypatch.setattr("invenio_stats.totals.leases.EVENTS_PER_CLAIM", 1)
    monkeypatch.setattr("invenio_stats.totals.leases._MAX_PAUSE_SECONDS", 0)

    def act(steps, lease=120):
        monkeypatch.setitem(app.config, "STATS_LEASE_SECONDS", lease)
        search_client.indices.delete(index=f"{index_prefix}*")
        scene = Scene(lambda: Run(app, lambda: aggregator().run()), raw)
        aggregator().run()
        for kind, *step in steps:
            clock.forward(seconds=STEP)
            getattr(scene, kind)(*step)
        scene.calm()
        clock.forward(seconds=lease + 1)
        aggregator().run()
        documents = [search_client.get(**ref)["_source"] for ref in scene.refs]
        totals = {name: (total["count"], total["unique_count"]) for name, total in stored_totals().items()}
        return totals, {document_id: numbers[:2] for document_id, numbers in recount(documents).items()}

    return act


@LAW
@given(steps=st.lists(st.one_of(events, flags, moves, moves, ends, kills), max_size=20))
def test_after_a_quiet_run_totals_equal_a_recount(perform, steps):
    totals, expected = perform(steps, lease=1_000_000)
    assert totals == expected


@LAW
@given(steps=st.lists(st.one_of(events, flags, moves, moves, ends), max_size=20))
@example(steps=OVERTAKEN)
def test_so_they_do_after_runs_that_stood_still_for_too_long(perform, steps):
    totals, expected = perform(steps)
    assert totals == expected
