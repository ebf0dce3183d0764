"""Contract, emission: from a signal or a direct call to an event on the queue."""

import datetime
import logging
from types import SimpleNamespace

import pytest
from flask import current_app
from invenio_files_rest.signals import file_downloaded
from invenio_records_ui.signals import record_viewed

from invenio_stats import current_stats
from invenio_stats.processors import EventsIndexer
from invenio_stats.receivers import EventEmitter, build_event_emitter, register_receivers

from .samples import BROWSER, FILE, PID, RECORD

REQUEST = {
    "headers": {"User-Agent": BROWSER, "Referer": "https://example.org/from"},
    "environ_base": {"REMOTE_ADDR": "192.0.2.9"},
}
SIGNED_IN = SimpleNamespace(is_authenticated=True, get_id=lambda: "100")


def note(seen):
    """Return a builder that notes what it is given."""

    def build(event, *args, **kwargs):
        seen.append((dict(event), args, kwargs))
        return {**event, "timestamp": "2026-01-31T10:00:00", "step": len(seen)}

    return build


@pytest.fixture(scope="module")
def app_config(app_config):
    """With an event type without signal, which counts nobody's item."""
    events = {**app_config["STATS_EVENTS"], "plain": {"cls": EventsIndexer}}
    return {**app_config, "SECRET_KEY": "test", "STATS_EVENTS": events}


@pytest.fixture
def waiting(queues):
    """Return what waits on a queue, taking it off."""
    return lambda event_type="plain": list(current_stats.consume(event_type))


def test_a_chain_starts_from_nothing_and_hands_the_event_on(app, waiting):
    seen = []
    EventEmitter("plain", [note(seen), note(seen)])(app, 1, key="value")
    first, second = seen
    assert first == ({}, (app, 1), {"key": "value"})
    assert second == ({"timestamp": "2026-01-31T10:00:00", "step": 1}, (app, 1), {"key": "value"})
    assert waiting() == [{"timestamp": "2026-01-31T10:00:00", "step": 2}]


def test_a_builder_drops_an_event_with_none(app, waiting):
    seen = []
    EventEmitter("plain", [lambda event, *args, **kwargs: None, note(seen)])(app)
    assert (seen, waiting()) == ([], [])


def test_no_exception_leaves_an_emitter(app, waiting, expect_logged_errors):
    EventEmitter("plain", [lambda event, sender_app: event["missing"]])(app)
    assert [record.getMessage() for record in expect_logged_errors()] == ["Error building event"]
    assert waiting() == []


def test_an_emitter_is_built_of_the_configuration_that_is_given(app, waiting):
    events = {"plain": {"event_builders": [f"{__name__}:builder_of_a_string"]}}
    build_event_emitter("plain", events)(app)
    assert [event["from"] for event in waiting()] == ["a string"]
    assert build_event_emitter("record-view").name == "record-view"


def builder_of_a_string(event, sender_app):
    """Build an event for `build_event_emitter`, found by its import string."""
    return {**event, "timestamp": "2026-01-31T10:00:00", "from": "a string"}


def test_receivers_are_registered_for_any_sender_and_stay_connected(app, waiting):
    """A receiver is a function that nobody else holds: a weak reference to it would die at once."""
    from blinker import Signal

    signal = Signal()
    register_receivers(app, {"record-view": {"signal": signal, "cls": EventsIndexer}})
    for sender in (app, current_app, object(), None):
        signal.send(sender, pid=PID, record=RECORD)
    assert len(waiting("record-view")) == 4


@pytest.mark.parametrize("sender", [lambda: current_app._get_current_object(), lambda: current_app])
def test_the_built_in_signals_are_counted(app, waiting, sender):
    """Some programs send with the proxy, which a receiver bound to the application would never see."""
    with app.test_request_context("/", **REQUEST):
        record_viewed.send(sender(), pid=PID, record=RECORD)
        file_downloaded.send(sender(), obj=FILE)
    assert len(waiting("record-view")) == len(waiting("file-download")) == 1


def test_a_signal_sent_in_another_application_is_not_ours(app, waiting, create_app, app_config):
    """The UI and the API share a process, and both have receivers."""
    other = create_app(**{**app_config, "STATS_REGISTER_RECEIVERS": False})
    with other.app_context():
        record_viewed.send(app, pid=PID, record=RECORD)
    assert waiting("record-view") == []


def test_downstream_calls_emitters_directly(app, waiting):
    """InvenioRDM has no signals: its resources call the emitter with what they have."""
    seen = []
    current_stats.get_event_emitter("plain").builders[:] = [note(seen)]
    with app.test_request_context("/"):
        current_stats.get_event_emitter("plain")(current_app, record=RECORD, obj=FILE, via_api=True)
    assert seen[0][2] == {"record": RECORD, "obj": FILE, "via_api": True}
    assert len(waiting()) == 1


def test_builders_read_the_clock_through_the_datetime_module(app, monkeypatch, waiting):
    """Test suites downstream replace `datetime.datetime` while builders run."""

    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2017, 8, 11, 12, 32, 56, tzinfo=tz)

        @classmethod
        def utcnow(cls):
            return cls(2017, 8, 11, 12, 32, 56)

    with app.test_request_context("/"):
        with monkeypatch.context() as patch:
            patch.setattr(datetime, "datetime", Then)
            current_stats.get_event_emitter("record-view")(app, pid=PID, record=RECORD)
        assert [event["timestamp"] for event in waiting("record-view")] == ["2017-08-11T12:32:56"]


def test_an_unknown_event_type_costs_the_request_nothing(app, caplog):
    with caplog.at_level(logging.WARNING):
        assert build_event_emitter("no-such-type") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
