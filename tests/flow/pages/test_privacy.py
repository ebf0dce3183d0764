"""The page about privacy: it says what is so by the settings, and keeps a choice in one cookie without an id."""

from io import BytesIO

import pytest

from invenio_stats.contrib.config import EVENTS_CONFIG, SEARCH_EVENTS
from invenio_stats.core.objection import COOKIE_DAYS
from invenio_stats.pages.privacy import DEAD_LETTERS_TASK, EXPIRY_TASK
from tests.fixtures.markup import read
from tests.flow.pages import site

PAGE = "/stats/privacy"
NO, YES = {"count": "no"}, {"count": "yes"}


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "STATS_EVENTS": {**EVENTS_CONFIG, **SEARCH_EVENTS}}


@pytest.fixture
def visitor(app):
    """A browser that has never been here."""
    return app.test_client()


def state(response):
    (note,) = read(response.text).all("div", cls="st-note")
    return note.text


def rules(response):
    """Return what is kept, by the words before it."""
    nodes = [node for node in read(response.text).walk() if node.tag in ("dt", "dd")]
    return {name.text: value.text for name, value in zip(nodes[::2], nodes[1::2], strict=True)}


def chosen(response):
    (button,) = [node for node in read(response.text).all("input") if "checked" in node.attributes]
    return button["value"]


def test_a_choice_is_made_and_withdrawn(visitor):
    """Without JavaScript: a form, and a redirect, so that a reload sends nothing again."""
    assert state(visitor.get(PAGE)).startswith("Your visits are counted at present.")
    answer = visitor.post(PAGE, data=NO)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}?chosen=no")
    shown = visitor.get(PAGE)
    assert state(shown) == "Your visits are not counted. You chose so in this browser."
    assert chosen(shown) == "no"
    answer = visitor.post(PAGE, data=YES)
    assert answer.status_code == 303
    assert visitor.get_cookie("stats-objection") is None
    shown = visitor.get(PAGE)
    assert state(shown).startswith("Your visits are counted at present.")
    assert chosen(shown) == "yes"


def test_the_cookie_has_no_id(app):
    """It is the same for everybody, and no script and no other site can use it."""
    cookies = set()
    for user in (None, site.UPLOADER, site.ADMINISTRATOR):
        headers = {"X-User": user} if user else {}
        answer = app.test_client().post(PAGE, data=NO, headers=headers, base_url="https://localhost")
        (cookie,) = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith("stats-objection")]
        parts = [part.strip() for part in cookie.split(";")]
        cookies.add(tuple(part for part in parts if not part.startswith("Expires")))
    (parts,) = cookies
    assert sorted(parts) == sorted(
        ["stats-objection=1", "Secure", "HttpOnly", f"Max-Age={COOKIE_DAYS * 86_400}", "Path=/", "SameSite=Lax"]
    )


def test_without_https_the_cookie_works_too(visitor):
    """A browser refuses a secure one there, and the choice would be lost."""
    assert "Secure" not in visitor.post(PAGE, data=NO).headers["Set-Cookie"]
    assert visitor.get_cookie("stats-objection").value == "1"


LOST = "Your browser has not kept your choice."


def test_a_browser_that_keeps_no_cookies_is_told_so(app):
    """Otherwise who has said no would believe not to be counted."""
    visitor = app.test_client(use_cookies=False)
    answer = visitor.post(PAGE, data=NO)
    shown = state(visitor.get(answer.headers["Location"]))
    assert shown.startswith("Your visits are counted at present.")
    assert LOST in shown
    assert LOST not in state(visitor.get(PAGE))
    assert LOST not in state(visitor.get(f"{PAGE}?chosen=anything"))


def test_a_choice_that_was_kept_is_not_called_lost(visitor):
    for choice in (NO, YES):
        assert LOST not in state(visitor.post(PAGE, data=choice, follow_redirects=True))


def test_a_no_that_the_browser_does_not_give_up_is_told(visitor):
    """A secure cookie is not replaced by a page without HTTPS."""
    visitor.set_cookie("stats-objection", "1")
    shown = state(visitor.get(f"{PAGE}?chosen=yes"))
    assert shown.startswith("Your visits are not counted.")
    assert LOST in shown


@pytest.mark.parametrize("name", ["__Host-no-statistics", "__Secure-no-statistics"])
def test_a_cookie_with_a_prefix_is_one_that_browsers_keep(app, visitor, monkeypatch, name):
    """It has to be secure, also if the proxy does not say that the page came by HTTPS."""
    monkeypatch.setitem(app.config, "STATS_OBJECTION_COOKIE", name)
    for choice in (NO, YES):
        for line in visitor.post(PAGE, data=choice).headers.getlist("Set-Cookie"):
            assert "Secure" in line
            assert "Path=/" in line
            assert "Domain" not in line


def test_the_cookie_has_the_domain_of_the_session(app, visitor, monkeypatch):
    """The REST API may have a host of its own, with the same session; its downloads obey then."""
    monkeypatch.setitem(app.config, "SESSION_COOKIE_DOMAIN", "example.org")
    visitor.post(PAGE, data=NO, base_url="http://www.example.org")
    assert visitor.get_cookie("stats-objection", "example.org").value == "1"
    answer = visitor.post(PAGE, data=YES, base_url="http://www.example.org")
    gone = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith("stats-objection=;")]
    assert ["Domain=example.org" in line for line in gone] == [True, False]


@pytest.mark.parametrize(
    ("signals", "headers", "says"),
    [
        (("cookie", "gpc"), {"Sec-GPC": "1"}, "Your browser sends the signal Global Privacy Control."),
        (("cookie", "gpc", "dnt"), {"DNT": "1"}, "Your browser sends the signal Do Not Track."),
    ],
)
def test_a_signal_is_named(app, visitor, monkeypatch, signals, headers, says):
    monkeypatch.setitem(app.config, "STATS_OBJECTION_SIGNALS", signals)
    shown = visitor.get(PAGE, headers=headers)
    assert state(shown) == (
        f"Your visits are not counted. {says} As long as it does, your choice below changes nothing."
    )
    assert chosen(shown) == "no"


def test_a_signal_that_is_not_heeded_is_not_claimed(visitor):
    shown = visitor.get(PAGE, headers={"DNT": "1"})
    assert state(shown).startswith("Your visits are counted at present.")
    assert "Do Not Track" not in shown.text


def test_where_only_signals_are_heeded_there_is_no_form(app, visitor, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_OBJECTION_SIGNALS", ("gpc",))
    assert not read(visitor.get(PAGE).text).all("form")
    assert state(visitor.get(PAGE, headers={"Sec-GPC": "1"})) == (
        "Your visits are not counted. Your browser sends the signal Global Privacy Control."
    )
    assert visitor.post(PAGE, data=NO).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "https://elsewhere.example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_no_other_site_makes_or_withdraws_a_choice(visitor, headers, status):
    for choice in (NO, YES):
        answer = visitor.post(PAGE, data=choice, headers=headers)
        assert answer.status_code == status
        assert ("Set-Cookie" in answer.headers) == (status == 303)


@pytest.mark.parametrize("data", [{}, {"count": ""}, {"count": "maybe"}, {"other": "no"}])
def test_a_form_without_a_choice_changes_nothing(visitor, data):
    answer = visitor.post(PAGE, data=data)
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers


def test_no_cache_keeps_the_page(visitor):
    """It differs by cookie and by signals."""
    for answer in (visitor.get(PAGE), visitor.get(PAGE, headers={"Sec-GPC": "1"}), visitor.post(PAGE, data=NO)):
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert {"cookie", "sec-gpc", "dnt"} <= {name.lower() for name in answer.vary}
        assert "ETag" not in answer.headers


@pytest.mark.usefixtures("seeded")
def test_other_pages_are_kept_as_before(visitor):
    """Nothing in them differs for who objects, so one copy is good for all, and a 304 comes as ever."""
    first = visitor.get("/stats/")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    objecting = visitor.get("/stats/", headers={"Sec-GPC": "1"})
    assert objecting.headers["ETag"] == first.headers["ETag"]
    assert objecting.text == first.text
    again = visitor.get("/stats/", headers={"Sec-GPC": "1", "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    links = [link["href"] for link in read(first.text).all("a")]
    assert PAGE in links


@pytest.mark.parametrize("address", ["/stats/quality", PAGE])
def test_nobody_gets_a_session_from_it(visitor, address):
    """Who only looks, or chooses, is not given an id."""
    visitor.get(address)
    visitor.post(PAGE, data=NO)
    assert visitor.get_cookie("session") is None


def test_what_is_kept_is_said_by_the_settings(app, visitor, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "")
    monkeypatch.setitem(app.config, "STATS_COUNTER_CUSTOMERS", [])
    said = rules(visitor.get(PAGE))
    assert set(said) == {"Counted", "Of a click", "Never", "How long", "Who sees it"}
    assert said["Counted"] == "Downloads, Views, and Searches"
    assert "country" not in said["Of a click"]
    assert "institution" not in said["Of a click"]
    assert said["How long"] == (
        "Single clicks until the managers of this repository delete them; then only sums. "
        "The secret behind the daily key is gone after 48 hours."
    )
    assert said["Who sees it"].endswith("Countries and sites with fewer than 5 visitors are one line.")
    tasks = {name: {"task": name} for name in (EXPIRY_TASK, DEAD_LETTERS_TASK)}
    for name, value in {
        "STATS_GEOIP_DATABASE": "countries.mmdb",
        "STATS_COUNTER_CUSTOMERS": [{"customer_id": "library", "name": "Library"}],
        "STATS_FOLD_UNDER": 12,
        "STATS_RETENTION_EVENTS_MONTHS": 6,
        "STATS_DEAD_LETTERS_DAYS": 1,
        "CELERY_BEAT_SCHEDULE": tasks,
    }.items():
        monkeypatch.setitem(app.config, name, value)
    said = rules(visitor.get(PAGE))
    assert "The country, which is looked up from your address at once." in said["Of a click"]
    assert "The institution whose network" in said["Of a click"]
    assert said["How long"].startswith(
        "Single clicks for 6 months, then only sums. Clicks that are not valid for 1 day. The secret"
    )
    assert "fewer than 12 visitors" in said["Who sees it"]
    assert "those who run this repository" in said["Who sees it"]


def test_what_is_kept_against_the_default_is_said(app, visitor, monkeypatch):
    """An event type without `anonymize_user` keeps the user; one of the worker's has the address on its way."""
    download = EVENTS_CONFIG["file-download"]
    events = {
        "record-view": {**EVENTS_CONFIG["record-view"], "params": {"preprocessors": []}},
        "file-download": download,
    }
    monkeypatch.setitem(app.config, "STATS_EVENTS", events)
    monkeypatch.setitem(app.config, "STATS_PSEUDONYMIZE_IN", {"file-download": "worker"})
    said = rules(visitor.get(PAGE))
    assert "The number of your account, if you are signed in (Views)." in said["Of a click"]
    assert "Until a click is counted, it waits together with your address (Downloads)." in said["Never"]


def test_who_asks_is_shown_the_way(app, visitor, monkeypatch):
    words = "Ask those who are responsible for your data"
    assert words not in visitor.get(PAGE).text
    for contact, href in {
        "mailto:privacy@example.org": "mailto:privacy@example.org",
        "privacy@example.org": "mailto:privacy@example.org",
        "https://example.org/privacy": "https://example.org/privacy",
        "https://example.org/@privacy": "https://example.org/@privacy",
        "/privacy": "/privacy",
    }.items():
        monkeypatch.setitem(app.config, "STATS_PRIVACY_CONTACT", contact)
        (link,) = [link for link in read(visitor.get(PAGE).text).all("a") if link.text == words]
        assert link["href"] == href


def test_the_limiter_of_the_instance_is_named(app, visitor, monkeypatch):
    """Its storage has address and user agent, whatever the statistics keep."""
    words = "the repository remembers address and browser for a short time"
    assert words not in visitor.get(PAGE).text
    monkeypatch.setitem(app.extensions, "limiter", {object()})
    said = rules(visitor.get(PAGE))
    assert words in said["Besides"]
    assert words not in said["Never"]
    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", False)
    assert words not in visitor.get(PAGE).text


def test_one_can_object_where_no_page_has_numbers(app, visitor, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", {})
    assert visitor.get("/stats/").status_code == 404
    assert visitor.get(PAGE).status_code == 200
    assert visitor.post(PAGE, data=NO).status_code == 303


def test_the_form_has_the_token_of_the_instance(app, visitor, monkeypatch):
    """Flask-WTF gives templates `csrf_token` where it checks forms."""
    assert not [node for node in read(visitor.get(PAGE).text).all("input") if node["type"] == "hidden"]
    monkeypatch.setitem(app.jinja_env.globals, "csrf_token", lambda: "T0ken")
    (hidden,) = [node for node in read(visitor.get(PAGE).text).all("input") if node["type"] == "hidden"]
    assert (hidden["name"], hidden["value"]) == ("csrf_token", "T0ken")


def test_the_check_of_invenio_rest_lets_the_form_through(create_app, app_config):
    """Its token is sent by scripts only; the page checks by itself who sends a form."""
    other = create_app(**{**app_config, "REST_CSRF_ENABLED": True})
    client = other.test_client()
    client.set_cookie("something", "else")
    assert client.post("/api/stats", json={}).status_code == 400
    assert client.post(PAGE, data=NO).status_code == 303


@pytest.mark.parametrize(
    "form",
    [
        {"data": {**NO, "more": "x" * 20_000}},
        {"data": {**NO, "file": (BytesIO(b"x" * 20_000), "file")}},
        {"input_stream": BytesIO(b"count=no"), "headers": {"Transfer-Encoding": "chunked"}},
    ],
    ids=["a long field", "a file", "without a length"],
)
def test_a_form_that_is_too_long_for_a_choice_is_not_read(visitor, form):
    answer = visitor.post(PAGE, **form)
    assert answer.status_code == 413
    assert visitor.get_cookie("stats-objection") is None
