"""The widget on a page of the instance: it fits in, says what the API says, and leaves the page as it is."""

import pytest

from tests.browser.looking import WIDTHS
from tests.browser.test_every_page import find_faults
from tests.flow.pages.addresses import Address

STYLES = ("host", "semantic")
RECORD = "r1-v2"

OF_HOST = r"""() => {
  const moved = /(^|-)(height|block-size|perspective-origin|transform-origin|template-rows)$/;
  const nodes = [...document.querySelectorAll("html, body, body *:not(link)")].filter(node => !node.closest(".st"));
  return nodes.map(node => {
    const found = getComputedStyle(node), names = [...found].filter(name => !moved.test(name));
    return node.tagName + " " + names.map(name => `${name}: ${found[name]}`).join("; ");
  });
}"""
"""The styles of all elements outside of the widget, except heights, which depend on what is beside them."""


@pytest.fixture(params=STYLES)
def host(request, look):
    """Return a function that opens the page of a record in a style of the host."""

    def open_page(record=RECORD, **options):
        return look(Address("host", f"/host/{request.param}/{record}"), **options)

    return open_page


def test_it_can_be_used_by_everybody(host):
    """In a column and below the record; wide and narrow, light and dark, with details closed and open."""
    window = host()
    assert "default-src 'self'" in window.response.headers["content-security-policy"]
    assert window.page.locator(".st-widget h2").text_content() == "Usage"
    assert not find_faults(window)
    assert not window.small_texts()
    assert not window.console


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_its_column(host, width):
    window = host()
    window.open_details()
    window.resize(width)
    assert not window.cut_off()
    widget, column = (window.page.locator(selector).bounding_box() for selector in (".st-widget", "aside"))
    assert column["x"] <= widget["x"]
    assert widget["x"] + widget["width"] <= column["x"] + column["width"] + 1


def test_its_numbers_are_those_of_the_api(host):
    window = host()
    window.open_details()

    def ask(**params):
        answer = window.page.request.get(
            "/api/stats/record-total", params={"record": RECORD, "period": "all", **params}
        )
        assert answer.status == 200
        return answer.json()

    def number(text):
        return int(text.replace(",", ""))

    every, single = ask(), ask(versions="this")
    shown = dict(
        zip(
            window.page.locator(".st-widget dt").all_text_contents(),
            map(number, window.page.locator(".st-widget .st-big").all_text_contents()),
            strict=True,
        )
    )
    assert shown == {"Downloads": every["downloads"], "Views": every["views"]}
    rows = {
        row.locator("th").text_content(): row.locator("td").all_text_contents()
        for row in window.page.locator(".st-widget tbody tr").all()
    }
    for name, metric in (("Views", "views"), ("Downloads", "downloads"), ("Unique downloads", "unique_downloads")):
        assert [number(text) for text in rows[name]] == [every[metric], single[metric]]
    assert 0 < single["downloads"] < every["downloads"]


def test_the_host_looks_as_it_does_without_it(host):
    """Our style sheet says nothing of what is outside of the widget."""
    with_widget, without = host(), host("unknown")
    assert (with_widget.page.locator(".st-widget").count(), without.page.locator(".st-widget").count()) == (1, 0)
    assert with_widget.page.evaluate(OF_HOST) == without.page.evaluate(OF_HOST)


def test_its_link_leads_to_the_statistics_of_the_record(host):
    window = host()
    window.page.get_by_role("link", name="Statistics of this record").click()
    assert window.page.url.endswith(f"/stats/records/{RECORD}")
    assert window.page.locator("h1").count() == 1
