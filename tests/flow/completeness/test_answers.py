"""How complete an answer is: six cases, and what a web process may remember."""

from datetime import date, timedelta

import pytest

from invenio_stats.completeness import answers
from invenio_stats.completeness.answers import answer_state, fresh_answer_state
from invenio_stats.completeness.gaps import find_gaps
from invenio_stats.core.gaps import Gap
from invenio_stats.core.moments import parse
from invenio_stats.queries.states import revision_state
from invenio_stats.search.aliases import fetch_closed
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


def test_it_is_two_requests_and_none_for_ten_seconds(counted, requests, clock, monkeypatch, app):
    app.extensions.pop("invenio-stats-completeness", None)
    seconds = [1000.0]
    monkeypatch.setattr(answers, "monotonic", lambda: seconds[0])

    def ask(*aggregations):
        requests.clear()
        found = answer_state(aggregations, date(2026, 3, 19), None, clock.now)
        return found, dict(requests)

    first, sent = ask(AGGREGATION)
    assert sent == {"_mget": 1, "_alias": 1}  # the documents, and which indices of totals are closed
    assert ask(AGGREGATION) == (first, {})
    assert ask(AGGREGATION, "file-download-agg")[1] == {}  # all that are configured are read together
    assert ask("of-another-release-agg")[1] == {"_mget": 1}
    seconds[0] += 9.9
    assert ask("file-download-agg")[1] == {}
    seconds[0] += 0.2
    assert ask(AGGREGATION, "file-download-agg")[1] == {"_mget": 1, "_alias": 1}


@pytest.fixture
def close(raw, search_client):
    """Yield a function that closes an index until the end of the test."""
    closed = []

    def close(name):
        closed.append(f"{raw.prefix}{name}")
        search_client.indices.close(index=closed[-1])
        return closed[-1]

    yield close
    for index in closed:
        search_client.indices.open(index=index)


def test_days_whose_totals_are_in_a_closed_index_are_a_gap(counted, state, close):
    index = close("stats-record-view-2026-02")
    found = state(date(2026, 1, 20), date(2026, 3, 17))
    assert (found.complete, found.gaps) == (False, [Gap(date(2026, 2, 1), date(2026, 2, 28), EVENT, "closed")])
    assert [closed.index_name for closed in found.closed] == [index]
    assert state(date(2026, 2, 10), date(2026, 2, 10)).gaps == [
        Gap(date(2026, 2, 10), date(2026, 2, 10), EVENT, "closed")
    ]
    assert state(date(2026, 3, 1), date(2026, 3, 17)).complete, "other months have their numbers"


def test_a_closed_index_of_raw_events_leaves_answers_complete(counted, state, close):
    """Its totals are there."""
    close(f"events-stats-{EVENT}-2026-02")
    assert state(date(2026, 1, 20), date(2026, 3, 17)).complete


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("a-2026", ("2026-01-01", "2026-12-31")),
        ("a-2026-02", ("2026-02-01", "2026-02-28")),
        ("a-2026-02-03", ("2026-02-03", "2026-02-03")),
        ("a-2026-02-repaired", ("2026-02-01", "2026-02-28")),
        ("a-2026-w05", ("2026-01-01", "2026-12-31")),
        ("a-2026-13", ("0001-01-01", "9999-12-31")),
        ("a-archive", ("0001-01-01", "9999-12-31")),
    ],
)
def test_the_name_of_a_closed_index_tells_its_days(raw, search_client, close, name, days):
    prefix = raw.prefix
    search_client.indices.create(index=f"{prefix}{name}", body={"aliases": {f"{prefix}a": {}}})
    close(name)
    (found,) = fetch_closed(search_client, [f"{prefix}a", f"{prefix}b"])
    assert (found.alias, found.index_name) == (f"{prefix}a", f"{prefix}{name}")
    assert tuple(map(str, found.days)) == days


def test_closing_and_opening_changes_the_state_of_answers(counted, close, search_client, clock, monkeypatch, app):
    """No revision rises: what is cached would else stay, also at browsers."""
    app.extensions.pop("invenio-stats-completeness", None)
    seconds = [3000.0]
    monkeypatch.setattr(answers, "monotonic", lambda: seconds[0])

    def tag():
        seconds[0] += 11
        return revision_state(clock.now)

    before = tag()
    index = close("stats-record-view-2026-02")
    while_closed = tag()
    search_client.indices.open(index=index)
    assert while_closed != before == tag()


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
