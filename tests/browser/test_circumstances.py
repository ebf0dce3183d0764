"""Pages in the circumstances of readers: other colours, paper, spread text, other directions and languages."""

import io
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.flow.pages.addresses import EVERY, PAGES

GERMAN = Path(find_spec("invenio_stats").origin).parent / "translations" / "de"
LONG = next(address for address in PAGES if address.name == "repository-lines")

SYSTEM_COLOUR = """name => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = name;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}"""

# https://www.w3.org/WAI/WCAG22/Understanding/text-spacing
SPREAD = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-block-end: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""

NUMBERS_AFTER_NAMES = """() => [...document.querySelectorAll(".st-table tbody tr")].map(row => {
  const name = row.querySelector("th").getBoundingClientRect(), number = row.querySelector("td.n:last-child");
  return !number || !number.checkVisibility() || number.getBoundingClientRect().right <= name.right;
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_the_system_are_used(look, scheme):
    """In forced colours, downloads and views are still two, and the chosen period is still seen."""
    window = look(PAGES[0], forced_colors="active", color_scheme=scheme)
    system = {
        name: window.page.evaluate(SYSTEM_COLOUR, name)
        for name in ("Canvas", "CanvasText", "LinkText", "Highlight", "HighlightText")
    }
    assert window.page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert window.style("figure .f-dl", "fill") == system["LinkText"]
    assert window.style("figure .f-vw", "fill") == system["CanvasText"]
    assert window.style(".st-plot text", "fill") == system["CanvasText"]
    assert len({system["LinkText"], system["CanvasText"], system["Canvas"]}) == 3
    chosen = ".st-period [aria-current]"
    assert window.style(chosen, "backgroundColor") == system["Highlight"]
    assert window.style(chosen, "color") == system["HighlightText"]
    assert not window.console


def test_paper_has_the_tables_and_each_sum_once(look):
    """Details are closed on the screen. On small paper, tables go on over pages, and their sums do not."""
    from pypdf import PdfReader

    window = look(LONG)
    tables = window.page.locator("details.st-twin table")
    pages = PdfReader(io.BytesIO(window.page.pdf(format="A6"))).pages
    text = " ".join(unicodedata.normalize("NFKC", " ".join(page.extract_text() for page in pages)).split())
    assert len(pages) > 3
    for number in range(tables.count()):
        table = tables.nth(number)
        assert table.locator("caption").text_content() in text
        for row in table.locator("tbody tr").all():
            name, first = row.locator("th").text_content(), row.locator("td").first.text_content()
            assert f"{name} {first}" in text
        sums = table.locator("tfoot th, tfoot td").all_text_contents()
        assert not sums or text.count(" ".join(filter(None, sums))) == 1
    for word in ("Other dates", "30 days", "Download:", "Show as a table"):
        assert word not in text


def test_paper_is_white(look):
    window = look(PAGES[0], color_scheme="dark")
    window.page.emulate_media(media="print", color_scheme="dark")
    assert window.style("body", "backgroundColor") == "rgb(255, 255, 255)"
    assert window.style(".st", "color") == "rgb(22, 32, 43)"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("address", PAGES, ids=lambda address: address.name)
def test_spread_text_fits(look, address, width):
    window = look(address)
    window.resize(width)
    window.open_details()
    window.page.evaluate(SPREAD)
    assert not [*window.layout_faults(), *window.cut_off()]


@pytest.mark.parametrize("address", PAGES, ids=lambda address: address.name)
def test_a_page_reads_from_right_to_left(look, address):
    """All but the charts, whose time goes from left to right."""
    window = look(address)
    window.open_details()
    window.page.evaluate("document.documentElement.dir = 'rtl'")
    for width in (320, 1280):
        window.resize(width)
        assert not window.layout_faults()
        assert all(window.page.evaluate(NUMBERS_AFTER_NAMES))
    assert not window.violations()
    plots = window.page.locator(".st-plot")
    assert {plot.evaluate("node => getComputedStyle(node).direction") for plot in plots.all()} <= {"ltr"}


@pytest.mark.skipif(not GERMAN.is_dir(), reason="there is no German catalogue: invenio_stats/translations/de")
@pytest.mark.parametrize("address", EVERY, ids=lambda address: address.name)
def test_german_words_fit(look, address):
    """They are longer."""
    window = look(address, locale="de-DE")
    window.open_details()
    assert window.page.get_attribute("html", "lang") == "de"
    for width in (320, 768, 1280):
        window.resize(width)
        assert not [*window.layout_faults(), *window.cut_off()]
    assert not window.violations()


@pytest.mark.skipif(not GERMAN.is_dir(), reason="there is no German catalogue: invenio_stats/translations/de")
def test_german_is_spoken(look):
    english, german = (look(PAGES[0], locale=locale).page for locale in ("en-US", "de-DE"))
    for selector in ("h1", ".st-lead", ".st-basis", "h2 >> nth=0", "summary >> nth=0"):
        assert english.inner_text(selector) != german.inner_text(selector)
