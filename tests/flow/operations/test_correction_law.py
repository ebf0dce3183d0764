"""Reclassification, exclusion, late events and kills in any order: totals equal a plain count of what counts."""

from collections import defaultdict
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.errors import StatsError
from invenio_stats.operations.exclusions import Selection, exclude_events, include_events
from invenio_stats.operations.reclassification.plan import make_plan
from invenio_stats.operations.reclassification.run import run
from invenio_stats.operations.runner import aggregate_one
from invenio_stats.privacy.user_agents import cache
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification import test_interruptions as interruptions
from tests.flow.operations.reclassification.conftest import FIREFOX, NOON, PATTERN, PHONE, clock
from tests.laws import examples

views, counted, lists, aggregations_config, fault = (
    reclassification.views,
    reclassification.counted,
    reclassification.lists,
    reclassification.aggregations_config,
    interruptions.fault,
)
NAMES = ("record-view-agg", "item-usage-agg", "record-usage-agg")
WINDOW = 30

seen = st.tuples(
    st.just("see"), st.integers(0, 100), st.sampled_from([PHONE, FIREFOX]), st.sampled_from("78"), st.sampled_from("12")
)
turns = st.tuples(st.just("turn"), st.booleans())
kills = st.tuples(st.just("kill"), st.integers(1, 130))
decisions = st.tuples(st.sampled_from(["exclude", "include"]), st.sampled_from("12"))
steps = st.lists(st.one_of(seen, seen, seen, turns, kills, decisions), min_size=3, max_size=9)


class Model:
    """A plain count: all clicks with what is known of them now."""

    def __init__(self):
        self.clicks = set()
        self.is_robot = False

    def counts(self):
        """Return the number of views by record: of each chain of a person, the last one."""
        moments = defaultdict(set)
        for second, agent, user, record in self.clicks:
            if agent != PHONE or not self.is_robot:
                moments[record, user].add(second)
        found = defaultdict(int)
        for (record, _user), seconds in moments.items():
            ordered = [*sorted(seconds), float("inf")]
            found[record] += sum(after - at > WINDOW for at, after in zip(ordered, ordered[1:], strict=False))
        return dict(found)


class Site:
    """Does the steps, and counts plainly."""

    def __init__(self, views, lists, client, locks, fault):
        self.views, self.lists, self.client, self.locks, self.fault = views, lists, client, locks, fault
        self.model, self.excluded, self.kill_at = Model(), set(), None

    def see(self, second, agent, user, record):
        if record not in self.excluded:  # what joins an excluded document is a matter of its own test
            self.views(second, agent=agent, user=user, record=record, count=False)
            self.model.clicks.add((second, agent, user, record))

    def turn(self, is_robot):
        self.model.is_robot = is_robot
        self.lists([PATTERN] if is_robot else [])
        self.attempt(lambda: run(make_plan(self.client, None, None, clock()), clock))

    def kill(self, number):
        self.kill_at = number

    def exclude(self, record):
        self.excluded.add(record)
        self.attempt(lambda: exclude_events(self.client, Selection(NOON.date(), record), "", clock()))

    def include(self, record):
        self.excluded.discard(record)
        self.attempt(lambda: include_events(self.client, Selection(NOON.date(), record), "", clock()))

    def attempt(self, work):
        """Do it; if it is to be killed, it is killed, and done again when its leases have expired."""
        if self.kill_at is not None:
            self.fault.set(self.kill_at, is_done_first=bool(self.kill_at % 2))
            with suppress(interruptions.Killed, StatsError):
                work()
            self.fault.set(None)
            self.kill_at = None
            self.client.indices.delete(index=self.locks, ignore=[404])
        work()


@pytest.mark.usefixtures("expect_logged_errors")
@examples(0.2)
@given(steps)
def test_totals_equal_a_plain_count(views, counted, lists, search_client, index_prefix, fault, steps):
    search_client.indices.delete(index=f"{index_prefix}*", ignore=[404])
    cache._noted.clear()
    lists()
    site = Site(views, lists, search_client, f"{index_prefix}stats-locks", fault)
    for step, *values in steps:
        getattr(site, step)(*values)
    for name in NAMES:
        aggregate_one(name)
    model, found = site.model.counts(), counted()
    expected = {record: count for record, count in model.items() if count and record not in site.excluded}
    assert found["record-view"] == expected, steps
    assert found["item-usage"] == expected
    assert found["record-usage"] == {f"parent of {record}": count for record, count in expected.items()}
