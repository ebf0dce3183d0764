"""Open a page in a window, and measure what a person would see."""

from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.flow.pages.addresses import answering

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""What may differ between light and dark."""
WIDTHS = (320, 768, 1280)
TARGET = 44

RUN_AXE = """rules => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(result =>
  result.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.html.slice(0, 160)} ${node.any.concat(node.all, node.none).map(each => each.message)[0]}`)))"""

SIDEWAYS = """() => {
  const width = document.documentElement.clientWidth;
  if (document.scrollingElement.scrollWidth <= width) return [];
  return ["wider than " + width + " px: " + [...document.querySelectorAll("body *")]
    .filter(node => !node.closest(".st-scroll, .st-hide, svg") && node.getBoundingClientRect().right > width + .5)
    .map(node => `${node.tagName}.${node.className} ${node.textContent.trim().slice(0, 40)}`).slice(-3).join(" | ")];
}"""

# A link in a sentence is as high as its line: WCAG 2.5.5 excepts it. A button to pick has its label as target.
SMALL_TARGETS = """least => [...document.querySelectorAll(
    ".st a[href], .st button, .st summary, .st select, .st-pick," +
    ".st input:not([type=hidden], [type=radio], [type=checkbox])")]
  .filter(node => node.checkVisibility() && !(node.tagName === "A" && node.closest("p")))
  .flatMap(node => {
    const box = node.getBoundingClientRect();
    return box.height >= least - .5 && (box.width >= least - .5 || node.closest("th")) ? []
      : [`${node.tagName} ${node.textContent.trim().slice(0, 40)}: ${box.width} x ${box.height} px`];
  })"""

OUTSIDE_OF_FORM = """() => [...document.querySelectorAll(".st form :is(input, select, button, label, legend)")]
  .filter(node => node.checkVisibility())
  .flatMap(node => {
    const form = node.closest("form"), style = getComputedStyle(form), around = form.getBoundingClientRect();
    const box = node.getBoundingClientRect();
    return box.left >= around.left + parseFloat(style.paddingLeft) - .5
      && box.right <= around.right - parseFloat(style.paddingRight) + .5 ? []
      : [`outside of its form: ${node.tagName} ${node.name ?? ""} ${node.textContent.trim().slice(0, 40)}`];
  })"""

OUTSIDE_OF_CHART = """() => [...document.querySelectorAll(".st-plot text")]
  .filter(node => node.checkVisibility())
  .flatMap(node => {
    const box = node.getBoundingClientRect(), around = node.closest(".st-plot").getBoundingClientRect();
    return box.left >= around.left - 1.5 && box.right <= around.right + 1.5 ? []
      : [`outside of its chart: ${node.textContent}`];
  })"""

# In a wide window, no name may push numbers out of sight.
SCROLLED_TABLES = """() => [...document.querySelectorAll(".st-scroll")]
  .filter(node => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map(node => `does not fit: ${node.getAttribute("aria-label")}`)"""

# Letters that stand outside of a box which hides what is outside of it; a field scrolls.
CUT_OFF = """() => [...document.querySelectorAll(".st *:not(input)")]
  .filter(node => node.checkVisibility() && !node.closest(".st-hide, .st-scroll, svg")
    && getComputedStyle(node).overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1)
  .map(node => `${node.tagName}.${node.className} ${node.textContent.trim().slice(0, 40)}`)"""

SMALL_TEXTS = """() => [...document.querySelectorAll(".st *")]
  .filter(node => !node.closest("svg") && [...node.childNodes].some(each => each.nodeType === 3 && each.data.trim()))
  .filter(node => parseFloat(getComputedStyle(node).fontSize) < 13)
  .map(node => `${node.tagName}.${node.className} ${node.textContent.trim().slice(0, 40)}`)"""


@cache
def read_axe():
    """Return the program of axe, as its package has it."""
    return (Path(find_spec("axe_playwright_python").origin).parent / "axe.min.js").read_text(encoding="utf-8")


class Look:
    """A page in a window."""

    def __init__(self, page, address, response):
        self.page, self.address, self.response, self.said = page, address, response, []
        self._has_axe = False

    @classmethod
    @contextmanager
    def at(cls, address, chromium, server, **options):
        """Yield the page that an address shows; `options` are those of the window."""
        headers = {"X-User": address.user} if address.user else {}
        options = {"locale": "en-US", **options}
        context = chromium.new_context(base_url=server.address, extra_http_headers=headers, **options)
        try:
            page, said = context.new_page(), []
            page.on("console", lambda message: said.append((message.text, message.location["url"])))
            page.on("pageerror", lambda error: said.append((str(error), page.url)))
            with answering(server.app, address.answers):
                look = cls(page, address, page.goto(address.path))
                look.said = said
                yield look
        finally:
            context.close()

    @property
    def console(self):
        """What the browser complains of, except the status of the page itself."""
        return [
            text
            for text, url in self.said
            if not (url == self.page.url and f"a status of {self.address.status}" in text)
        ]

    def resize(self, width, scheme="light"):
        """Show the page in another width and for another preference."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)

    def open_details(self, is_open=True):
        """Open or close all that can be opened."""
        self.page.eval_on_selector_all(
            "details", "(all, isOpen) => all.forEach(each => { each.open = isOpen; })", is_open
        )

    def violations(self, rules=RULES):
        """Return what axe finds, by rules or by sets of them."""
        if not self._has_axe:
            self.page.evaluate(read_axe())
            self._has_axe = True
        return self.page.evaluate(RUN_AXE, rules)

    def layout_faults(self):
        """Return what is too wide, for the window or for its form, and what is too small to hit."""
        wide = [*self.page.evaluate(SIDEWAYS), *self.page.evaluate(OUTSIDE_OF_FORM)]
        return [*wide, *self.page.evaluate(SMALL_TARGETS, TARGET)]

    def chart_faults(self):
        """Return texts of charts for which there is no room."""
        return self.page.evaluate(OUTSIDE_OF_CHART)

    def scrolled_tables(self):
        """Return tables that are wider than their place."""
        return self.page.evaluate(SCROLLED_TABLES)

    def cut_off(self):
        """Return texts that do not fit their box."""
        return self.page.evaluate(CUT_OFF)

    def style(self, selector, name):
        """Return a computed property of the first such element."""
        return self.page.locator(selector).first.evaluate("(node, name) => getComputedStyle(node)[name]", name)

    def small_texts(self):
        """Return texts of less than 13 px, except those of charts."""
        return self.page.evaluate(SMALL_TEXTS)
