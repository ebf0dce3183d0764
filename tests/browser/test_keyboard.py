"""Everything can be done with the keyboard alone, and one sees where one is."""

import pytest

from tests.flow.pages import site
from tests.flow.pages.addresses import PAGES

MANY = 400

# A group of round buttons is one stop, at the chosen one.
STOPS = """() => {
  window.stops = [...document.querySelectorAll(
      "a[href], button, summary, select, input:not([type=hidden]), [tabindex='0']")]
    .filter(node => node.checkVisibility() && (node.type !== "radio" || node.checked));
  return window.stops.length;
}"""

WHERE = """() => {
  const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
  if (!window.stops.includes(node)) window.stops.push(node);
  return {
    number: window.stops.indexOf(node),
    text: node.textContent.trim(),
    isEnd: node === document.body,
    isSeen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    isOutlined: style.outlineStyle === "auto" || style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 3,
  };
}"""


def walk(page):
    """Press the tabulator until one is at the end; yield where one is, each place once."""
    last = None
    for _press in range(MANY):
        page.keyboard.press("Tab")
        where = page.evaluate(WHERE)
        if where["isEnd"]:
            return
        if where["number"] != last:  # a field for a date has several places
            yield where
        last = where["number"]


def reach(page, text):
    """Go on with the tabulator until one is at something with this text."""
    page.evaluate(STOPS)
    if not any(where["text"] == text for where in walk(page)):
        pytest.fail(f"nobody reaches {text!r}")


def follow(page, text):
    """Reach something with this text, and press Enter: another page is shown."""
    reach(page, text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("address", PAGES, ids=lambda address: address.name)
def test_one_gets_everywhere_and_sees_where_one_is(look, address):
    """In the order of the text, with an outline at each stop."""
    window = look(address)
    window.open_details()
    count = window.page.evaluate(STOPS)
    stops = list(walk(window.page))
    assert [stop["number"] for stop in stops] == list(range(count))
    assert [stop["text"] for stop in stops if not (stop["isSeen"] and stop["isOutlined"])] == []


def test_all_that_can_be_opened_is_opened(look):
    page = look(PAGES[0]).page
    names = page.locator("summary").all_inner_texts()
    assert len(names) >= 4
    page.evaluate(STOPS)
    for where in walk(page):
        if where["text"] in names:
            page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == len(names)


def test_a_period_is_chosen(look):
    page = look(PAGES[0]).page
    follow(page, "30 days")
    assert page.url.endswith("?period=30d")
    assert page.inner_text(".st-period [aria-current]") == "30 days"


def test_a_form_is_sent(look):
    page, first = look(PAGES[0]).page, site.months_back(4)[0]
    reach(page, "Other dates")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(f"{first:%m%d%Y}")
    follow(page, "Show")
    assert f"from={first}" in page.url
    assert page.locator("input[name=from]").input_value() == f"{first}"


def test_a_month_is_followed_to_its_days(look):
    page = look(PAGES[0]).page
    month = page.locator("tbody a").first.text_content()
    reach(page, "Show as a table")
    page.keyboard.press("Enter")
    follow(page, month)
    assert page.inner_text("h2 >> nth=0") == "Views and downloads by day"


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_one_objects_and_withdraws(look, has_scripts):
    """A group of two round buttons with a name, arrows between them, and a page that says what is so now."""
    address = next(address for address in PAGES if address.name == "privacy")
    page = look(address, java_script_enabled=has_scripts).page
    group = page.get_by_role("group", name="Count my visits")
    assert group.get_by_role("radio").count() == 2
    for key, label, says in (
        ("ArrowDown", "No, leave them out", "Your visits are not counted. You chose so in this browser."),
        ("ArrowUp", "Yes", "Your visits are counted at present. Your browser sends no signal against it."),
    ):
        page.get_by_role("radio", checked=True).focus()
        page.keyboard.press(key)
        assert group.get_by_role("radio", name=label).is_checked()
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.inner_text(".st-note") == says
        assert page.get_by_role("radio", checked=True).get_attribute("value") == ("no" if "No" in label else "yes")
    assert page.context.cookies() == []
