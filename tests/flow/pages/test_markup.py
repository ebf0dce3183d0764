"""What holds for the markup of every page, whatever it shows."""

import re

import pytest

from invenio_stats.pages.frame import BLUEPRINT
from tests.fixtures.markup import read
from tests.flow.pages import site
from tests.flow.pages.addresses import EVERY, answering

FORBIDDEN = re.compile(r"""\sstyle=|<style|<script|\son[a-z]+=|["'(]data:""", re.IGNORECASE)
NO_PAGES = {"static", "badge"}
"""What the blueprint serves beside pages."""


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("address", EVERY, ids=lambda address: address.name)
def test_a_page_is_whole(app, get, address):
    """It answers as the table says, keeps the strictest policy, and all that is named is there, once."""
    with answering(app, address.answers):
        response = get(address.path, address.user)
    assert response.status_code == address.status
    assert not FORBIDDEN.search(response.text)
    assert len(response.data) < 80_000
    root = read(response.text)
    assert address.says in root.only("main").text
    check_names(root)
    check_headings(root)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("address", EVERY, ids=lambda address: address.name)
def test_titles_and_names_are_text(app, get, monkeypatch, address):
    """Uploaders choose titles, names of files and their own."""
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    monkeypatch.setattr(site, "TITLES", tuple(f"{title}{hostile}" for title in site.TITLES))
    monkeypatch.setattr(site.Library, "user_names", lambda self, user_ids: dict.fromkeys(user_ids, hostile))
    with answering(app, address.answers):
        root = read(get(address.path, address.user).text)
    assert not root.all("script")
    assert not [node for node in root.walk() if "onerror" in node.attributes]


def check_names(root):
    ids = [node["id"] for node in root.walk() if node["id"]]
    assert len(ids) == len(set(ids))
    for node in root.walk():
        for name in ("aria-labelledby", "aria-describedby"):
            assert node[name] is None or node[name] in ids
    regions = [region["aria-label"] for region in root.all(role="region")]
    assert len(regions) == len(set(regions))
    for link in root.all("a"):
        if "download" in link.attributes:
            assert link.text in link["aria-label"]


def check_headings(root):
    levels = [int(node.tag[1]) for node in root.walk() if re.fullmatch("h[1-6]", node.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(levels, levels[1:], strict=False))
    for table in root.all("table"):
        assert table.only("caption").text
        assert all(cell["scope"] in ("col", "row") for cell in table.all("th"))


def test_every_page_is_in_the_table_of_addresses(app):
    """A new page gets all checks, also those in the browser."""
    adapter = app.url_map.bind("localhost")
    known = {adapter.match(address.path.partition("?")[0])[0] for address in EVERY}
    served = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{BLUEPRINT}.")}
    assert known == served - {f"{BLUEPRINT}.{name}" for name in NO_PAGES}
