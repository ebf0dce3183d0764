"""A close or a restatement that stops at any request to the engine: the next one ends with the right month."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from invenio_search.engine import search as engine

from invenio_stats.core import names
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.counter.closing.month_lease import MonthLease
from invenio_stats.counter.closing.restatement_log import note_restatements
from invenio_stats.counter.closing.usage_indices import list_indices
from invenio_stats.errors import MonthBusyError, MonthUnfinishedError, StatsError
from invenio_stats.operations import runner
from invenio_stats.operations.corrections import read_corrections
from tests.fixtures import counter_usage
from tests.fixtures.months import Killed, Requests
from tests.flow.counter.test_closing import JANUARY

pytestmark = pytest.mark.embedded

RESTATED = {**JANUARY, ("i2", "Open", "Regular", "", ""): ("Dataset", "2021", 2, 1, 2, 1)}
ANSWERS = [pytest.param(False, id="request lost"), pytest.param(True, id="answer lost")]


class CountedRequests(Requests):
    """Requests, with something else that happens before one of them."""

    was_reached = False

    def at(self, number, do):
        """Have `do(number)` called before a request; None for nothing."""
        self.before = None
        if do is None:
            return
        self.number, self.was_reached = 0, False

        def before():
            if self.number == number:
                self.was_reached = True
                do(number)

        self.before = before


@pytest.fixture
def requests_sent(search_client, monkeypatch):
    sent = CountedRequests(search_client, monkeypatch)
    yield sent
    sent.at(0, None)
    sent.mend()


@pytest.fixture
def recount():
    """Return `recount()`: count the usage of items that has changed."""
    return lambda: runner.aggregate_one("item-usage-agg")


@pytest.fixture
def january(two_months, clock):
    """It is February: January alone is due."""
    clock.now = parse("2026-02-20T12:00:00")


@pytest.fixture
def forget(search_client, index_prefix):
    """Return `forget()`: have no month closed."""

    def delete():
        search_client.indices.delete(index=f"{index_prefix}{names.COUNTER_PREFIX}*", ignore=[404])

    return delete


@pytest.fixture
def behind_alias(search_client, index_prefix):
    """Return `behind_alias()`: the indices behind `stats-counter-usage`, without the prefix."""

    def read():
        found = search_client.indices.get_alias(name=f"{index_prefix}{names.COUNTER_USAGE}")
        return sorted(index.removeprefix(index_prefix).rpartition("-")[0] for index in found)

    return read


def noted(client):
    """Return the corrections by restatements, the latest first."""
    found = [line for line in read_corrections(client) if line.kind == "restatement"]
    return [(iso_zoned(line.timestamp), line.summary, line.months) for line in found]


def restatements_of(month):
    """Return the corrections that the log of a month tells of, the latest first."""
    return [
        (
            entry["at"],
            f"Revision {entry['revision']} of {month.month}: {entry['reason']}",
            {month.month: entry["difference"]},
        )
        for entry in reversed(month.log)
        if entry["revision"] > 1
    ]


@pytest.mark.parametrize("is_answer_lost", ANSWERS)
def test_a_close_that_is_killed(
    january, work, close, usage_of, clock, requests_sent, forget, behind_alias, is_answer_lost
):
    """Readers see each month whole or not at all; 0 s later another close gives up, an hour later it finishes."""
    work()
    for number in count(1):
        forget()
        requests_sent.cut(number, is_answer_lost)
        with suppress(Killed):
            close()
        was_cut = requests_sent.mend()
        assert usage_of("2026-01") in (None, JANUARY)
        clock.forward(hours=1)
        close()
        assert usage_of("2026-01") == JANUARY
        assert behind_alias() == ["stats-counter-usage-2026-01-r1"]
        if not was_cut:
            break
    assert number > 30


@pytest.mark.parametrize("is_answer_lost", ANSWERS)
def test_a_restatement_that_is_killed(
    january,
    work,
    recount,
    close,
    restated,
    usage_of,
    clock,
    requests_sent,
    behind_alias,
    search_client,
    usage,
    is_answer_lost,
):
    """Readers see the revision before or the new one; that of a reader who began before is still there."""
    work()
    close()
    late = usage.view("i2", "2026-01-10", "late", is_robot=True)
    clock.forward(hours=1)
    work()
    states, before = {False: JANUARY, True: RESTATED}, JANUARY
    for number in count(1):
        is_counted = before == JANUARY
        usage.change(late, is_robot=not is_counted)
        recount()
        known = counter_usage.read_month(search_client, "2026-01")
        requests_sent.cut(number, is_answer_lost)
        with suppress(Killed):
            restated("2026-01")
        was_cut = requests_sent.mend()
        after = states[is_counted]
        seen = counter_usage.read_month(search_client, "2026-01")
        assert usage_of("2026-01") == (before if seen.revision == known.revision else after)
        assert counter_usage.read_revision(search_client, "2026-01", known.revision) == before
        clock.forward(hours=1)
        restated("2026-01")
        assert usage_of("2026-01") == after
        month = counter_usage.read_month(search_client, "2026-01")
        assert [entry["revision"] for entry in month.log] == list(range(1, month.revision + 1))
        assert noted(search_client) == restatements_of(month)
        revisions = [known.revision.number for known in list_indices(search_client, "2026-01")]
        assert revisions == [month.revision - 1, month.revision]
        assert f"stats-counter-usage-2026-01-r{month.revision}" in behind_alias()
        assert len(behind_alias()) == 1
        before = after
        if not was_cut:
            break
    assert number > 25


def test_a_restatement_that_is_killed_before_it_is_noted(
    january, work, close, restated, clock, requests_sent, search_client
):
    """What the task does, once or twice, notes it once."""
    work()
    close()
    revisions = set()
    for number in count(1):
        clock.forward(hours=1)
        requests_sent.cut(number, False)
        with suppress(Killed):
            restated("2026-01")
        was_cut = requests_sent.mend()
        month = counter_usage.read_month(search_client, "2026-01")
        revisions.add((len(noted(search_client)), month.revision))
        for _ in range(2):
            note_restatements(search_client, [month])
            assert noted(search_client) == restatements_of(month)
        if not was_cut:
            break
    assert any(written < revision - 1 for written, revision in revisions)


def test_a_restatement_that_cannot_be_noted_is_made(
    january, work, close, restated, requests_sent, search_client, caplog, expect_logged_errors
):
    """Whoever repeats the command because of an error would make another revision."""
    work()
    close()
    restated("2026-01", "the first")
    requests_sent.number = 0
    restated("2026-01", "the second")
    error = engine.exceptions.ConnectionError("N/A", "gone", OSError("gone"))
    requests_sent.cut(requests_sent.number, False, error)
    assert restated("2026-01", "the third").revision == 4
    requests_sent.mend()
    assert "Restatements could not be noted" in caplog.text
    month = counter_usage.read_month(search_client, "2026-01")
    assert len(noted(search_client)) == 2
    note_restatements(search_client, [month])
    assert noted(search_client) == restatements_of(month)


@pytest.mark.parametrize("error", [ConnectionError("lost"), RuntimeError("unexpected")], ids=str)
def test_a_close_of_which_one_request_fails(
    january, work, close, usage_of, requests_sent, forget, behind_alias, clock, error
):
    """A process that lives on leaves the month to the next one at once, if only the engine answers it."""
    work()
    for number in count(1):
        forget()
        requests_sent.cut(number, False, error)
        with suppress(type(error)):
            close()
        was_cut = requests_sent.mend()
        assert usage_of("2026-01") in (None, JANUARY)
        try:
            close()
        except MonthBusyError:  # it could not even end its lease
            clock.forward(hours=1)
            close()
        assert usage_of("2026-01") == JANUARY
        if not was_cut:
            break
    assert number > 30


def test_of_two_closes_at_once_one_gives_up(january, work, close, usage_of, requests_sent, forget):
    """Before any request of the first, a second one begins: it gives up, or the first one does."""
    work()
    ends = Counter()

    def second(number):
        requests_sent.at(number, None)
        try:
            ends["closed" if close() else "nothing to do"] += 1
        except MonthBusyError:
            ends["busy"] += 1

    for number in count(1):
        forget()
        requests_sent.at(number, second)
        try:
            close()
        except (MonthBusyError, MonthUnfinishedError):
            ends["gave up"] += 1
        assert usage_of("2026-01") == JANUARY
        if not requests_sent.was_reached:
            break
    assert ends.keys() >= {"closed", "busy", "nothing to do"}
    assert number > 20


def test_a_process_whose_clock_was_wrong_keeps_nobody_away(january, work, close, usage_of, search_client, clock):
    """It was killed after it had taken the lease, at what it thought was another year."""
    work()
    MonthLease(search_client, "2026-01", timedelta(seconds=120), lambda: parse("2031-01-01T00:00:00"))
    close()
    assert usage_of("2026-01") == JANUARY


def test_a_process_that_sleeps_longer_than_its_lease(
    january, work, recount, close, usage_of, requests_sent, forget, clock, usage, search_client, behind_alias
):
    """Whatever it does when it wakes up, the month is the one that another process has closed meanwhile.

    That one has counted an event more, so each write of the sleeper would show.
    """
    late = usage.view("i2", "2026-01-10", "late", is_robot=True)
    work()

    def meanwhile(number):
        requests_sent.at(number, None)
        clock.forward(hours=1)
        usage.change(late, is_robot=False)
        recount()
        close()

    for number in count(1):
        forget()
        usage.change(late, is_robot=True)
        recount()
        requests_sent.at(number, meanwhile)
        with suppress(StatsError, engine.exceptions.TransportError):
            close()
        if not requests_sent.was_reached:
            break
        assert usage_of("2026-01") == RESTATED
        assert len(counter_usage.read_month(search_client, "2026-01").log) == 1
        assert behind_alias() == ["stats-counter-usage-2026-01-r1"]
    assert number > 20
