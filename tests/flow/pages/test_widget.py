"""The widget shows the use of a record on a page of the instance, which it never breaks."""

import gzip

import pytest
from flask import render_template_string

from invenio_stats.pages import widget
from invenio_stats.pages.views import create_blueprint
from invenio_stats.pages.widget import find_use, record_stats
from invenio_stats.queries.usage.many_records import identify_records
from invenio_stats.search.budget import OutOfTimeError
from tests.conftest import create_light_app
from tests.fixtures.markup import read
from tests.flow.pages import site
from tests.flow.pages.test_repository import FORBIDDEN, number

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def show(app):
    """Return a function that fills a template as the page of a record does, and gives its markup."""

    def fill(template, **values):
        with app.test_request_context("/records/r1"):
            return render_template_string(template, **values)

    return fill


@pytest.fixture
def requests(seeded, monkeypatch):
    """The requests that are sent to the search engine."""
    sent, perform = [], seeded.transport.perform_request

    def count(method, url, **kwargs):
        sent.append(url.rpartition("/")[2])
        return perform(method, url, **kwargs)

    monkeypatch.setattr(seeded.transport, "perform_request", count)
    return sent


@pytest.fixture
def empty_cache(app):
    app.extensions["invenio-cache"].cache.clear()


def ever(metric, **fields):
    return site.plain_sum(metric, site.months_back(site.MONTHS)[0], site.today(), **fields)


def test_it_has_the_numbers_of_all_versions_and_of_this_one(show):
    root = read(show("{{ record_stats('r1-v2') }}"))
    assert root.only("section", cls="st-widget")["aria-labelledby"] == root.only("h2")["id"]
    big = [item.text for item in root.all("dd", cls="st-big")]
    assert list(map(number, big)) == [ever(metric, parent_id="r1") for metric in ("downloads", "views")]
    rows = root.table("All versions and this one")[1:]
    assert [row[0] for row in rows] == ["Views", "Unique views", "Downloads", "Unique downloads", "Data volume"]
    assert number(rows[0][2]) == ever("views", item_id="r1-v2")
    assert number(rows[2][1]) == number(big[0])
    begin = site.months_back(site.MONTHS)[0]
    assert f"All versions, since {begin:%B} 1, {begin.year}" in root.text
    assert root.all("ul", cls="st-links")[0].only("a")["href"] == "/stats/records/r1-v2"
    assert "Updated " in root.only("p", cls="st-foot").text


def test_bars_are_those_of_twelve_months(show):
    root = read(show("{{ record_stats('r1-v2') }}"))
    bars = [bar for bar in root.only("svg", cls="st-spark").all("rect") if bar.parent.tag == "svg"]
    months = site.months_back(12)
    sums = [site.plain_sum("downloads", month, month.replace(day=28), parent_id="r1") for month in months]
    assert len(bars) == 12
    for bar, value in zip(bars, sums, strict=True):
        assert float(bar["height"]) == pytest.approx(max(1, 39 * value / max(sums)), abs=0.01)
    assert bars[-1]["fill"].startswith("url(#")
    assert f"{sums[-1]:,} this month so far." in root.text


def test_what_is_unique_stands_large_where_the_setting_says_so(show, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_PAGES_HEADLINE", "unique")
    root = read(show("{{ record_stats('r1-v2') }}"))
    assert root.all("dt")[0].text == "Unique downloads"
    assert number(root.all("dd")[0].text) == ever("unique_downloads", parent_id="r1")


def test_it_is_small_and_needs_our_style_sheet_only(show):
    html = show("{{ record_stats('r1-v2') }}")
    assert not FORBIDDEN.search(html)
    assert html.count('<link rel="stylesheet" href="/stats/static/stats.css') == 1
    assert len(gzip.compress(html.encode())) < 1_740


def test_many_records_are_one_question(show, requests, empty_cache):
    template = "{% for pid in pids %}{{ record_stats(pid, among=pids, heading_level=3) }}{% endfor %}"
    root = read(show(template, pids=["r1-v2", "r2-v2", ("r3-v1", "r3"), "unknown"]))
    assert len(root.all("section")) == len(root.all("h3")) == 3
    assert requests.count("_msearch") == 2
    assert len(root.all("link")) == 1
    ids = [node["id"] for node in root.walk() if node["id"]]
    assert len(ids) == len(set(ids))


def test_numbers_are_kept_as_long_as_no_total_changes(show, requests, empty_cache):
    first = show("{{ record_stats('r1-v2') }}")
    del requests[:]
    assert show("{{ record_stats('r1-v2') }}") == first
    assert requests == []


def test_a_parent_stands_for_all_versions(app):
    with app.test_request_context():
        (use,) = find_use(list(identify_records(["r1"])), site.datetime.now(site.timezone.utc)).values()
    assert use.this_version == use.all_versions


def test_an_unknown_record_shows_nothing(show):
    assert show("<p>{{ record_stats('unknown') }}</p>") == "<p></p>"


def test_the_page_of_a_record_is_never_broken(show, monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("of a visitor")

    monkeypatch.setattr(widget, "find_use", fail)
    assert show("<p>{{ record_stats('r1-v2') }}</p>") == "<p></p>"
    (line,) = [line for line in caplog.records if line.message == "The widget of a record cannot be shown"]
    assert "of a visitor" not in str(line.exc_info[1])
    caplog.clear()


def test_without_pages_nothing_is_shown():
    """A template may stay as it is when pages are switched off, or lack item usage."""
    app = create_light_app(SECRET_KEY="of the tests")
    app.register_blueprint(create_blueprint(app))
    with app.test_request_context():
        assert render_template_string("<p>{{ record_stats('r1') }}</p>") == "<p></p>"
    app = create_light_app(SECRET_KEY="of the tests", STATS_PAGES_ENABLED=True)
    app.register_blueprint(create_blueprint(app))
    with app.test_request_context():
        assert record_stats("r1") == ""


def test_a_page_of_many_records_waits_once(show, monkeypatch, caplog):
    """An engine that hangs costs the page the time of one widget, not of each."""
    asked = []

    def fail(*args):
        asked.append(args)
        raise OutOfTimeError("The deadline has passed.")

    monkeypatch.setattr(widget, "find_use", fail)
    template = "{% for pid in pids %}{{ record_stats(pid, among=pids) }}{% endfor %}"
    assert show(template, pids=["r1-v2", "r2-v2", "r3-v2"]) == ""
    assert len(asked) == 1
    (line,) = [line for line in caplog.records if line.name == widget.__name__]
    assert line.message == "The widget of a record cannot be shown"
    caplog.clear()
