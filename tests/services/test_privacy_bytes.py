"""Privacy, byte by byte: what known people leave behind is searched for wherever anything is kept."""

import json
import logging
from types import SimpleNamespace

import pytest
from flask import Response, current_app, request, session
from invenio_files_rest.signals import file_downloaded
from invenio_records_ui.signals import record_viewed
from kombu import Queue as KombuQueue

from invenio_stats.broker.dead_letters import dead_name
from invenio_stats.privacy import objection_counts
from invenio_stats.processors import EventsIndexer, anonymize_user, build_record_unique_id
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, process_events

FILE = SimpleNamespace(bucket_id="B", file_id="F", key="paper.pdf", file=SimpleNamespace(size=9))
PID = SimpleNamespace(pid_type="recid", pid_value="1")
RECORD = SimpleNamespace(id="R")

SECRETS = {
    "IPv4 address": "198.51.100.77",
    "IPv6 address": "2001:db8:77::4242",
    "agent": "Gecko/20100101 Firefox/126.0.77.4242",
    "mail in an agent": "jane.doe@example.net",
    "user id": "user-774242",
    "session id": "session-774242",
    "path": "/my/private/path-774242",
    "query": "q=my+illness-774242",
    "password of the cache or broker": "password-774242",
}
STORAGES = {
    "messages on the queues",
    "results of tasks",
    "dead letters",
    "cache",
    "user-agent catalog",
    "indices",
    "log at DEBUG, with tracebacks",
}
AGENT = f"Mozilla/5.0 (X11; Linux x86_64; rv:126.0) {SECRETS['agent']}"
AGENT_WITH_MAIL = f"{AGENT} ({SECRETS['mail in an agent']})"
REFERRER = f"https://elsewhere.example.org{SECRETS['path']}?{SECRETS['query']}"


def person(**changes):
    """Return what a raw event says of somebody."""
    return {
        "ip_address": SECRETS["IPv4 address"],
        "user_agent": AGENT,
        "user_id": SECRETS["user id"],
        "session_id": SECRETS["session id"],
        "referrer": REFERRER,
        **changes,
    }


def view(**changes):
    """Return a raw view by somebody."""
    return {"timestamp": "2026-11-02T10:00:00", "pid_type": "recid", "pid_value": "1", **person(), **changes}


def fails_aloud(doc):
    """Fail with the whole event in the text, as a careless preprocessor would."""
    raise ValueError(f"cannot work with {doc} of {SECRETS['user id']}")


class Indexer(EventsIndexer):
    """The indexer, for views whose chain is given by a test."""


@pytest.fixture(scope="module")
def app_config(app_config, events_config):
    events_config["noisy-view"] = {
        "cls": Indexer,
        "params": {"preprocessors": [fails_aloud, anonymize_user, build_record_unique_id]},
    }
    return {**app_config, "STATS_EVENTS": events_config, "STATS_ITEM_RESOLVER": None, "SECRET_KEY": "tests"}


@pytest.fixture(scope="module")
def base_app(base_app):
    """The application with pages that send signals, and one that signs in."""
    base_app.config["PROPAGATE_EXCEPTIONS"] = False

    @base_app.route("/sign-in")
    def sign_in():
        session.update(_user_id=SECRETS["user id"], sid_s=SECRETS["session id"])
        return "in"

    @base_app.route("/my/private/path-774242")
    def page():
        record_viewed.send(current_app._get_current_object(), pid=PID, record=RECORD)
        file_downloaded.send(current_app._get_current_object(), obj=FILE)
        if request.args.get("broken"):
            file_downloaded.send(current_app._get_current_object(), obj=request)  # a builder fails on it
        return Response("page")

    return base_app


@pytest.fixture
def searched():
    """What was searched, in bytes, and what was found where: `look(place, text)`."""
    report = {}

    def look(storage, text):
        data = text if isinstance(text, bytes) else str(text).encode()
        found, size = report.setdefault(storage, (set(), [0]))
        size[0] += len(data)
        found.update(kind for kind, secret in SECRETS.items() if secret.encode() in data)

    look.report = report
    return look


def visit(app):
    """Come by, from both addresses, signed in and not, with a page that works and one whose builder fails."""
    for address in (SECRETS["IPv4 address"], SECRETS["IPv6 address"]):
        client = app.test_client()
        headers = {"User-Agent": AGENT, "Referer": REFERRER}
        come = {"headers": headers, "environ_base": {"REMOTE_ADDR": address}}
        objecting = {**come, "headers": {**headers, "Sec-GPC": "1"}}
        assert client.get(SECRETS["path"], **objecting).status_code == 200
        for path in (SECRETS["path"], "/sign-in", SECRETS["path"], f"{SECRETS['path']}?broken=1&{SECRETS['query']}"):
            assert client.get(path, **come).status_code == 200


def messages(queues):
    """Yield what waits on every queue, bodies and properties, and put it back."""
    from invenio_stats.broker.transports.channels import open_channel

    for queue in queues:
        with open_channel(queue) as channel:
            bound = KombuQueue(queue.routing_key)(channel)
            bound.declare()
            taken = list(iter(lambda bound=bound: bound.get(no_ack=False), None))
            for message in taken:
                yield message.body if isinstance(message.body, bytes) else str(message.body)
                yield f"{message.properties} {message.headers}"
            for message in taken:
                message.requeue()


def dead_letters_of(queue):
    """Return the queue of dead letters that belongs to a queue."""
    from invenio_queues.queue import Queue

    return Queue(queue.exchange, dead_name(queue), queue._connection_pool)


def cached(cache):
    """Yield every key and value of the cache."""
    client = getattr(cache, "_read_client", None)
    if client is None:
        yield str(cache._cache)
        return
    for key in client.scan_iter(f"{cache.key_prefix}*"):
        yield key
        yield client.get(key) or b""


@pytest.mark.expect_logged_errors
def test_no_trace_of_a_person_is_left(
    base_app, app, queues, put_templates, refresh, search_client, index_prefix, searched, caplog, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    visit(base_app)
    current_stats.publish("record-view", [view(), view(timestamp="never"), view(user_agent=AGENT_WITH_MAIL)])
    objection_counts.send()
    for text in messages([*queues.values(), current_stats.agents_queue, current_stats.objections_queue]):
        searched("messages on the queues", text)

    results = [process_events(["record-view", "file-download"])]
    noisy = current_stats.events["noisy-view"]
    current_stats.queries  # noqa: B018 - whatever is warmed leaves its traces too
    noisy.queue.publish([view()])  # as a program that goes around us would: nobody has pseudonymized it
    results.append(process_events(["noisy-view", "no-such-type"]))
    with monkeypatch.context() as patch:  # an engine that refuses
        patch.setattr(search_client.transport, "perform_request", refuse)
        current_stats.publish("record-view", [view(pid_value="2")])
        results.append(process_events(["record-view"]))
    results.append(process_events(["record-view"]))
    refresh()
    results.append(aggregate_events(["record-view-agg", "file-download-agg"]))
    refresh()

    searched("results of tasks", json.dumps(results))
    dead = [dead_letters_of(event.queue) for event in current_stats.events.values()]
    for text in messages(dead):
        searched("dead letters", text)
    for text in cached(app.extensions["invenio-cache"].cache.cache):
        searched("cache", text)
    indices = search_client.indices.get(index=f"{index_prefix}*")
    assert len(indices) >= 5
    for name, body in indices.items():
        storage = "user-agent catalog" if name == f"{index_prefix}stats-agents" else "indices"
        searched(storage, json.dumps(body))
        hits = search_client.search(index=name, body={"size": 1000})["hits"]
        assert hits["total"]["value"] <= 1000
        searched(storage, json.dumps(hits))
    formatter = logging.Formatter()
    for record in caplog.records:
        if not record.name.startswith(("werkzeug", "asyncio")):
            searched("log at DEBUG, with tracebacks", f"{formatter.format(record)} {vars(record)}")

    print_report(searched.report)
    assert set(searched.report) == STORAGES
    assert all(size for _, (size,) in searched.report.values()), "nothing was there: the test has lost its object"
    assert {storage: found for storage, (found, _) in searched.report.items() if found} == {}


def refuse(*args, **kwargs):
    """Fail as an engine does that quotes what it was sent."""
    from invenio_search.engine import search

    raise search.exceptions.TransportError(400, "mapper_parsing_exception", {"error": str(kwargs)[:2000]})


def print_report(report):
    """Print what was searched; seen with `pytest -s`."""
    for storage, (found, (size,)) in report.items():
        print(f"{storage:32} {size:>9,} bytes  {', '.join(sorted(found)) or 'nothing found'}")  # noqa: T201
