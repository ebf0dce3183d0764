"""A badge shows a number of a public record as a picture, the same for everybody."""

import pytest
from flask import session

from tests.fixtures.markup import read
from tests.flow.pages import site

pytestmark = pytest.mark.usefixtures("seeded")
EVERYBODY = (site.VISITOR, site.UPLOADER, site.MANAGER, site.ADMINISTRATOR)


def ever(metric, **fields):
    return site.plain_sum(metric, site.months_back(site.MONTHS)[0], site.today(), **fields)


def sentence(response):
    return read(response.text).only("title").text


@pytest.mark.parametrize("metric", ["downloads", "views"])
def test_it_says_its_number_with_days_and_rules(get, metric):
    response = get(f"/stats/badge/r1-v2.svg?metric={metric}")
    begin = site.months_back(site.MONTHS)[0]
    said = sentence(response)
    assert said.startswith(f"{ever(metric, parent_id='r1'):,} {metric}, 1 {begin:%B} {begin.year} to ")
    assert said.endswith(", by COUNTER 5.1 rules")


def test_it_may_be_of_one_version_and_of_twelve_months(get):
    assert sentence(get("/stats/badge/r1-v2.svg?versions=this")).startswith(f"{ever('downloads', item_id='r1-v2'):,} ")
    first, last = site.months_back(13)[0], site.months_back(2)[0].replace(day=28)
    count = site.plain_sum("downloads", first, last, parent_id="r1")
    assert sentence(get("/stats/badge/r1-v2.svg?period=12m")).startswith(f"{count:,} downloads, 1 {first:%B %Y} to ")


@pytest.mark.parametrize("user", EVERYBODY)
def test_no_session_goes_with_it(get, app, monkeypatch, user):
    """Proxies keep it for a day, whatever the cookie of who asked."""
    touched = [*app.before_request_funcs.get(None, ()), lambda: session.update(seen=True)]
    monkeypatch.setitem(app.before_request_funcs, None, touched)
    assert "Set-Cookie" not in get("/stats/badge/r1-v2.svg", user).headers


@pytest.mark.parametrize("user", EVERYBODY)
def test_it_is_the_same_for_everybody_in_any_language(get, user):
    response = get("/stats/badge/r1-v2.svg", user, **{"Accept-Language": "de"})
    assert response.mimetype == "image/svg+xml"
    assert response.headers["Cache-Control"] == "public, max-age=86400"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"
    assert response.text == get("/stats/badge/r1-v2.svg").text


@pytest.mark.parametrize("user", EVERYBODY)
@pytest.mark.parametrize("record", ["r4-v1", "unknown"])
def test_what_is_not_public_has_none_for_anybody(get, user, record):
    """Whoever may read a restricted record would show its badge to all others."""
    response = get(f"/stats/badge/{record}.svg", user)
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "private, no-store", "it may be published in a minute"


@pytest.mark.parametrize(
    "question", ["metric=volume", "versions=v1", "period=30d", "colour=red", "metric=views&metric=downloads"]
)
def test_a_wrong_question_is_said(get, question):
    response = get(f"/stats/badge/r1-v2.svg?{question}")
    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert response.headers["Cache-Control"] == "no-store"


def test_the_page_of_a_public_record_offers_it(page, get):
    root = page("/stats/records/r1-v2")
    assert "Show it elsewhere" in [node.text for node in root.walk() if node.tag == "h2"]
    picture, field = root.only("img"), root.only("input", type="text")
    assert get(picture["src"]).status_code == 200
    assert field["value"] == f"http://localhost{picture['src']}"
    assert "readonly" in field.attributes
    assert field.parent.tag == "label"
