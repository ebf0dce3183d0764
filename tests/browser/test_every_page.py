"""Every page and every state, in three widths, light and dark, with details closed and open."""

import pytest

from tests.browser.looking import RULES_OF_COLOURS, WIDTHS
from tests.flow.pages.addresses import PAGES, STATES


def find_faults(window, openings=(False, True)):
    """Return what axe finds, and what is too wide or too small, with the circumstances."""
    faults = []
    for width in WIDTHS:
        for is_open in openings:
            window.open_details(is_open)
            window.resize(width, "light")
            found = [*window.violations(), *window.layout_faults(), *window.chart_faults()]
            if width == WIDTHS[-1]:
                found += window.scrolled_tables()
            window.resize(width, "dark")
            found += [f"dark: {fault}" for fault in window.violations(RULES_OF_COLOURS)]
            faults += [f"{width} px, {'open' if is_open else 'closed'}: {fault}" for fault in found]
    return "\n".join(faults)


@pytest.mark.parametrize("address", PAGES, ids=lambda address: address.name)
def test_a_page_can_be_used_by_everybody(look, address):
    """Axe finds nothing, nothing is too wide or too small, and the console stays empty."""
    window = look(address)
    assert window.response.status == address.status
    assert "default-src 'self'" in window.response.headers["content-security-policy"]
    assert not find_faults(window)
    assert not window.console


@pytest.mark.parametrize("address", STATES, ids=lambda address: address.name)
def test_so_can_what_stands_in_its_place(look, address):
    """What is on such a page is most of a page: closed details are looked at there."""
    window = look(address)
    assert window.response.status == address.status
    assert address.says in window.page.inner_text("main")
    assert not find_faults(window, openings=[True])
    assert not window.console


@pytest.mark.parametrize("address", PAGES, ids=lambda address: address.name)
def test_a_page_stands_inside_of_semantic_ui(look, server, address):
    """Its root is 14 px; text stays at least 13 px high and targets 44 px, as in a page of its own."""
    with server.inside("semantic.html"):
        window = look(address)
    assert window.style("html", "fontSize") == "14px"
    window.open_details()
    for width in WIDTHS:
        window.resize(width)
        assert not [*window.layout_faults(), *window.chart_faults(), *window.small_texts()]
    assert not window.violations()
    assert not window.console


def test_numbers_of_twelve_digits_have_their_room(look):
    """None stands over the next one, in any width."""
    many = {"downloads": 414_519_000_000, "views": 621_108_000_000}
    window = look(PAGES[0]._replace(answers={"repository-total": many}))
    for width in WIDTHS:
        window.resize(width)
        assert not window.layout_faults()
        boxes = window.page.eval_on_selector_all(".st-big", "all => all.map(n => n.scrollWidth - n.clientWidth)")
        assert max(boxes) <= 0, width


def test_without_dark_colours_of_the_host_a_page_stays_light(look, server):
    """The host declares no color-scheme, so the reader's preference is not the page's."""
    with server.inside("semantic.html"):
        window = look(PAGES[0])
    colours = []
    for scheme in ("light", "dark"):
        window.resize(1280, scheme)
        colours.append([window.style(".st", "color"), window.style(".st .f-dl", "fill")])
    assert colours[0] == colours[1]


def test_a_page_of_its_own_is_dark_when_asked_for(look):
    window = look(PAGES[0])
    window.resize(1280, "light")
    light = window.style("body", "backgroundColor")
    window.resize(1280, "dark")
    assert (light, window.style("body", "backgroundColor")) == ("rgb(255, 255, 255)", "rgb(18, 23, 29)")
