"""Contract, emission: the shipped builders, and the utilities that they and others use."""

import datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from flask import session

from invenio_stats import utils
from invenio_stats.contrib.event_builders import (
    build_file_unique_id,
    build_record_unique_id,
    file_download_event_builder,
    record_view_event_builder,
)

from .samples import BROWSER, DOWNLOADS, FILE, PID, RECORD, download, naive, on

REQUEST = {
    "headers": {"User-Agent": BROWSER, "Referer": "https://example.org/from"},
    "environ_base": {"REMOTE_ADDR": "192.0.2.9"},
}
SIGNED_IN = SimpleNamespace(is_authenticated=True, get_id=lambda: "100")


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "SECRET_KEY": "test"}


def test_a_download_has_its_fields(app):
    with app.test_request_context("/", **REQUEST):
        event = file_download_event_builder({}, app, obj=FILE)
    assert event.pop("timestamp")
    assert event == {
        "bucket_id": "B1",
        "file_id": "F1",
        "file_key": "paper.pdf",
        "size": 9,
        "referrer": "https://example.org/from",
        "ip_address": "192.0.2.9",
        "user_agent": BROWSER,
        "user_id": None,
        "session_id": None,
    }


def test_a_view_has_its_fields(app):
    with app.test_request_context("/", **REQUEST):
        event = record_view_event_builder({}, app, pid=PID, record=RECORD)
    assert event.pop("timestamp")
    assert event == {
        "record_id": "R1",
        "pid_type": "recid",
        "pid_value": "1",
        "referrer": "https://example.org/from",
        "ip_address": "192.0.2.9",
        "user_agent": BROWSER,
        "user_id": None,
        "session_id": None,
    }


def test_ids_of_a_download_are_text(app):
    obj = SimpleNamespace(bucket_id=UUID(int=1), file_id=UUID(int=2), key="k", file=SimpleNamespace(size=0))
    with app.test_request_context("/"):
        event = file_download_event_builder({}, app, obj=obj)
    assert (event["bucket_id"], event["file_id"]) == (str(UUID(int=1)), str(UUID(int=2)))


def test_unique_ids_are_built_of_the_thing():
    assert build_file_unique_id({"bucket_id": "B", "file_id": "F"})["unique_id"] == "B_F"
    assert build_record_unique_id({"pid_type": "recid", "pid_value": "1"})["unique_id"] == "recid_1"


def test_an_anonymous_user_is_an_address_and_an_agent(app):
    """Their first request has no session and later ones do, which would make two visitors of one."""
    with app.test_request_context("/", **REQUEST):
        session["sid_s"] = "S"
        assert utils.get_user() == {
            "ip_address": "192.0.2.9",
            "user_agent": BROWSER,
            "user_id": None,
            "session_id": None,
        }


def test_a_signed_in_user_has_the_ids_of_user_and_session(app, monkeypatch):
    """Test suites downstream replace `invenio_stats.utils.current_user`."""
    monkeypatch.setattr("invenio_stats.utils.current_user", SIGNED_IN)
    with app.test_request_context("/", **REQUEST):
        session["sid_s"] = "S"
        user = utils.get_user()
    assert (user["user_id"], user["session_id"]) == ("100", "S")


def test_the_session_id_may_be_an_attribute_of_the_session(app, monkeypatch):
    """Where invenio-accounts 9 keeps it for signed-in users."""
    monkeypatch.setattr("invenio_stats.utils.current_user", SIGNED_IN)
    with app.test_request_context("/"):
        session.sid_s = "S"
        assert utils.get_user()["session_id"] == "S"


def test_without_a_request_there_is_no_user(app):
    assert set(utils.get_user()) == {"ip_address", "user_agent", "user_id", "session_id"}


@pytest.mark.parametrize(("enabled", "zone"), [(False, ""), (True, "+00:00")])
@pytest.mark.parametrize("hours", [None, 0, 2])
def test_format_datetime_iso_writes_utc_as_the_setting_says(app, monkeypatch, enabled, zone, hours):
    monkeypatch.setitem(app.config, "STATS_EVENTS_UTC_DATETIME_ENABLED", enabled)
    moment = datetime.datetime(2026, 1, 31, 10 + (hours or 0), 0, 0, 123456)
    if hours is not None:
        moment = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=hours)))
    assert utils.format_datetime_iso(moment) == f"2026-01-31T10:00:00.123456{zone}"
    assert utils.format_datetime_iso(moment, replace_microsecond=True) == f"2026-01-31T10:00:00{zone}"


def test_format_datetime_iso_needs_no_application():
    assert utils.format_datetime_iso(datetime.datetime(2026, 1, 31, 10, 0)) == "2026-01-31T10:00:00"


def test_a_bucket_size_is_how_many_values_a_field_has(app, store_events, search_client, index_prefix):
    store_events(*(download(on(day), file_id=f"F{day}") for day in (1, 2, 3)))
    assert utils.get_bucket_size(search_client, f"{index_prefix}{DOWNLOADS}", "file_id") == 3
    bounds = {"start_date": naive(on(2, 0)), "end_date": naive(on(3, 0))}
    assert utils.get_bucket_size(search_client, f"{index_prefix}{DOWNLOADS}", "file_id", **bounds) == 1


def test_salts_and_countries_are_asked_through_utils(app):
    assert utils.get_geoip("192.0.2.1") is None
    salt = utils.get_anonymization_salt(datetime.datetime(2026, 1, 31, 10, 0))
    assert salt == utils.get_anonymization_salt(datetime.datetime(2026, 1, 31, 23, 0))
    assert salt != utils.get_anonymization_salt(datetime.datetime(2026, 2, 1, 0, 0))
