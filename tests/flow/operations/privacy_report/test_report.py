"""The privacy report measures what is kept, finds what should not be there, and repeats none of it."""

import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from flask_caching.backends import FileSystemCache

from invenio_stats.broker.dead_letters import dead_name
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.cli import stats
from invenio_stats.operations.privacy_report.report import make_report
from invenio_stats.operations.runner import process_one, store_agents
from invenio_stats.privacy.salt_stores import salt_store
from invenio_stats.privacy.salts import salt_of
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import StatsDeadLettersTask, StatsExpireTask

NOW = datetime.now(timezone.utc)
SECRETS = ("198.51.100.77", "2001:db8:77::4242", "jane.doe@example.net", "Gecko/20100101", "user-774242")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


@pytest.fixture
def used(queues, put_templates, refresh):
    """Store a view, and the user agent that it was made with."""
    event = {
        "timestamp": NOW.replace(tzinfo=None, microsecond=0).isoformat(),
        "record_id": "uuid",
        "pid_type": "recid",
        "pid_value": "1",
        "ip_address": SECRETS[0],
        "user_agent": BROWSER,
        "user_id": SECRETS[4],
        "session_id": None,
        "referrer": f"https://example.org/?mail={SECRETS[2]}",
    }
    current_stats.publish("record-view", [event])
    process_one("record-view")
    store_agents()
    refresh()


@pytest.fixture
def report(search_client):
    return lambda: make_report(search_client, datetime.now(timezone.utc))


def storage(report, name):
    return next(storage for storage in report["storages"] if storage["storage"] == name)


def test_of_an_instance_that_is_well_nothing_is_found(used, report):
    found = report()
    assert found["raw_events"]["record-view"]["overdue"] is False
    assert [storage["found"] for storage in found["storages"] if storage["found"]] == []
    events = storage(found, "indices: events record-view")
    assert events["looked_at"] == 1
    assert {"visitor_id", "country", "agent_id"} <= set(events["fields"])
    assert found["overdue"] == []
    assert len(found["duties"]) > 5
    assert "13" not in found["record_of_processing"], "nothing deletes by schedule here"


def test_the_salt_of_today_is_named_and_not_shown(used, report):
    salt = salt_of(NOW.date()).value
    found = report()
    assert [salt["day"] for salt in found["salts"]] == [f"{NOW:%Y-%m-%d}"]
    assert salt not in json.dumps(found)


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("note", SECRETS[0], "ipv4_address"),
        ("note", f"seen at {SECRETS[1]}", "ipv6_address"),
        ("note", SECRETS[2], "mail_address"),
        ("note", BROWSER, "user_agent"),
        ("user_agent", "x", "personal_field"),
        ("user_id", SECRETS[4], "personal_field"),
    ],
)
def test_personal_data_in_an_index_is_named_by_its_field(
    used, report, search_client, index_prefix, refresh, field, value, kind
):
    index = f"{index_prefix}events-stats-record-view-{NOW:%Y-%m-%d}"
    search_client.index(index=index, body={"timestamp": f"{NOW:%Y-%m-%d}T01:00:00", field: value})
    refresh()
    found = report()
    findings = storage(found, "indices: events record-view")["found"]
    assert {"field": field, "kind": kind, "number": 1} in findings
    assert any(kind in line for line in found["overdue"])
    assert not [secret for secret in SECRETS if secret in json.dumps(found)]


def test_personal_data_in_the_note_of_a_decision_is_found(used, report, search_client, index_prefix, refresh):
    """What a person has written is public, and may name a visitor."""
    for name in ("anomalies", "corrections"):
        search_client.index(index=f"{index_prefix}stats-{name}", body={"note": f"A flood of {SECRETS[0]}."})
    refresh()
    found = report()
    for name in ("anomalies", "corrections"):
        assert [finding["kind"] for finding in storage(found, f"indices: {name}")["found"]] == ["ipv4_address"]
    assert SECRETS[0] not in json.dumps(found)


def test_personal_data_in_the_spool_is_found(used, report):
    body = json.dumps({"timestamp": "2026-01-01T10:00:00", "ip_address": SECRETS[0]})
    outbox().spool.put([Outgoing("stats-record-view", "id", body)])
    try:
        found = report()
    finally:
        taken = outbox().spool.take(10)
        outbox().spool.settle(taken, sent=True)
    kinds = {finding["kind"] for finding in storage(found, "spool")["found"]}
    assert kinds == {"ipv4_address", "personal_field"}
    assert SECRETS[0] not in json.dumps(found)


def test_the_reduced_text_of_a_user_agent_may_wait_in_the_spool(used, report):
    """While the broker is away, messages for the catalog are there, beside events, which have no such text."""
    body = json.dumps({"agent_id": "a", "agent": BROWSER})
    outbox().spool.put([Outgoing(current_stats.agents_queue.routing_key, "id", body)])
    try:
        found = report()
    finally:
        taken = outbox().spool.take(10)
        outbox().spool.settle(taken, sent=True)
    assert storage(found, "spool: stats-agents")["looked_at"] == 1
    assert found["overdue"] == []


def test_personal_data_of_a_time_that_is_over_is_found(used, report, search_client, index_prefix, refresh):
    """What went wrong for some months and was mended is neither in the oldest nor in the newest indices."""
    for number in range(24):
        month = f"{2023 + number // 12}-{number % 12 + 1:02}"
        note = SECRETS[0] if number in (10, 11, 12) else "nothing"
        body = {"timestamp": f"{month}-01T01:00:00", "note": note}
        search_client.index(index=f"{index_prefix}events-stats-record-view-{month}", body=body)
    refresh()
    assert [finding["field"] for finding in storage(report(), "indices: events record-view")["found"]] == ["note"]


def test_user_agents_that_were_not_seen_for_long_are_overdue(used, report, search_client, index_prefix, refresh):
    assert report()["overdue"] == []
    body = {"agent": "x", "last_seen": "2020-01-01"}
    search_client.index(index=f"{index_prefix}stats-agents", id="old", body=body)
    refresh()
    (line,) = report()["overdue"]
    assert line.startswith("1 user agents of the catalog")


def test_dead_letters_that_nobody_has_deleted_are_overdue(used, report, queues, broker_url):
    queue = queues["record-view"]
    days = [NOW - timedelta(days=number) for number in (29, 31, 1)]
    headers = [{"reason": "x", "rejected": day.isoformat()} for day in days]
    waiting = [Outgoing(dead_name(queue), "", '{"a": 1}', header) for header in headers]
    deliver(queue.connection_pool, None, waiting[::2], 5.0)
    assert report()["overdue"] == []
    deliver(queue.connection_pool, None, waiting, 5.0)
    found = report()["overdue"]
    if broker_url.startswith("amqp"):
        assert found == [f"dead letters: record-view: the oldest is of {days[1]:%Y-%m-%d}"]
    else:
        assert found == [], "only AMQP shows when they were rejected"


def test_indices_of_types_that_are_gone_are_named(used, report, search_client, index_prefix):
    search_client.indices.create(index=f"{index_prefix}events-stats-forgotten-2020-01")
    assert report()["unknown_indices"] == [f"{index_prefix}events-stats-forgotten-2020-01"]


def test_old_events_are_overdue(used, report, search_client, index_prefix, refresh):
    search_client.index(
        index=f"{index_prefix}events-stats-record-view-2020-01", body={"timestamp": "2020-01-02T10:00:00"}
    )
    refresh()
    found = report()
    assert found["raw_events"]["record-view"]["oldest"] == "2020-01-02"
    assert any("2020-01-02" in line for line in found["overdue"])


def test_a_closed_index_is_not_said_to_be_looked_at(used, report, search_client, index_prefix):
    """Searches pass over it; if it is old, its events are overdue as far as anybody can know."""
    alias = f"{index_prefix}events-stats-record-view"
    for month in ("2020-01", f"{NOW:%Y-%m}"):
        search_client.indices.create(index=f"{alias}-{month}", body={"aliases": {alias: {}}})
        search_client.indices.close(index=f"{alias}-{month}")
    found = report()
    assert found["closed_indices"] == [f"{alias}-2020-01"]
    assert [line for line in found["overdue"] if f"{alias}-2020-01 is closed" in line]
    assert storage(found, "closed indices: events record-view")["problem"] == "closed"
    assert storage(found, "indices: events record-view")["looked_at"] == 1


def test_a_folder_that_this_user_cannot_look_into_stops_nothing(used, report, monkeypatch):
    def refuse(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    spool = next(reader for reader in report()["readers"] if reader["data"] == "spool of this machine")
    assert spool["is_open"]
    assert "Permission denied" in spool["who"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("STATS_RETENTION_EVENTS_MONTHS", 24),
        ("STATS_RETENTION_OVERRIDE", "a ruling"),
        ("STATS_DEAD_LETTERS_DAYS", 365),
        ("STATS_LOG_ERROR_TEXTS", True),
        ("STATS_FOLD_UNDER", 2),
        ("STATS_BREAKDOWN_MIN_USES", 1),
        ("STATS_COUNTER_COUNTRIES", True),
        ("STATS_OBJECTION_SIGNALS", ("cookie",)),
        ("STATS_COUNTER_CUSTOMERS", [{"customer_id": "c", "name": "C", "ranges": ["192.0.2.0/30"]}]),
        ("STATS_PSEUDONYMIZE_IN", {"record-view": "worker"}),
    ],
)
def test_settings_that_protect_less_are_named(report, app, monkeypatch, put_templates, setting, value):
    assert setting not in {weakened["setting"] for weakened in report()["weakened"]}
    monkeypatch.setitem(app.config, setting, value)
    assert setting in {weakened["setting"] for weakened in report()["weakened"]}


def test_readers_are_named_without_passwords(report, app, monkeypatch, put_templates):
    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", True)
    monkeypatch.setitem(app.config, "RATELIMIT_STORAGE_URI", "redis://user:password-774242@cache.example:6379/3")
    monkeypatch.setitem(app.config, "CACHE_TYPE", "RedisCache")
    monkeypatch.setitem(app.config, "CACHE_REDIS_URL", "redis://:password-774242@cache.example:6379/0")
    found = report()["readers"]
    assert any("cache.example" in reader["who"] for reader in found)
    assert "password-774242" not in json.dumps(found)


def reader(report, name):
    return next(reader for reader in report["readers"] if reader["data"].startswith(name))


@pytest.mark.parametrize(
    ("is_on", "storage", "who"),
    [
        (True, "redis://cache.example:6379/3", ["whoever reads its storage, cache.example"]),
        (True, "memory://", ["nobody else: each process has its own"]),
        (False, "redis://cache.example:6379/3", []),
    ],
)
def test_the_limiter_is_named_as_it_is(report, app, monkeypatch, put_templates, is_on, storage, who):
    """One that is off keeps nothing."""
    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", is_on)
    monkeypatch.setitem(app.config, "RATELIMIT_STORAGE_URI", storage)
    assert [reader["who"] for reader in report()["readers"] if reader["data"].startswith("rate limiter")] == who


def test_files_are_not_said_to_have_a_log_in_or_a_connection(report, app, monkeypatch, put_templates, tmp_path):
    folder, salts = tmp_path / "cache", tmp_path / "cache-stats-salts"
    folder.mkdir(mode=0o755)
    monkeypatch.setitem(app.config, "CACHE_DIR", str(folder))
    cache = SimpleNamespace(cache=FileSystemCache(folder))
    monkeypatch.setattr("invenio_stats.operations.privacy_report.readers.current_cache", cache)
    assert "there is none" in reader(report(), "salts")["who"]
    salt_store(cache.cache).get_or_make("2026-01-31")
    assert not reader(report(), "salts")["is_open"], "the folder of the cache is another one"
    assert reader(report(), "last runs")["is_open"]
    salts.chmod(0o755)
    found = reader(report(), "salts")
    assert "mode 755" in found["who"]
    assert found["is_open"]
    monkeypatch.setitem(app.config, "QUEUES_BROKER_URL", f"sqla+sqlite:///{tmp_path}/events.db")
    found = reader(report(), "queues")
    assert "files" in found["who"]
    assert "log-in" not in found["who"]


@pytest.mark.parametrize(
    ("settings", "who", "is_open"),
    [
        ({"CACHE_REDIS_URL": "redis://cache.example:6379/0"}, "whoever reaches cache.example:6379, without", True),
        ({"CACHE_REDIS_URL": None, "CACHE_REDIS_HOST": "c.example"}, "whoever reaches c.example, without", True),
        ({"CACHE_REDIS_URL": "rediss://:p@cache.example/0"}, "whoever reaches cache.example, with a log-in", False),
    ],
)
def test_a_cache_on_another_machine_is_as_safe_as_its_address_says(
    report, app, monkeypatch, put_templates, settings, who, is_open
):
    for setting, value in settings.items():
        monkeypatch.setitem(app.config, setting, value)
    monkeypatch.setattr("invenio_stats.operations.privacy_report.readers.current_cache", SimpleNamespace(cache=None))
    found = reader(report(), "salts")
    assert found["who"].startswith(who)
    assert found["is_open"] is is_open


def record(report):
    lines = report["record_of_processing"].splitlines()
    return {title: text for title, _colon, text in (line.partition(": ") for line in lines)}


@pytest.fixture
def modest(app, monkeypatch, put_templates):
    """Configure an instance that knows neither countries nor institutions, and schedules nothing."""
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "")
    monkeypatch.setitem(app.config, "CELERY_BEAT_SCHEDULE", {})


def test_the_record_of_processing_promises_only_what_is_configured(modest, report):
    found = record(report())
    assert not {"country", "institution"} & set(found["Data"].replace(".", ",").split(", "))
    assert "raw events and user agents until somebody deletes them" in found["Periods"]
    assert "dead letters until somebody deletes them" in found["Periods"]
    assert "by schedule" not in found["Measures"]
    assert found["Recipients"].startswith("none.")
    assert found["Processing"].endswith(f"counted: {', '.join(current_stats.event_definitions)}.")


def test_the_record_of_processing_has_what_is_configured(modest, report, app, monkeypatch):
    for setting, value in {
        "STATS_GEOIP_DATABASE": "/countries.mmdb",
        "STATS_COUNTER_CUSTOMERS": [{"customer_id": "c", "name": "C", "ranges": ["192.0.2.0/24"]}],
        "STATS_COUNTER_PLATFORM": "Repository",
        "STATS_COUNTER_PLATFORM_ID": "repo",
        "STATS_RETENTION_EVENTS_MONTHS": 7,
        "STATS_PSEUDONYMIZE_IN": {"record-view": "worker"},
        "CELERY_BEAT_SCHEDULE": {"expire": StatsExpireTask, "dead": StatsDeadLettersTask},
    }.items():
        monkeypatch.setitem(app.config, setting, value)
    found = record(report())
    assert {"country", "institution"} <= set(found["Data"].replace(".", ",").split(", "))
    assert "events of record-view wait with address" in found["Data"]
    assert "raw events 7 calendar months" in found["Periods"]
    assert "in the worker" in found["Measures"]
    assert "deletion by schedule" in found["Measures"]
    assert found["Recipients"].startswith("institutions:")


def test_what_is_empty_or_unknown_is_said(app, monkeypatch, put_templates):
    runner, find_salts = app.test_cli_runner(), "invenio_stats.operations.privacy_report.report.find_salts"
    monkeypatch.setattr(find_salts, lambda _today: [])
    output = runner.invoke(stats, ["privacy", "report"]).output
    assert "No raw event is stored." in output
    assert "There is none: nothing was counted in the last days." in output
    monkeypatch.setattr(find_salts, fail)
    assert "They could not be looked at (ConnectionError)." in runner.invoke(stats, ["privacy", "report"]).output


def fail(_today):
    raise ConnectionError("redis://:password-774242@cache.example")


def test_no_word_is_cut_at_the_edge_of_a_terminal(used, app, monkeypatch):
    monkeypatch.setattr("invenio_stats.cli.tables.terminal_width", lambda: 80)
    output = app.test_cli_runner().invoke(stats, ["privacy", "report"]).output
    _tables, title, duties = output.partition("Your own duties")
    assert title
    assert max(map(len, duties.splitlines())) <= 80


def test_the_command_prints_all_of_it_and_json(used, app):
    runner = app.test_cli_runner()
    result = runner.invoke(stats, ["privacy", "report"])
    assert result.exit_code == 0, result.output
    for title in ("Raw events", "Salts", "Who may read it", "Your own duties", "record of processing"):
        assert title in result.output
    found = json.loads(runner.invoke(stats, ["privacy", "report", "--json"]).output)
    assert {"raw_events", "salts", "storages", "readers", "weakened", "overdue", "duties"} <= found.keys()
    assert not [secret for secret in SECRETS if secret in result.output]
