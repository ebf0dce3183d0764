"""Expiry, reclassification, exclusion, late events, rebuilds, counting and kills in any order.

Totals equal a plain count of what counts; those of months whose events were deleted stay as they were before.
"""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from invenio_search.engine import search

from invenio_stats import aggregations, processors
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.intervals import after
from invenio_stats.core.retention import find_deadline
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import RebuildError, StatsError
from invenio_stats.operations import runner
from invenio_stats.operations.exclusions import Selection, exclude_events, include_events
from invenio_stats.operations.reclassification.plan import make_plan
from invenio_stats.operations.reclassification.run import run
from invenio_stats.operations.retention.deletion import expire
from invenio_stats.operations.retention.groups import find_groups
from invenio_stats.operations.verification.rebuild import begin
from invenio_stats.privacy.user_agents import cache
from invenio_stats.proxies import current_stats
from tests.fixtures.months import Killed
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import FIREFOX, PATTERN, PHONE
from tests.flow.operations.test_correction_law import Model
from tests.laws import examples

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(1800)]

views, lists, aggregations_config = (
    reclassification.views,
    reclassification.lists,
    reclassification.aggregations_config,
)

STARTS = [find_deadline(datetime.now(timezone.utc), months) for months in (3, 2)]
"""The month before the last one, which has one index, and the last one, which has daily indices."""
NOONS = [start + timedelta(days=4, hours=12) for start in STARTS]
TOTALS = {
    "stats-record-view": ("pid_value", "count"),
    "stats-item-usage": ("item_id", "views"),
    "stats-record-usage": ("parent_id", "views"),
    "stats-usage-breakdown": None,
    "stats-automated-record-view": None,
}
"""By alias, the fields with the thing and its number; None for totals that must only not change after the deletion."""

months = st.integers(0, 1)
seen = st.tuples(
    st.just("see"),
    months,
    st.integers(0, 100),
    st.sampled_from([PHONE, FIREFOX]),
    st.sampled_from("78"),
    st.sampled_from("12"),
)
counts = st.tuples(st.just("count"))
turns = st.tuples(st.just("turn"), st.booleans())
decisions = st.tuples(st.sampled_from(["exclude", "include"]), months, st.sampled_from("12"))
rebuilds = st.tuples(st.just("rebuild"), months, st.sampled_from(["record-view-agg", "item-usage-agg"]))
expiries = st.tuples(st.just("expire"), months, st.booleans())
kills = st.tuples(st.just("kill"), st.integers(1, 150), st.booleans(), st.booleans())
steps = st.lists(
    st.one_of(seen, seen, seen, counts, turns, decisions, rebuilds, expiries, expiries, kills), min_size=4, max_size=12
)


class Site:
    """Does the steps, and counts plainly: by month what counts, and what counted when its events were deleted."""

    def __init__(self, views, lists, client, prefix, clock, requests_sent):
        self.views, self.lists, self.client, self.prefix = views, lists, client, prefix
        self.clock, self.requests_sent, self.cut = clock, requests_sent, None
        self.models, self.excluded = [Model(), Model()], set()
        self.frozen, self.documents = {}, {}

    def see(self, month, second, agent, user, record):
        """A late event if its month was counted; it is refused if events of the month were deleted."""
        if (month, record) in self.excluded:
            return
        self.views(second, agent=agent, user=user, record=record, start=NOONS[month], count=False)
        if month not in self.frozen:
            self.models[month].clicks.add((second, agent, user, record))

    def count(self):
        self.attempt(count_all)

    def turn(self, is_robot):
        for model in self.models:
            model.is_robot = is_robot
        self.lists([PATTERN] if is_robot else [])
        self.attempt(lambda: run(make_plan(self.client, None, None, self.now()), self.now))

    def exclude(self, month, record):
        self.decide(exclude_events, self.excluded.add, month, record)

    def include(self, month, record):
        self.decide(include_events, self.excluded.discard, month, record)

    def decide(self, do, note, month, record):
        """Decide about a day; without its events nobody can."""
        selection = Selection(NOONS[month].date(), record)

        def work():
            do(self.client, selection, "", self.now())

        if month in self.frozen:
            with pytest.raises(StatsError, match="first day with all raw events"):
                work()
        else:
            note((month, record))
            self.attempt(work)

    def rebuild(self, month, name):
        def work():
            for aggregator in make_aggregators(name).values():
                rebuild = begin(aggregator, STARTS[month], after(STARTS[month], "month") - timedelta(days=1))
                for _difference in rebuild.differences():
                    pass
                if rebuild.run().failed:
                    raise StatsError(f"{name} could not be rebuilt")

        with suppress(RebuildError):  # events were deleted, or there are none at all
            self.attempt(work)

    def expire(self, month, is_counted):
        """Delete the events of a month and those before, if everything is counted."""
        if is_counted:
            for _ in range(2):  # what the second finds was stored, as it knows, before the first
                self.clock.forward(minutes=10)
                count_all()
        due = {other for other in range(month + 1) if self.models[other].clicks}
        groups = [group for group in find_groups() if "record-view" in group.event_types]
        self.attempt(lambda: [expire(self.client, group, after(STARTS[month], "month"), self.now) for group in groups])
        self.freeze()
        assert not is_counted or due <= {*self.frozen}

    def freeze(self):
        """Keep what counted in the months whose events are gone, or may be."""
        day = FirstCompleteDay(self.client, "record-view").get()
        for month, noon in enumerate(NOONS):
            if month not in self.frozen and day is not None and day > noon:
                self.frozen[month] = self.expected(month)
                self.documents[month] = self.totals_of(month)

    def kill(self, number, is_answer_lost, goes_on):
        """End the next work at one of its requests: the process is gone, or has to do with an error."""
        error = search.exceptions.ConnectionError("N/A", "gone", OSError("gone")) if goes_on else None
        self.cut = (number, is_answer_lost, error)

    def attempt(self, work):
        """Do it; if it is to be ended, it is ended, and done again when its leases have expired."""
        if self.cut is not None:
            self.requests_sent.cut(*self.cut)
            self.cut = None
            with suppress(Killed, StatsError, search.exceptions.TransportError):
                work()
            self.requests_sent.mend()
            self.clock.forward(minutes=10)
        work()

    def expected(self, month):
        """Return the plain count of a month by record."""
        if month in self.frozen:
            return self.frozen[month]
        found = self.models[month].counts()
        return {record: count for record, count in found.items() if count and (month, record) not in self.excluded}

    def now(self):
        return self.clock.now

    def totals_of(self, month):
        """Return the totals of a month, without the moments at which they were written."""
        self.client.indices.refresh(index=f"{self.prefix}stats-*", ignore_unavailable=True)
        found = {}
        for alias in TOTALS:
            body = {"size": 1000}
            answer = self.client.search(index=f"{self.prefix}{alias}", body=body, ignore_unavailable=True)
            for hit in answer["hits"]["hits"]:
                total = {name: value for name, value in hit["_source"].items() if name != "updated_timestamp"}
                if total["timestamp"].startswith(f"{NOONS[month]:%Y-%m}"):
                    found[alias, hit["_id"]] = total
        return found

    def sums(self, month):
        """Return the numbers of a month by alias and thing."""
        found = {alias: Counter() for alias, fields in TOTALS.items() if fields}
        for (alias, _id), total in self.totals_of(month).items():
            if alias in found:
                thing, number = TOTALS[alias]
                found[alias][total[thing].removeprefix("parent of ")] += total[number]
        return found


def count_all():
    for name in current_stats.aggregations:
        for result in runner.aggregate_with_automated(name).values():
            if isinstance(result, dict):
                raise StatsError(f"{name} could not be counted: {result}")


@pytest.fixture
def clock(clock, monkeypatch):
    """Return the clock of runs, which is that of processors, too."""
    monkeypatch.setattr(processors, "datetime", aggregations.datetime)
    return clock


@pytest.mark.usefixtures("expect_logged_errors")
@examples(0.1)
@example(
    [
        *(("see", 0, 0, PHONE, "7", "1"), ("see", 0, 40, FIREFOX, "7", "1"), ("see", 1, 0, FIREFOX, "8", "2")),
        *(("count",), ("turn", True), ("exclude", 1, "2"), ("kill", 60, True, False), ("expire", 0, True)),
        *(("see", 0, 90, FIREFOX, "8", "1"), ("see", 1, 9, FIREFOX, "8", "1"), ("turn", False), ("include", 1, "2")),
        *(("exclude", 0, "1"), ("rebuild", 0, "item-usage-agg"), ("rebuild", 1, "record-view-agg")),
        *(("kill", 30, False, True), ("expire", 1, True), ("see", 1, 70, FIREFOX, "7", "2")),
    ]
)
@given(steps)
def test_totals_equal_a_plain_count_and_never_shrink(
    views, lists, search_client, index_prefix, clock, requests_sent, steps
):
    search_client.indices.delete(index=f"{index_prefix}*", ignore=[404])
    cache._noted.clear()
    lists()
    clock.now = datetime.now(timezone.utc)
    site = Site(views, lists, search_client, index_prefix, clock, requests_sent)
    for step, *values in steps:
        clock.forward(seconds=1)
        getattr(site, step)(*values)
        for month, documents in site.documents.items():
            assert site.totals_of(month) == documents, (step, values)
    count_all()
    for month in range(len(NOONS)):
        for alias, found in site.sums(month).items():
            assert found == site.expected(month), (alias, month)
        assert site.totals_of(month) == site.documents.get(month, site.totals_of(month))
