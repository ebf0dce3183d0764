"""A user is forgotten: nobody finds the events by the user's id any more, and no number changes."""

import json
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from invenio_cache import current_cache
from invenio_search.utils import prefix_index

from invenio_stats.cli import stats
from invenio_stats.operations import forgetting
from invenio_stats.operations.forgetting import forget_user
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.privacy.salt_stores import salt_store
from invenio_stats.proxies import current_stats
from invenio_stats.search.scan import pages
from tests.fixtures.months import Killed

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
USER, SESSION = "user-774242", "session-774242"


def view(record, minute, **person):
    """Return a raw view of today."""
    now = datetime.now(timezone.utc)
    moment = now.replace(hour=max(1, now.hour), minute=minute, second=0, microsecond=0, tzinfo=None)
    known = {"ip_address": "192.0.2.1", "user_agent": BROWSER, "user_id": None, "session_id": None, "referrer": None}
    return {
        "timestamp": moment.isoformat(),
        "record_id": f"uuid-{record}",
        "pid_type": "recid",
        "pid_value": record,
        **known,
        **person,
    }


@pytest.fixture
def events(queues, put_templates, refresh, search_client, index_prefix):
    """Store views of a user, of the same session before signing in, and of others; return `events()`."""
    signed_in = {"user_id": USER, "session_id": SESSION}
    current_stats.publish(
        "record-view",
        [
            view("1", 1, session_id=SESSION),
            view("1", 5, **signed_in),
            view("2", 9, **signed_in),
            view("2", 13, **{**signed_in, "user_agent": "curl/8.0", "session_id": "another"}),
            view("1", 17, user_id="somebody", session_id="else"),
            view("1", 21),
        ],
    )
    process_one("record-view")

    def read():
        refresh()
        hits = search_client.search(index=f"{index_prefix}events-stats-record-view-*", body={"size": 100})
        return {hit["_id"]: hit["_source"] for hit in hits["hits"]["hits"]}

    assert len(read()) == 6
    return read


NOW = datetime.now(timezone.utc)


def count(counts, refresh, search_client, index_prefix):
    """Count everything anew."""
    search_client.indices.delete(index=f"{index_prefix}stats-bookmarks", ignore=[404])
    refresh()
    aggregate_one("record-view-agg")
    return counts()


def test_the_users_keys_go_and_numbers_stay(events, search_client, index_prefix, counts, stored_totals, refresh):
    before = events()
    count(counts, refresh, search_client, index_prefix)
    totals = stored_totals()
    found = forget_user(search_client, USER, datetime.now(timezone.utc))
    assert found.events == 4
    assert found.days == [f"{NOW:%Y-%m-%d}"]
    after = events()
    assert after.keys() == before.keys()
    changed = {key for key in before if before[key]["visitor_id"] != after[key]["visitor_id"]}
    assert len(changed) == 4
    old_keys = {before[key][field] for key in changed for field in ("visitor_id", "unique_session_id")}
    assert not old_keys & {value for event in after.values() for value in event.values() if isinstance(value, str)}
    others = {"visitor_id", "unique_session_id"}
    for key, event in after.items():
        assert {name: event[name] for name in event.keys() - others} == {
            name: before[key][name] for name in before[key].keys() - others
        }
    assert forget_user(search_client, USER, datetime.now(timezone.utc)).events == 0
    count(counts, refresh, search_client, index_prefix)
    numbers = ("count", "unique_count")
    assert [[total[name] for name in numbers] for _, total in sorted(stored_totals().items())] == [
        [total[name] for name in numbers] for _, total in sorted(totals.items())
    ]


def test_what_a_server_with_a_fast_clock_has_dated_tomorrow_is_found(events, search_client):
    """It has tomorrow's salt, which lives longest."""
    soon = (NOW + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0, tzinfo=None)
    viewed = {**view("1", 25, user_id=USER, session_id="third"), "timestamp": soon.isoformat()}
    current_stats.publish("record-view", [viewed])
    process_one("record-view")
    before = events()
    assert len(before) == 7
    forgotten = forget_user(search_client, USER, NOW)
    assert (forgotten.events, soon.date().isoformat() in forgotten.days) == (5, True)
    (found,) = (event for event in events().values() if event["timestamp"] == soon.isoformat())
    assert found["visitor_id"] not in {event["visitor_id"] for event in before.values()}
    assert forget_user(search_client, USER, NOW).events == 0


def test_a_dry_run_changes_nothing(events, search_client):
    before = events()
    assert forget_user(search_client, USER, datetime.now(timezone.utc), is_dry=True).events == 4
    assert events() == before


def test_nobody_else_is_found(events, search_client):
    assert forget_user(search_client, "nobody", datetime.now(timezone.utc)).events == 0


@pytest.mark.parametrize("is_answer_lost", [False, True])
def test_a_run_that_is_killed_anywhere_can_be_repeated(events, search_client, requests_sent, is_answer_lost):
    """With the same new keys: a session that was half done is still one session."""
    before, number = events(), 0
    while True:
        number += 1
        for ref, source in before.items():
            (index,) = {
                hit["_index"]
                for hit in search_client.search(
                    index=prefix_index("events-stats-record-view-*"), body={"query": {"ids": {"values": [ref]}}}
                )["hits"]["hits"]
            }
            search_client.index(index=index, id=ref, body=source, refresh=True)
        requests_sent.cut(number, is_answer_lost)
        with suppress(Killed):
            forget_user(search_client, USER, datetime.now(timezone.utc))
        was_reached = requests_sent.mend()
        forget_user(search_client, USER, datetime.now(timezone.utc))
        after = events()
        for field in ("visitor_id", "unique_session_id"):
            assert len({event[field] for event in after.values()}) == len({event[field] for event in before.values()})
        assert forget_user(search_client, USER, datetime.now(timezone.utc)).events == 0
        if not was_reached:
            break
    assert number > 5


def test_an_event_that_changes_meanwhile_is_read_again(events, search_client, requests_sent):
    seen = []

    def change():
        if not seen and requests_sent.number > 1:
            hits = search_client.search(index=prefix_index("events-stats-record-view-*"), body={"size": 100})["hits"][
                "hits"
            ]
            for hit in hits:
                seen.append(hit["_id"])
                body = {**hit["_source"], "superseded": True}
                search_client.index(index=hit["_index"], id=hit["_id"], body=body)

    def before():
        if requests_sent.number == 6:
            change()

    requests_sent.before = before
    forget_user(search_client, USER, datetime.now(timezone.utc))
    requests_sent.before = None
    assert seen
    assert all(event.get("superseded") for event in events().values())
    assert forget_user(search_client, USER, datetime.now(timezone.utc)).events == 0


def test_the_command_never_prints_whom_it_is_about(app, events):
    result = app.test_cli_runner().invoke(stats, ["privacy", "forget-user", USER, "--yes"])
    assert result.exit_code == 0, result.output
    assert "4 events have other keys now" in result.output
    assert "Not found" in result.output
    assert USER not in result.output
    result = app.test_cli_runner().invoke(stats, ["privacy", "forget-user", USER, "--json"])
    assert json.loads(result.output)["events"] == 0


@pytest.mark.parametrize("user_id", ["", " ", " 42", "42\n", "\udcff"])
def test_what_is_no_id_is_refused(app, events, user_id):
    """A variable that is not set must not end as if somebody had been forgotten."""
    result = app.test_cli_runner().invoke(stats, ["privacy", "forget-user", user_id, "--yes"])
    assert result.exit_code == 2
    assert "Invalid value for 'ID'" in result.output


@pytest.mark.parametrize(
    ("date", "is_told"), [(f"{NOW:%Y-%m-%d}", True), (f"{NOW:%Y-%m}", True), ("2020-01-01", False), ("other", True)]
)
def test_a_closed_index_keeps_no_other_events_and_is_named(app, events, search_client, index_prefix, date, is_told):
    alias = f"{index_prefix}events-stats-record-view"
    index = f"{alias}-{date}-closed" if date == f"{NOW:%Y-%m-%d}" else f"{alias}-{date}"
    search_client.indices.create(index=index, body={"aliases": {alias: {}}})
    search_client.indices.close(index=index)
    result = app.test_cli_runner().invoke(stats, ["privacy", "forget-user", USER, "--yes"])
    assert "4 events have other keys now" in result.output
    assert (result.exit_code, index in result.output) == ((1, True) if is_told else (0, False))
    assert forget_user(search_client, USER, datetime.now(timezone.utc)).events == 0


def test_an_index_that_refuses_is_named(app, events, search_client, index_prefix):
    index = f"{index_prefix}events-stats-record-view-{NOW:%Y-%m-%d}"
    search_client.indices.put_settings(index=index, body={"index.blocks.write": True})
    try:
        result = app.test_cli_runner().invoke(stats, ["privacy", "forget-user", USER, "--yes"])
    finally:
        search_client.indices.put_settings(index=index, body={"index.blocks.write": None})
    assert result.exit_code == 1
    assert f"{index} refuses a change" in result.output


def cut_when_half_done(search_client, requests_sent, events, before):
    """Kill runs until some keys of the user are replaced, and some not."""
    for number in range(1, 100):
        requests_sent.cut(number, is_answer_lost=False)
        with suppress(Killed):
            forget_user(search_client, USER, NOW)
        was_reached = requests_sent.mend()
        changed = [key for key, event in events().items() if event["visitor_id"] != before[key]["visitor_id"]]
        if 0 < len(changed) < 4:
            return
        assert was_reached


@pytest.mark.embedded
def test_a_run_that_is_killed_is_continued_on_the_next_day_with_the_same_keys(
    events, search_client, requests_sent, monkeypatch
):
    monkeypatch.setattr(forgetting, "pages", lambda refs: pages(refs, 1))
    before = events()
    cut_when_half_done(search_client, requests_sent, events, before)
    forget_user(search_client, USER, NOW + timedelta(days=1))
    visitors = ({event["visitor_id"] for event in found.values()} for found in (before, events()))
    assert len(set(map(len, visitors))) == 1


@pytest.mark.embedded
def test_a_run_that_is_killed_is_continued_with_the_same_keys_though_another_user_was_forgotten_meanwhile(
    events, search_client, requests_sent, monkeypatch
):
    """The other run deletes its own secret at its end, not that of this one."""
    before = events()
    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "pages", lambda refs: pages(refs, 1))
        cut_when_half_done(search_client, requests_sent, events, before)
    assert forget_user(search_client, "somebody", NOW).events == 1
    forget_user(search_client, USER, NOW)
    for field in ("visitor_id", "unique_session_id"):
        assert len({event[field] for event in events().values()}) == len({event[field] for event in before.values()})


@pytest.mark.embedded
def test_what_was_done_before_signing_in_is_found_by_the_next_run(events, search_client, requests_sent, monkeypatch):
    """Its session is known by the events that have the key of the user: these come last."""
    monkeypatch.setattr(forgetting, "pages", lambda refs: pages(refs, 1))
    before = events()
    (mine,) = [
        key
        for key, event in before.items()
        if event["visitor_id"] == event["unique_session_id"]
        and [found["unique_session_id"] for found in before.values()].count(event["unique_session_id"]) > 1
    ]
    find = forgetting._find
    monkeypatch.setattr(  # in the order in which the engine has them last
        forgetting, "_find", lambda *args: sorted(find(*args), key=lambda found: found[0]["_id"] == mine)
    )
    is_half_done = False
    for number in range(1, 100):
        requests_sent.cut(number, is_answer_lost=False)
        with suppress(Killed):
            forget_user(search_client, USER, NOW)
        if not requests_sent.mend():
            break
        after = events()
        is_half_done = is_half_done or 0 < len([key for key in before if before[key] != after[key]]) < 4
        if len([key for key in before if before[key] != after[key]]) >= 3:
            break
    forget_user(search_client, USER, NOW)
    assert is_half_done
    assert events()[mine]["unique_session_id"] != before[mine]["unique_session_id"]


@pytest.mark.embedded
def test_the_secret_of_a_run_that_was_killed_at_its_very_end_goes_too(events, search_client, monkeypatch):
    """All events have other keys, so the next run finds none; who has the secret could compute them."""
    calls = []

    def replace_all(*args):
        calls.append(args)
        replace(*args)
        if len(calls) == 2:
            raise Killed

    replace = forgetting._replace_all
    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "_replace_all", replace_all)
        with pytest.raises(Killed):
            forget_user(search_client, USER, NOW)
    store = salt_store(current_cache.cache)
    secret = forgetting._secret_name(USER)
    assert USER not in secret
    assert store.get(secret)
    assert forget_user(search_client, USER, NOW, is_dry=True).events == 0
    assert store.get(secret)
    assert forget_user(search_client, USER, NOW).events == 0
    assert store.get(secret) is None
