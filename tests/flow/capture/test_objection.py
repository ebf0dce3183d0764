"""A visitor who objects leaves no event: not by a signal, not by a program that publishes, in no application."""

import pytest
from flask import Flask, Response, current_app, redirect, request, stream_with_context
from invenio_files_rest.signals import file_downloaded
from invenio_records_ui.signals import record_viewed
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from invenio_stats.contrib.config import SEARCH_EVENTS
from invenio_stats.contrib.signals import search_executed
from invenio_stats.privacy import objection_counts
from invenio_stats.proxies import current_stats
from tests.flow.capture.test_after_response import FILE, PID, RECORD

COOKIE = {"Cookie": "stats-objection=1"}
GPC = {"Sec-GPC": "1"}
DNT = {"DNT": "1"}
EVENT = {"timestamp": "2026-01-31T10:00:00"}


def build_never(event, *args, **kwargs):
    """Note that a builder has run."""
    CALLS.append(args)
    return event


def resolve_never(**kwargs):
    """Note that somebody has looked for the item."""
    CALLS.append(kwargs)


CALLS: list = []


@pytest.fixture(scope="module")
def app_config(app_config, events_config):
    for entry in events_config.values():
        entry["event_builders"] = [build_never, *entry["event_builders"]]
    return {
        **app_config,
        "STATS_EVENTS": {**events_config, **SEARCH_EVENTS},
        "STATS_ITEM_RESOLVER": resolve_never,
    }


def add_pages(app: Flask):  # noqa: C901 - several small pages
    """Add pages that send signals before they answer."""

    @app.route("/download")
    def download():
        file_downloaded.send(current_app._get_current_object(), obj=FILE)
        if request.args.get("to"):
            return redirect("https://storage.example.org/paper.pdf", int(request.args["to"]))
        headers = {"Content-Range": request.args["range"]} if "range" in request.args else {}
        return Response("content", int(request.args.get("status", 200)), headers)

    @app.route("/view")
    def view():
        record_viewed.send(current_app._get_current_object(), pid=PID, record=RECORD)
        if request.args.get("to"):
            return redirect("/elsewhere", int(request.args["to"]))
        return "page", int(request.args.get("status", 200))

    @app.route("/search")
    def search():
        search_executed.send(current_app._get_current_object())
        return "hits"

    @app.route("/archive")
    def archive():
        def parts():
            for _ in range(3):
                file_downloaded.send(current_app._get_current_object(), obj=FILE)
                yield "part"

        return Response(stream_with_context(parts()), int(request.args.get("status", 200)))

    @app.route("/publish")
    def publish():
        events = [EVENT] * 3 if request.args.get("list") else (EVENT for _ in range(3))
        current_stats.publish("file-download", events)
        return "done"

    return app


@pytest.fixture(scope="module")
def base_app(base_app):
    return add_pages(base_app)


@pytest.fixture(autouse=True)
def _forget(app):
    """Nobody has objected before."""
    CALLS.clear()
    app.extensions.pop(objection_counts._KEY, None)
    yield
    held = app.extensions.pop(objection_counts._KEY, None)
    if held is not None and held._timer is not None:
        held._timer.cancel()


@pytest.fixture
def visitor(base_app):
    """A client outside any other context, as a server's."""
    return base_app.test_client(use_cookies=False)


@pytest.fixture
def waiting(queues):
    """Return what waits on a queue, taking it off."""
    return lambda event_type="file-download": list(current_stats.consume(event_type))


@pytest.fixture
def objections(app):
    """Return the held numbers by event type."""

    def read(application=app):
        held = application.extensions.get(objection_counts._KEY)
        return {event_type: number for (_day, event_type), number in held._counts.items()} if held else {}

    return read


@pytest.mark.parametrize("headers", [COOKIE, GPC, {**COOKIE, **GPC}], ids=["cookie", "GPC", "both"])
@pytest.mark.parametrize(
    ("path", "event_type", "expected"),
    [
        pytest.param("/download", "file-download", 1, id="download"),
        pytest.param("/download?status=304", "file-download", 1, id="not modified"),
        pytest.param("/download?to=302", "file-download", 1, id="object storage"),
        pytest.param("/download?status=206&range=bytes 0-3/7", "file-download", 1, id="first part"),
        pytest.param("/download?status=206&range=bytes 4-6/7", "file-download", 0, id="later part"),
        pytest.param("/download?status=404", "file-download", 0, id="missing"),
        pytest.param("/view", "record-view", 1, id="view"),
        pytest.param("/view?status=304", "record-view", 1, id="view, not modified"),
        pytest.param("/view?to=302", "record-view", 0, id="view that redirects"),
        pytest.param("/search", "search", 1, id="search"),
        pytest.param("/archive", "file-download", 3, id="streaming"),
        pytest.param("/archive?status=500", "file-download", 0, id="streaming an error"),
        pytest.param("/publish", "file-download", 3, id="published by hand"),
        pytest.param("/publish?list=1", "file-download", 3, id="published by hand as a list"),
    ],
)
def test_nothing_is_built_and_the_number_is_what_would_have_counted(
    visitor, waiting, objections, headers, path, event_type, expected
):
    visitor.get(path, headers=headers).get_data()
    assert waiting(event_type) == []
    assert CALLS == [], "no builder runs, and no item is looked up"
    assert objections() == ({event_type: expected} if expected else {})
    visitor.get(path).get_data()
    assert len(waiting(event_type)) == expected, "without an objection as many events are published"


def test_head_is_no_objection_either(visitor, waiting, objections):
    visitor.head("/download", headers=GPC)
    assert (waiting(), objections()) == ([], {})


def test_do_not_track_is_heeded_only_where_the_setting_says_so(app, visitor, waiting, objections, monkeypatch):
    visitor.get("/download", headers=DNT)
    assert (len(waiting()), objections()) == (1, {})
    monkeypatch.setitem(app.config, "STATS_OBJECTION_SIGNALS", ("dnt",))
    visitor.get("/download", headers=DNT)
    assert (waiting(), objections()) == ([], {"file-download": 1})
    visitor.get("/download", headers={**COOKIE, **GPC})
    assert len(waiting()) == 1, "what the setting does not name is no objection"


def test_the_cookie_may_have_another_name(app, visitor, waiting, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_OBJECTION_COOKIE", "no-statistics")
    visitor.get("/download", headers=COOKIE)
    assert len(waiting()) == 1
    visitor.get("/download", headers={"Cookie": "no-statistics=1"})
    assert waiting() == []


@pytest.mark.parametrize("cookies", ["stats-objection=0; stats-objection=1", "stats-objection=1; stats-objection=0"])
def test_one_of_several_cookies_of_the_name_is_enough(visitor, waiting, objections, cookies):
    """A host and its domain may each have set one; which comes first is up to the browser."""
    visitor.get("/download", headers={"Cookie": cookies})
    assert (waiting(), objections()) == ([], {"file-download": 1})


def test_a_header_that_comes_twice_is_heeded(visitor, waiting, objections):
    """A browser sends it, and an extension or a proxy of the visitor adds it once more."""
    visitor.get("/download", headers=[("Sec-GPC", "1"), ("Sec-GPC", "1")])
    assert (waiting(), objections()) == ([], {"file-download": 1})


def test_other_visitors_count_as_before(visitor, waiting, objections):
    """An objection belongs to a request: the next one on the same connection is somebody else's."""
    for headers in ({}, GPC, {}, COOKIE, {"Sec-GPC": "0"}):
        visitor.get("/download", headers=headers)
    assert len(waiting()) == 3
    assert objections() == {"file-download": 2}


def test_a_task_has_no_visitor(app, waiting, objections):
    """What a program publishes outside of a request is not of somebody who could object."""
    current_stats.publish("file-download", [EVENT])
    assert (len(waiting()), objections()) == (1, {})


def test_an_emitter_in_a_request_that_was_not_dispatched_obeys(app, waiting, objections):
    with app.test_request_context("/", headers=GPC):
        current_stats.get_event_emitter("record-view")(app, pid=PID, record=RECORD)
    assert (waiting("record-view"), objections(), CALLS) == ([], {"record-view": 1}, [])


def test_publishing_is_checked_as_ever(app):
    """A mistake in a program is seen by whoever tries it, whatever the browser sends."""
    with app.test_request_context("/", headers=GPC):
        with pytest.raises(AssertionError):
            current_stats.publish("no-such-type", [EVENT])
        with pytest.raises(TypeError):
            current_stats.publish("file-download", EVENT)
        with pytest.raises(TypeError):
            current_stats.publish("file-download", None)


def test_one_choice_is_heeded_by_both_applications_of_a_process(base_app, create_app, app_config, waiting, objections):
    """Pages and REST API share a process and signals; the cookie's path is that of the whole site."""
    api = add_pages(create_app(**app_config, SERVER_NAME=None))
    site = Client(DispatcherMiddleware(base_app.wsgi_app, {"/api": api.wsgi_app}))
    site.set_cookie("stats-objection", "1", path="/")
    for path in ("/view", "/api/download", "/api/archive"):
        assert site.get(path).get_data()
    assert (waiting("record-view"), waiting()) == ([], [])
    assert objections() == {"record-view": 1}
    assert objections(api) == {"file-download": 4}
    site.delete_cookie("stats-objection", path="/")
    for path in ("/view", "/api/download"):
        assert site.get(path).get_data()
    assert (len(waiting("record-view")), len(waiting())) == (1, 1)


def test_no_request_to_engine_or_broker(app, visitor, objections, monkeypatch):
    """A thousand objecting requests cost nobody but themselves anything."""

    def fail(*args, **kwargs):
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("invenio_stats.privacy.objection_counts.publish", fail)
    monkeypatch.setattr("invenio_stats.ext.publish", fail)
    monkeypatch.setattr(app.extensions["invenio-search"].client.transport, "perform_request", fail)
    for _ in range(100):
        assert visitor.get("/download", headers=GPC).status_code == 200
    assert objections() == {"file-download": 100}
