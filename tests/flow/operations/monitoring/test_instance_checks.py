"""The doctor and the log name another instance that uses the same cache, virtual host or spool."""

import json

import pytest
from invenio_cache import current_cache
from kombu import Queue as KombuQueue

from invenio_stats.broker.instances import other_instances
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.spool import Spool
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.cli import stats
from invenio_stats.operations.monitoring import instance_checks
from invenio_stats.operations.runner import process_all
from invenio_stats.proxies import current_stats

COMPARED = "invenio-stats-instances-compared"


@pytest.fixture
def doctor(app, queues):
    """Run the command; return what it found by check."""

    def run():
        result = app.test_cli_runner().invoke(stats, ["doctor", "--json"])
        return {finding["check"]: finding for finding in json.loads(result.output)}

    return run


@pytest.fixture
def as_instance(app, monkeypatch):
    """Let the application be another instance, on the same services."""

    def change(prefix):
        monkeypatch.setitem(app.config, "SEARCH_INDEX_PREFIX", prefix)
        app.extensions.pop("invenio-stats-outbox", None)
        app.extensions.pop(COMPARED, None)

    yield change
    app.extensions.pop("invenio-stats-outbox", None)


def test_an_instance_alone_is_alone(doctor, as_instance):
    as_instance("alone-")
    current_cache.delete(instance_checks._KEY)
    for _time in range(2):  # its own name is not another's
        found = doctor()
        assert [found[f"{service}_instances"]["level"] for service in ("cache", "spool")] == ["ok", "ok"]
        assert "alone-" not in found["broker_instances"]["message"]


def test_both_instances_are_named_whoever_asks(doctor, as_instance, search_client):
    names = {}
    for prefix in ("first-", "second-", "first-"):
        as_instance(prefix)
        names[prefix] = doctor()
    for own, other in (("first-", "second-"), ("second-", "first-")):
        for service, cure in (("cache", "CACHE_KEY_PREFIX"), ("broker", "BROKER_URL")):
            finding = names[own][f"{service}_instances"]
            assert finding["level"] == "warning"
            assert other in finding["message"]
            assert own not in finding["message"]
            assert cure in finding["cure"]


def test_a_worker_of_the_other_instance_is_enough_and_it_logs_once(doctor, as_instance, app, caplog):
    as_instance("worker-")
    process_all([])
    as_instance("doctor-")
    assert "worker-" in doctor()["broker_instances"]["message"]
    for _run in range(2):
        process_all([])
    logged = [record for record in caplog.records if record.message == "Another instance uses the same service"]
    assert {record.service for record in logged} == {"broker", "cache"}
    assert len(logged) <= 4  # two for each instance that has run, not for each run


def test_messages_of_other_programs_on_the_queue_of_names_are_ignored(app, queues):
    from invenio_stats.broker.delivery import deliver_all

    queue = current_stats.agents_queue
    other_instances(queue, "own-")
    before = other_instances(queue, "own-")
    for body in ("[]", "7", '{"a": 1}'):
        deliver_all(queue.connection_pool, None, [Outgoing("stats-instances", "", body)], seconds=5)
    assert other_instances(queue, "own-") == before


def test_repeated_names_hide_no_other_and_are_deleted(app, queues):
    """Processes that look at the same time do not see each other's names, and each leaves its own."""
    from invenio_stats.broker.delivery import deliver_all

    queue = current_stats.agents_queue
    before = other_instances(queue, "own-")
    names = ["own-"] * 120 + ["behind them-"]
    messages = [Outgoing("stats-instances", "", json.dumps({"instance": name})) for name in names]
    assert not deliver_all(queue.connection_pool, None, messages, seconds=5)
    assert other_instances(queue, "own-") == sorted({*before, "behind them-"})
    assert _depth(queue) == len(before) + 2


def _depth(queue):
    with queue.connection_pool.acquire(block=True) as connection:
        return (
            KombuQueue("stats-instances", channel=connection.default_channel).queue_declare(passive=True).message_count
        )


def test_a_shared_directory_of_the_spool_is_named(doctor, as_instance, app, tmp_path, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_SPOOL_DIR", str(tmp_path))
    Spool(str(tmp_path), 1_000_000, "first-").put([Outgoing("stats-x", "1", "{}")])
    as_instance("second-")
    finding = doctor()["spool_instances"]
    assert finding["level"] == "warning"
    assert "first-" in finding["message"]
    assert outbox().spool.path.name in finding["message"]
    assert "STATS_SPOOL_DIR" in finding["cure"]
    assert outbox().spool.count() == 0


def test_a_service_that_is_away_stops_no_run(app, queues, as_instance, monkeypatch, caplog):
    def away(*args, **kwargs):
        raise ConnectionError("amqp://user:secret@example.org")

    as_instance("x-")
    monkeypatch.setattr(instance_checks, "other_instances", away)
    assert process_all([]) == []
    assert "Names of instances could not be compared" in caplog.messages
    assert "secret" not in caplog.text
