"""How complete an answer is: six cases, and what a web process may remember."""

from datetime import date, timedelta

import pytest

from invenio_stats.completeness import answers
from invenio_stats.completeness.answers import answer_state, fresh_answer_state
from invenio_stats.completeness.gaps import find_gaps
from invenio_stats.core.gaps import Gap
from invenio_stats.core.moments import parse
from tests.flow.completeness.weeks import DAY, EVENT, fill

AGGREGATION = "record-view-agg"


@pytest.fixture
def state(app, clock):
    """Return the state of an answer now."""
    return lambda first, last: fresh_answer_state([AGGREGATION], first, last, clock.now)


@pytest.fixture
def count(raw, aggregator, clock):
    """Count, and find gaps, now."""

    def count():
        aggregator().run()
        raw.client.indices.refresh(index=f"{raw.prefix}*")
        find_gaps(raw.client, EVENT, {}, clock.now)

    return count


@pytest.fixture
def counted(raw, clock, count):
    """Events from January 19th to March 19th, but for Wednesday, March 18th; it is noon of the 20th."""
    fill(raw)
    count()


def test_all_well(counted, state, clock):
    found = state(date(2026, 2, 1), date(2026, 3, 17))
    assert found[:3] == (clock.now, True, [])


def test_a_silent_weekday(counted, state):
    found = state(date(2026, 3, 1), date(2026, 3, 31))
    assert (found.complete, found.gaps) == (False, [Gap(DAY, DAY, EVENT, "silent")])


def test_a_stopped_worker_and_one_that_has_caught_up(raw, counted, state, clock, count):
    at = clock.now
    clock.forward(days=3)
    assert state(date(2026, 3, 19), date(2026, 3, 19)).complete
    assert state(date(2026, 3, 19), None)[:3] == (at, False, [])
    fill(raw, last=date(2026, 3, 22), days=3)
    count()
    assert state(date(2026, 3, 19), None)[:3] == (clock.now, True, [])


def test_the_first_day_inside(counted, state):
    found = state(date(2026, 1, 1), date(2026, 2, 28))
    assert found.gaps == [Gap(date(2026, 1, 1), date(2026, 1, 18), EVENT, "before_first_day")]
    assert not found.complete
    assert not state(date(2025, 1, 1), date(2025, 12, 31)).complete
    assert state(None, date(2026, 2, 28)).complete


def test_raw_events_deleted_by_retention(raw, counted, state, clock, count):
    raw.client.indices.delete(index=f"{raw.prefix}events-stats-{EVENT}-2026-01")
    raw.client.indices.delete(index=f"{raw.prefix}events-stats-{EVENT}-2026-02")
    clock.forward(hours=1)
    count()
    assert state(date(2026, 1, 20), date(2026, 3, 17))[:3] == (clock.now, True, [])


def test_the_running_month(counted, state):
    """Of today nothing is said, and of days to come."""
    assert state(date(2026, 3, 19), date(2026, 3, 31)).complete
    assert state(date(2026, 3, 20), date(2026, 3, 31)).complete
    assert state(date(2027, 1, 1), None).complete


def test_yesterday_is_complete_after_the_first_run_of_today(raw, counted, state, aggregator, clock):
    clock.now = parse("2026-03-21T00:10:00")
    assert not state(date(2026, 3, 20), None).complete
    aggregator().run()
    assert state(date(2026, 3, 20), None).complete


def test_what_was_never_counted_is_not_complete(app, put_templates, clock):
    found = fresh_answer_state([AGGREGATION, "file-download-agg"], date(2026, 3, 1), None, clock.now)
    assert found[:3] == (None, False, [])


def test_the_oldest_bookmark_counts(counted, clock):
    found = fresh_answer_state([AGGREGATION, "file-download-agg"], date(2026, 3, 19), None, clock.now)
    assert found[:3] == (None, False, [])


def test_it_is_one_request_and_none_for_ten_seconds(counted, requests, clock, monkeypatch, app):
    app.extensions.pop("invenio-stats-completeness", None)
    seconds = [1000.0]
    monkeypatch.setattr(answers, "monotonic", lambda: seconds[0])

    def ask(*aggregations):
        requests.clear()
        found = answer_state(aggregations, date(2026, 3, 19), None, clock.now)
        return found, dict(requests)

    first, sent = ask(AGGREGATION)
    assert sent == {"_mget": 1}
    assert ask(AGGREGATION) == (first, {})
    assert ask(AGGREGATION, "file-download-agg")[1] == {}  # all that are configured are read together
    assert ask("of-another-release-agg")[1] == {"_mget": 1}
    seconds[0] += 9.9
    assert ask("file-download-agg")[1] == {}
    seconds[0] += 0.2
    assert ask(AGGREGATION, "file-download-agg")[1] == {"_mget": 1}


def test_what_is_remembered_is_never_older_than_its_revision(raw, counted, aggregator, clock, monkeypatch, app):
    """The bookmark is read later than the revision; when the revision is read anew, so is the bookmark."""
    app.extensions.pop("invenio-stats-completeness", None)
    seconds = [2000.0]
    monkeypatch.setattr(answers, "monotonic", lambda: seconds[0])

    def ask(aggregation=AGGREGATION):
        return answer_state([aggregation], date(2026, 3, 19), None, clock.now)

    ask("file-download-agg")
    seconds[0] += 5
    before = ask()
    clock.forward(hours=1)
    aggregator().run()
    assert ask() == before
    seconds[0] += 5
    after = ask()
    assert after.revision > before.revision
    assert after.updated == before.updated + timedelta(hours=1)


def test_what_is_found_out_of_totals_is_kept_until_the_revision_is_another(
    counted, aggregator, clock, monkeypatch, app
):
    app.extensions.pop("invenio-stats-completeness", None)
    seconds = [3000.0]
    monkeypatch.setattr(answers, "monotonic", lambda: seconds[0])
    found = iter(range(10))

    def look():
        return answers.keep_while_unchanged("fact", lambda: next(found))

    assert [look(), look()] == [0, 0]
    seconds[0] += 11
    assert look() == 0
    clock.forward(hours=1)
    aggregator().run()
    assert look() == 0  # within ten seconds
    seconds[0] += 11
    assert look() == 1


def test_without_a_revision_nothing_is_kept_for_long(app, put_templates, search_client, index_prefix, monkeypatch):
    """Totals that another release writes do not raise it."""
    search_client.indices.delete(index=f"{index_prefix}stats-completeness", ignore=[404])
    app.extensions.pop("invenio-stats-completeness", None)
    seconds = [4000.0]
    monkeypatch.setattr(answers, "monotonic", lambda: seconds[0])
    found = iter(range(10))
    assert answers.keep_while_unchanged("fact", lambda: next(found)) == 0
    seconds[0] += 11
    assert answers.keep_while_unchanged("fact", lambda: next(found)) == 1


def test_the_first_day_is_known(counted, app):
    app.extensions.pop("invenio-stats-completeness", None)
    assert answers.known_first_day(AGGREGATION) == parse("2026-01-19T00:00:00")
    assert answers.known_first_day("file-download-agg") is None
