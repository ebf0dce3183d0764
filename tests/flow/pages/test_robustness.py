"""What visitors, proxies and an engine in trouble do to pages: nothing is kept too long, nothing leads nowhere."""

import json
from types import SimpleNamespace

import pytest
from flask import request
from werkzeug.routing import Rule

from tests.fixtures.markup import read
from tests.flow.pages import site
from tests.flow.pages.addresses import AWAY, answering

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def on_campus(app, monkeypatch):
    """Yield `on_campus(*names)`: these queries, or all, are permitted by a header only, whoever is signed in."""

    def close(*names):
        def factory(name, params):
            if names and name not in names:
                return None
            return SimpleNamespace(can=lambda: request.headers.get("X-Campus") == "1")

        state = type(app.extensions["invenio-stats"])
        monkeypatch.setattr(state, "permission_factory", property(lambda self: factory))

    return close


@pytest.mark.parametrize("name", ["repository-series", "repository-countries"])
def test_a_page_without_all_of_its_parts_is_not_kept(app, get, name):
    """The part may be back in a moment: neither a proxy nor a 304 may show its absence for longer."""
    with answering(app, {name: AWAY}):
        response = get("/stats/")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "private, no-store")
    assert "ETag" not in response.headers
    assert get("/stats/").headers["Cache-Control"] == "public, max-age=300"


def test_what_is_permitted_to_some_only_is_not_for_proxies(get, on_campus):
    on_campus("repository-countries")
    inside = get("/stats/", **{"X-Campus": "1"})
    assert "Where readers come from" in inside.text
    assert inside.headers["Cache-Control"] == "private, max-age=0, must-revalidate"
    outside = get("/stats/")
    assert "Where readers come from" not in outside.text
    assert outside.headers["Cache-Control"] == "public, max-age=300"


def test_pages_that_name_people_are_not_kept_whatever_is_permitted(get, on_campus):
    on_campus("user-series")
    response = get("/stats/me", site.UPLOADER, **{"X-Campus": "1"})
    assert response.headers["Cache-Control"] == "private, no-store"


def test_a_badge_that_is_permitted_to_some_only_is_not_for_proxies(get, on_campus):
    assert get("/stats/badge/r1-v2.svg").headers["Cache-Control"] == "public, max-age=86400"
    on_campus()
    assert get("/stats/badge/r1-v2.svg", **{"X-Campus": "1"}).headers["Cache-Control"] == "private, max-age=86400"
    assert get("/stats/badge/r1-v2.svg").status_code == 404


@pytest.mark.parametrize("tag", ['""', 'W/""', "*", ",,", "\xff"])
def test_a_tag_that_is_none_is_no_error(get, tag):
    assert get("/stats/", **{"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/stats/?unknown=1",
        "/stats/?versions=xyz",
        "/stats/?compare=xyz&interval=xyz",
        "/stats/?after=xyz",
        "/stats/?period=12m&from=2026-04&to=2026-03",
        "/stats/?from=2026-04&to=2026-03&unknown=1",
        "/stats/records/r1?versions=this",
        "/stats/lists/records?by=xyz&size=7",
        "/stats/lists/files?record=r1&by=views",
    ],
)
def test_a_wrong_question_leads_to_right_ones(page, get, address):
    """All links and the form of the page that says what is wrong lead out of it."""
    article = page(address, status=400).only("article")
    fields = {field["name"]: field["value"] for field in article.all("input", type="hidden")}
    assert {name: value for name, value in fields.items() if name != "record"} == {}
    statuses = {link["href"]: get(link["href"]).status_code for link in article.all("a")}
    assert len(statuses) >= 4
    assert set(statuses.values()) == {200}


def test_a_wrong_question_keeps_what_is_right(page):
    root = page("/stats/lists/records?by=views&size=7", status=400)
    assert {field["name"]: field["value"] for field in root.all("input", type="hidden")} == {"by": "views"}


def test_after_logging_in_one_is_back_below_the_prefix_of_the_application(app, client, monkeypatch):
    monkeypatch.setitem(app.view_functions, "security.login", lambda: "")
    app.url_map.add(Rule("/login", endpoint="security.login"))
    response = client.get("/stats/me?period=30d", environ_overrides={"SCRIPT_NAME": "/ui"})
    assert response.status_code == 401
    (link,) = [link["href"] for link in read(response.text).all("a") if "login" in link["href"]]
    assert link == "/ui/login?next=/ui/stats/me?period%3D30d"


@pytest.mark.parametrize("address", ["/stats/", "/stats/records/r1", "/stats/badge/r1-v2.svg"])
def test_an_index_that_cannot_be_read_is_an_engine_that_is_away(app, get, seeded, monkeypatch, caplog, address):
    """As while the engine starts: the answer is 503, and the log has the cause."""

    def close(body):
        return {"docs": [{"error": {"type": "index_closed_exception"}} for _document in json.loads(body)["docs"]]}

    monkeypatch.setattr(seeded, "mget", close)
    app.extensions.pop("invenio-stats-completeness", None)
    response = get(address)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "120")
    assert "no-store" in response.headers["Cache-Control"]
    assert {line.message for line in caplog.records} == {"A query got no answer"}
    caplog.clear()
