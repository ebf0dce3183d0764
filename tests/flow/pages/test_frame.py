"""Pages inside an instance: its template, its addresses, and none where they are switched off."""

import pytest
from jinja2 import ChoiceLoader, DictLoader

from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.pages.views import create_blueprint
from tests.conftest import create_light_app
from tests.flow.pages import site

HOST = """<!DOCTYPE html><html lang="fr"><head><title>{{ title }} | Host</title>
{%- block css %}<link rel="stylesheet" href="/host.css">{% endblock %}</head>
<body><main id="main">{% block page_body %}{% endblock %}</main></body></html>"""


@pytest.fixture
def host(app, monkeypatch):
    """A template of the instance."""
    loader = ChoiceLoader([app.jinja_loader, DictLoader({"host.html": HOST})])
    monkeypatch.setattr(app, "jinja_loader", loader)
    app.jinja_env.cache.clear()


@pytest.mark.usefixtures("seeded", "host")
@pytest.mark.parametrize("setting", ["BASE_TEMPLATE", "STATS_PAGES_BASE_TEMPLATE"])
def test_a_page_stands_in_the_template_of_the_instance(page, app, monkeypatch, setting):
    monkeypatch.setitem(app.config, setting, "host.html")
    root = page("/stats/")
    assert root.only("head").only("title").text == "How this repository is used | Host"
    assert [link["href"].partition("?")[0] for link in root.all("link", rel="stylesheet")] == [
        "/host.css",
        "/stats/static/stats.css",
    ]
    assert root.only("main").only("article", cls="st").only("h1")


@pytest.mark.usefixtures("seeded")
def test_without_one_a_page_is_bare_and_whole(page):
    root = page("/stats/")
    assert root.only("html")["class"] == "st-page"
    assert root.only("a", cls="st-skip")["href"] == f"#{root.only('main')['id']}"
    levels = [int(node.tag[1]) for node in root.walk() if node.tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in zip(levels, levels[1:], strict=False))


@pytest.mark.usefixtures("seeded")
def test_tables_and_regions_have_names(page):
    root = page("/stats/")
    names = [region["aria-label"] for region in root.all(role="region")]
    assert len(names) == len(set(names)) >= 4
    for table in root.all("table"):
        assert table.only("caption").text
        assert all(cell["scope"] in ("col", "row") for cell in table.all("th"))


def test_pages_are_off_by_default():
    app = create_light_app(SECRET_KEY="of the tests")
    app.register_blueprint(create_blueprint(app))
    assert not [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("invenio_stats_pages")]


def test_pages_may_stand_elsewhere():
    app = create_light_app(**site.settings(STATS_PAGES_URL_PREFIX="usage/"))
    app.register_blueprint(create_blueprint(app))
    rules = {rule.endpoint: rule.rule for rule in app.url_map.iter_rules()}
    assert rules["invenio_stats_pages.repository"] == "/usage/"
    assert rules["invenio_stats_pages.record"] == "/usage/records/<record>"


def test_a_headline_that_there_is_not_stops_the_application():
    with pytest.raises(ConfigurationError, match="STATS_PAGES_HEADLINE is 'big'"):
        create_light_app(STATS_PAGES_HEADLINE="big")


def test_what_is_missing_is_logged_at_the_start(caplog):
    app = create_light_app(STATS_PAGES_ENABLED=True)
    finalize_app(app)
    lines = [record.add for record in caplog.records if "pages lack" in record.message]
    assert lines[-1][0] == "from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, QUERIES_CONFIG, " + (
        "USAGE_AGGREGATIONS, USAGE_QUERIES"
    )
    assert len(lines[-1]) == 3
