"""The pages in a real InvenioRDM: in its theme, and the use of a record on the record's own page."""

import re
import shutil
import time
from html import unescape

import pytest

from invenio_stats.completeness.answers import CACHE_SECONDS

from .processes import HERE, Program, Web
from .visits import Visitor, addresses

TEMPLATES = HERE.parent.parent / "examples/invenio-rdm/templates"
PEOPLE = 3


@pytest.fixture(scope="module")
def instance(make_instance):
    instance = make_instance()
    shutil.copytree(TEMPLATES, instance.folder / "templates")
    return instance


@pytest.fixture(scope="module")
def program(instance):
    program = Program(instance, "ours", RDM_PAGES="yes").ready()
    program.call("set_up", str(instance.folder / "files"))
    return program


@pytest.fixture(scope="module")
def records(program):
    return program.call("create_records")


@pytest.fixture(scope="module")
def web(instance, records):
    return Web(instance, "ours", RDM_PAGES="yes").ready()


@pytest.fixture(scope="module")
def used(web, program, records):
    """Two versions of a record were viewed, and their files were taken, by some people."""
    for address in addresses(1, PEOPLE):
        visitor = Visitor(web.url, address)
        for version in (records["v1"], records["v2"]):
            visitor.view(version)
            visitor.download(version, records["file"])
        visitor.close()
    program.count()
    code, output = program.call("stats", "aggregations", "process", "item-usage-agg", "record-usage-agg")
    assert code == 0, output
    time.sleep(CACHE_SECONDS + 1)  # so often each web process looks whether totals have changed


@pytest.fixture
def get(web, records):
    """Return a function that opens a page, signed in or not: its status, and its markup."""

    def open_page(address, email=None):
        visitor = Visitor(web.url, "198.51.100.250")
        if email:
            visitor.sign_in(email, records["password"])
        response = visitor.session.get(f"{web.url}{address}")
        visitor.close()
        return response.status_code, response.text

    return open_page


def texts_of(html):
    """Return the visible text of an article or a widget."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_the_use_of_a_record_is_on_its_page(get, records, used):
    status, html = get(f"/records/{records['v2']}")
    assert status == 200
    (widget,) = re.findall(r'<section class="st st-widget".*?</section>', html, re.DOTALL)
    text = texts_of(widget)
    assert f"Downloads {2 * PEOPLE} Views {2 * PEOPLE} All versions, since " in text
    # Who sees both versions in one session is one unique view of the record.
    assert f"Views {2 * PEOPLE} {PEOPLE} Unique views {PEOPLE} {PEOPLE} Downloads {2 * PEOPLE} {PEOPLE} " in text
    assert f'href="/stats/records/{records["v2"]}"' in widget
    assert "/stats/static/stats.css" in html


def test_a_record_without_any_use_has_a_widget_too(get, records, used):
    status, html = get(f"/records/{records['restricted']}", "owner@example.org")
    assert status == 200
    assert "Downloads 0 Views 0 No views or downloads yet." in texts_of(html)


@pytest.mark.parametrize(
    ("address", "heading"),
    [
        pytest.param("/stats/", "How this repository is used", id="repository"),
        pytest.param("/stats/records/{v2}", "Public", id="record"),
        pytest.param("/stats/quality", "How far you can trust these numbers", id="quality"),
        pytest.param("/stats/me", "My statistics", id="me"),
    ],
)
def test_pages_stand_in_the_theme_of_the_instance(get, records, used, address, heading):
    status, html = get(address.format(**records), "owner@example.org")
    assert status == 200
    assert heading in [texts_of(found) for found in re.findall(r"<h1\b.*?</h1>", html, re.DOTALL)]
    assert 'class="invenio-page-body"' in html
    assert html.count('<main id="main">') == 1


def test_who_may_not_read_a_record_has_no_page_of_it(get, records, used):
    assert get(f"/stats/records/{records['restricted']}")[0] == 404
    assert get(f"/stats/records/{records['restricted']}", "stranger@example.org")[0] == 404
    assert get(f"/stats/records/{records['restricted']}", "owner@example.org")[0] == 200
    assert get("/stats/me")[0] == 401


def test_a_badge_is_of_public_records(get, records, used):
    status, picture = get(f"/stats/badge/{records['v2']}.svg")
    assert status == 200
    assert f"{2 * PEOPLE} downloads, " in picture
    assert get(f"/stats/badge/{records['restricted']}.svg", "owner@example.org")[0] == 404
