"""Pages inside an instance: its template, its addresses, and none where they are switched off."""

import re
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
from babel import Locale
from jinja2 import ChoiceLoader, DictLoader

from invenio_stats import ext
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.pages.views import create_blueprint
from tests.conftest import create_light_app
from tests.fixtures.markup import read
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


def test_what_is_missing_is_logged_at_the_start(caplog, monkeypatch):
    monkeypatch.setattr(ext, "_told", set())
    app = create_light_app(STATS_PAGES_ENABLED=True)
    finalize_app(app)
    finalize_app(app)
    (record,) = [record for record in caplog.records if "pages lack" in record.message]
    assert record.add[0] == "from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG, " + (
        "QUERIES_CONFIG, SEARCH_EVENTS, USAGE_AGGREGATIONS, USAGE_QUERIES"
    )
    assert len(record.add) == 4
    assert all(line in record.message for line in record.add)


@pytest.mark.parametrize("source", ["page", "log"])
def test_lines_that_switch_pages_on_fit_together(source, caplog, monkeypatch):
    """Whoever follows the documentation, or the log, is not warned afterwards."""
    monkeypatch.setattr(ext, "_told", set())
    if source == "page":
        block = (Path(__file__).parents[3] / "docs/pages.rst").read_text().partition(".. code-block:: python\n\n")[2]
        lines = dedent(re.split(r"\n(?=\S)", block)[0])
    else:
        finalize_app(create_light_app(STATS_PAGES_ENABLED=True))
        (record,) = [record for record in caplog.records if "pages lack" in record.message]
        lines = "\n".join([*record.add, "STATS_PAGES_ENABLED = True"])
    settings = {}
    exec(lines, settings)
    caplog.clear()
    finalize_app(create_light_app(**{name: value for name, value in settings.items() if name.startswith("STATS_")}))
    assert not [record.message for record in caplog.records if record.name == ext.__name__]


@pytest.mark.parametrize(("locale", "language"), [("de", "de"), ("pt_BR", "pt-BR"), ("zh_Hant_TW", "zh-Hant-TW")])
def test_a_language_is_named_with_its_script(app, locale, language):
    """Browsers choose the font by it: characters of Taiwan are not those of China."""
    shown = SimpleNamespace(locale=Locale.parse(locale))
    with app.test_request_context():
        root = read(app.jinja_env.get_template("invenio_stats/base.html").render(current_i18n=shown))
    assert root.only("html")["lang"] == language


def test_log_in_leads_back_to_the_page_below_any_path():
    """An instance may be mounted below a path, of which Flask's `full_path` says nothing."""
    app = site.create_app(**site.settings())
    app.add_url_rule("/login/", "security.login", lambda: "")
    response = app.test_client().get("/stats/me?period=30d", environ_overrides={"SCRIPT_NAME": "/repo"})
    (link,) = [link["href"] for link in read(response.text).all("a") if "login" in link["href"]]
    assert link == "/repo/login/?next=/repo/stats/me?period%3D30d"


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "address", ["/stats/records/soon", "/stats/communities/soon", "/api/stats/record-total?record=soon"]
)
def test_what_is_not_there_yet_is_kept_nowhere(get, address):
    """A record may be published in a minute; a proxy that is told nothing keeps the answer as long as it likes."""
    response = get(address)
    assert (response.status_code, response.headers["Cache-Control"]) == (404, "private, no-store")


@pytest.mark.usefixtures("seeded")
def test_a_title_keeps_its_direction_among_others(page):
    """Its digits and signs would stand at the wrong end, or with those of its neighbour."""
    names = [row.only("bdi").text for row in page("/stats/lists/records").all("th", scope="row")]
    assert len(names) == 12
    assert site.TITLES[9] in names
