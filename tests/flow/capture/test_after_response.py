"""Signals become events, and the response decides whether they count."""

import logging
from types import SimpleNamespace

import pytest
from flask import Response, current_app, redirect, request, stream_with_context
from invenio_files_rest.signals import file_downloaded
from invenio_records_ui.signals import record_viewed

from invenio_stats.items.resolver import Item
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import BROWSER

FILE = SimpleNamespace(bucket_id="B", file_id="F", key="paper.pdf", file=SimpleNamespace(size=9))
PID = SimpleNamespace(pid_type="recid", pid_value="1")
RECORD = SimpleNamespace(id="R")


def resolver(pid=None, record=None, obj=None, **kwargs):
    """Know the item of everything."""
    return Item("I", ["bees"], "open")


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "STATS_ITEM_RESOLVER": resolver}


@pytest.fixture(scope="module")
def base_app(base_app):  # noqa: C901 - several small pages
    """The application with pages that send signals before they answer."""

    @base_app.route("/download", methods=["GET", "POST"])
    def download():
        sender = current_app if request.args.get("proxy") else current_app._get_current_object()
        for _ in range(int(request.args.get("times", 1))):
            file_downloaded.send(sender, obj=FILE)
        if request.args.get("to"):
            return redirect("https://storage.example.org/paper.pdf", int(request.args["to"]))
        if request.args.get("fail"):
            raise RuntimeError("the file is missing on disk")
        headers = {"Content-Range": request.args["range"]} if "range" in request.args else {}
        if "sent_by" in request.args:
            headers[request.args["sent_by"]] = "/protected/paper.pdf"
        return Response("content", int(request.args.get("status", 200)), headers)

    @base_app.route("/view")
    def view():
        record_viewed.send(current_app._get_current_object(), pid=PID, record=RECORD)
        if request.args.get("to"):
            return redirect("/elsewhere", int(request.args["to"]))
        return "page"

    @base_app.route("/archive")
    def archive():
        def parts():
            for _ in range(3):
                file_downloaded.send(current_app._get_current_object(), obj=FILE)
                yield "part"

        return Response(stream_with_context(parts()), int(request.args.get("status", 200)))

    @base_app.route("/publish")
    def publish():
        current_stats.publish("file-download", [{"timestamp": "2026-01-31T10:00:00"}])
        return "no", 404

    return base_app


@pytest.fixture
def visitor(base_app):
    """A client outside any other context, as a server's."""
    base_app.config["PROPAGATE_EXCEPTIONS"] = False
    return base_app.test_client()


@pytest.fixture
def waiting(queues):
    """Return what waits on a queue, taking it off."""
    return lambda event_type="file-download": list(current_stats.consume(event_type))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/download", 1, id="delivered"),
        pytest.param("/download?status=304", 1, id="not modified"),
        pytest.param("/download?status=206&range=bytes 0-3/7", 1, id="first part"),
        pytest.param("/download?status=206&range=bytes 4-6/7", 0, id="later part"),
        pytest.param("/download?status=404", 0, id="missing"),
        pytest.param("/download?status=416", 0, id="refused range"),
        pytest.param("/download?status=403", 0, id="refused"),
        pytest.param("/download?to=302", 1, id="object storage"),
        pytest.param("/download?to=301", 0, id="moved"),
        pytest.param("/download?proxy=1", 1, id="sender is the proxy"),
        pytest.param("/download?times=3", 3, id="several in one request"),
        pytest.param("/archive", 3, id="emitted while streaming"),
        pytest.param("/archive?status=500", 0, id="emitted while streaming an error"),
        pytest.param("/publish", 1, id="published by hand"),
    ],
)
def test_what_was_delivered_counts(visitor, waiting, path, expected):
    visitor.get(path).get_data()
    assert len(waiting()) == expected


@pytest.mark.parametrize("header", ["X-Accel-Redirect", "X-Sendfile"])
@pytest.mark.parametrize(
    ("requested", "expected"),
    [("bytes=0-65535", 1), ("bytes=65536-131071", 0), ("bytes=4000000-", 0), ("bytes=-1024", 0), (None, 1)],
)
def test_of_ranges_that_another_server_sends_the_first_counts(visitor, waiting, header, requested, expected):
    """The application answers 200 without Content-Range to each of them."""
    visitor.get(f"/download?sent_by={header}", headers={"Range": requested} if requested else {}).get_data()
    assert len(waiting()) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Sec-Purpose", "prefetch", 0),
        ("Sec-Purpose", "prefetch;prerender", 0),
        ("Purpose", "prefetch", 0),
        ("X-Moz", "prefetch", 0),
        ("X-Purpose", "preview", 0),
        ("X-Other", "prefetch", 1),
    ],
)
def test_what_a_browser_fetches_in_advance_does_not_count(visitor, waiting, name, value, expected):
    visitor.get("/view", headers={name: value})
    assert len(waiting("record-view")) == expected


def test_head_never_counts(visitor, waiting):
    visitor.head("/download")
    assert waiting() == []


def test_a_view_that_redirects_is_no_view(visitor, waiting):
    visitor.get("/view?to=302")
    assert waiting("record-view") == []


@pytest.mark.expect_logged_errors
def test_an_unhandled_error_counts_nothing(visitor, waiting):
    assert visitor.get("/download?fail=1").status_code == 500
    assert waiting() == []


def test_a_download_has_the_fields_of_the_contract_and_its_item(visitor, waiting):
    visitor.get("/download", headers={"User-Agent": BROWSER, "Referer": "https://example.org/x"})
    (event,) = waiting()
    assert event.pop("timestamp")
    for key in ("visitor_id", "unique_session_id", "agent_id", "lists_version"):
        assert event.pop(key)
    assert event.pop("previous_visitor_id", "only in the first seconds of a day")
    assert event == {
        "bucket_id": "B",
        "file_id": "F",
        "file_key": "paper.pdf",
        "size": 9,
        "referrer": "example.org",
        "country": None,
        "agent_class": "browser",
        "is_robot": False,
        "is_machine": False,
        "item_id": "I",
        "parent_id": "I",
        "labels": ["bees"],
        "access_status": "open",
        "access_type": "Open",
    }


def test_events_of_one_request_are_one_batch(visitor, waiting, monkeypatch):
    batches, state = [], type(current_stats._get_current_object())
    publish = state.publish
    monkeypatch.setattr(state, "publish", lambda self, *args: batches.append(args) or publish(self, *args))
    visitor.get("/download?times=5")
    ((event_type, events),) = batches
    assert (event_type, len(events)) == ("file-download", 5)
    assert len({event.event_id for event in events}) == len(waiting()) == 5


def test_an_event_has_its_id_as_message_id(visitor, queues):
    visitor.get("/download")
    (message,) = current_stats.consume("file-download", payload=False)
    assert len(message.properties["message_id"]) == 32
    assert message.properties["delivery_mode"] == 2
    assert "event_id" not in message.payload


def test_without_a_dispatched_request_an_event_is_published_at_once(app, waiting):
    with app.test_request_context("/"):
        current_stats.get_event_emitter("record-view")(app, pid=PID, record=RECORD)
        assert len(waiting("record-view")) == 1


def test_a_signal_of_another_application_is_not_ours(app, waiting, create_app, app_config):
    """The pages and the API share a process, and each has receivers."""
    other = create_app(**app_config, STATS_REGISTER_RECEIVERS=False)
    with other.test_request_context("/"):
        record_viewed.send(other, pid=PID, record=RECORD)
    assert waiting("record-view") == []


def test_what_goes_wrong_in_a_builder_is_logged_and_nothing_else(app, expect_logged_errors):
    with app.test_request_context("/"):
        current_stats.get_event_emitter("file-download")(app, obj=None)
    assert [record.getMessage() for record in expect_logged_errors()] == ["Error building event"]


def test_an_unknown_emitter_is_a_warning(app, caplog):
    with caplog.at_level(logging.WARNING):
        assert current_stats.get_event_emitter("no-such-type") is None
    assert "No such event type" in caplog.text


def test_publishing_an_unknown_type_is_refused(app):
    with pytest.raises(AssertionError, match="'no-such-type' is not in STATS_EVENTS"):
        current_stats.publish("no-such-type", [{}])


def test_what_is_published_comes_back_as_it_was(app, waiting):
    events = [{"timestamp": "2026-01-31T10:00:00", "n": n, "deep": {"list": [1, None, "ü"]}} for n in range(3)]
    current_stats.publish("file-download", iter(events))
    assert waiting() == events
