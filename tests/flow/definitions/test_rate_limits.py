"""The limiter of invenio-app counts requests to statistics by themselves, and stops too many."""

import pytest
from flask import Flask
from invenio_app.ext import InvenioApp

from invenio_stats.definitions import rate_limits
from invenio_stats.ext import finalize_app
from invenio_stats.operations.monitoring.rate_limit_checks import check_rate_limits
from invenio_stats.pages import frame
from tests.flow.pages import site

OFTEN = int(rate_limits.LIMIT.split()[0])
CHOICES = int(rate_limits.PRIVACY_LIMIT.split()[0])
BADGES = int(rate_limits.BADGE_LIMIT.split()[0])


@pytest.fixture
def make_app(app_config):
    """Return a function that makes an instance with invenio-app, as its factories do."""

    def make(**settings) -> Flask:
        app = site.create_app(
            **site.settings(
                SEARCH_HOSTS=app_config["SEARCH_HOSTS"],
                SEARCH_INDEX_PREFIX=app_config["SEARCH_INDEX_PREFIX"],
                APP_ENABLE_SECURE_HEADERS=False,
                APP_HEALTH_BLUEPRINT_ENABLED=False,
                **settings,
            )
        )
        InvenioApp(app)
        finalize_app(app)
        app.add_url_rule("/other", "other", lambda: "other")
        return app

    return make


def count_answers(client, path, most, **options):
    """Return how many requests are answered before one is stopped; `most` if none is."""
    for number in range(most):
        if client.open(path, **options).status_code == 429:
            return number
    return most


def test_pages_and_api_have_one_limit_together(make_app):
    """Other pages of the instance are not stopped by it."""
    client = make_app().test_client()
    assert count_answers(client, "/stats/me", OFTEN - 1) == OFTEN - 1
    assert client.get("/api/stats").status_code == 200
    for path, method in (("/stats/me", "GET"), ("/api/stats", "GET"), ("/api/stats", "POST"), ("/stats/", "GET")):
        answer = client.open(path, method=method)
        assert answer.status_code == 429
        assert answer.headers["Cache-Control"] == "private, no-store"
    assert client.get("/other").status_code == 200


def test_one_can_object_however_often_others_of_the_same_network_ask(make_app):
    """A campus has one address, and many people there the same browser: a hundred of them object in a minute."""
    client = make_app().test_client()
    assert count_answers(client, "/stats/me", OFTEN + 10) == OFTEN
    answer = client.post("/stats/privacy", data={"count": "no"})
    assert (answer.status_code, "stats-objection=1" in answer.headers["Set-Cookie"]) == (303, True)
    assert count_answers(client, "/stats/privacy", CHOICES + 10) == CHOICES - 1


def test_a_page_may_show_many_badges(make_app):
    client = make_app().test_client()
    assert count_answers(client, "/stats/badge/none.svg", BADGES + 10) == BADGES
    assert client.get("/stats/privacy").status_code == 200


def test_the_limit_of_the_operator_is_obeyed(make_app):
    client = make_app(RATELIMIT_PER_ENDPOINT={"invenio_stats_pages.privacy": "3 per minute"}).test_client()
    assert count_answers(client, "/stats/privacy", 10) == 3
    assert client.get("/api/stats").status_code == 200


def test_another_visitor_is_not_stopped(make_app):
    client = make_app(RATELIMIT_PER_ENDPOINT={"invenio_stats_pages.privacy": "3 per minute"}).test_client()
    assert count_answers(client, "/stats/privacy", 10) == 3
    assert client.get("/stats/privacy", environ_base={"REMOTE_ADDR": "192.0.2.9"}).status_code == 200


def test_who_switches_the_limiter_off_has_none(make_app):
    client = make_app(RATELIMIT_ENABLED=False).test_client()
    assert count_answers(client, "/stats/privacy", CHOICES + 10) == CHOICES + 10


def test_without_invenio_app_nothing_is_set(app):
    assert "RATELIMIT_PER_ENDPOINT" not in app.config


@pytest.mark.parametrize(
    ("settings", "level", "text"),
    [
        ({}, "warning", "in each process by itself (RATELIMIT_STORAGE_URI is memory://)"),
        ({"RATELIMIT_STORAGE_URI": "redis://user:secret@limits.example.org:6379/1"}, "ok", "120 per minute"),
        ({"RATELIMIT_ENABLED": False}, "warning", "RATELIMIT_ENABLED is False"),
    ],
)
def test_the_doctor_says_what_limits_requests(make_app, settings, level, text):
    app = make_app()
    app.config.update({"RATELIMIT_ENABLED": True, **settings})  # the limiter itself is one for all applications
    with app.app_context():
        finding = check_rate_limits()
    assert (finding.level, text in finding.message) == (level, True)
    assert bool(finding.cure) == (level != "ok")
    assert "secret" not in finding.message


def test_the_doctor_says_that_nothing_limits_requests(app):
    finding = check_rate_limits()
    assert (finding.level, "no invenio-app" in finding.message) == ("warning", True)
    assert "the server in front" in finding.cure


def test_the_names_are_those_of_the_blueprints(make_app):
    app = make_app()
    assert rate_limits.PAGES == frame.BLUEPRINT
    named = {rate_limits.BADGE, rate_limits.PRIVACY, rate_limits.STATS_QUERY, *rate_limits.WITHOUT_LIMIT}
    assert named <= {*app.view_functions}
