"""Numbers and dates as readers know them."""

from datetime import date, datetime, timedelta, timezone

import pytest
from flask import Flask
from flask_babel import Babel

from invenio_stats.pages import wording


@pytest.fixture(params=["en"])
def language(request):
    """Write in a language."""
    app = Flask("wording")
    Babel(app, locale_selector=lambda: request.param)
    with app.test_request_context():
        yield request.param


german = pytest.mark.parametrize("language", ["de"], indirect=True)
pytestmark = pytest.mark.usefixtures("language")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10K"), (12_500, "12.5K"), (2_500_000, "2.5M")],
)
def test_axes_are_short_from_ten_thousand_on(value, text):
    assert wording.write_compact(value) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 byte"), (999, "999 byte"), (14_000, "14 kB"), (999_960, "1 MB"), (5.4e12, "5.4 TB"), (10**19, "10,000 PB")],
)
def test_bytes_have_a_unit(size, text):
    assert wording.write_size(size) == text


def test_what_is_not_known_is_no_zero():
    assert wording.write_number(None) == wording.write_size(None) == wording.write_percent(None) == "–"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1, 3, "33.3%"),
        (0, 9, "0.0%"),
        (1, 1001, "under 0.1%"),
        (1, 1000, "0.1%"),
        (0, 0, "–"),
        (999, 1000, "99.9%"),
        (9999, 10_000, "over 99.9%"),
        (10_000, 10_000, "100.0%"),
    ],
)
def test_a_small_share_is_never_0_and_a_large_one_never_the_whole(part, whole, text):
    assert wording.write_share(part, whole) == text


@pytest.mark.parametrize(
    ("value", "before", "text"),
    [(110, 100, "+10.0%"), (90, 100, "−10.0%"), (100, 100, "+0.0%"), (50, 9, None), (50, 0, None), (0, 10, "−100.0%")]
    + [(99_999, 100_000, "−0.001%"), (100_001, 100_000, "+0.001%"), (1, 100_000, "−99.999%"), (20, 10, "+100.0%")],
)
def test_a_change_has_its_sign(value, before, text):
    """A hyphen is none; under ten there is nothing to compare with."""
    assert wording.write_change(value, before) == text


def test_a_moment_is_in_utc():
    moment = datetime(2026, 11, 12, 0, 15, tzinfo=timezone(timedelta(hours=2)))
    assert wording.write_moment(moment) == "November 11, 2026, 22:15 UTC"


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ("day", "May 4, 2026"),
        ("week", "Week of May 4, 2026"),
        ("month", "May 2026"),
        ("quarter", "Q2 2026"),
        ("year", "2026"),
    ],
)
def test_an_interval_has_a_name(interval, text):
    assert wording.write_interval(date(2026, 5, 4), interval) == text


def test_what_has_no_name_stands_as_it_is():
    assert [wording.write_country(code) for code in ("DE", "de", "XQ")] == ["Germany", "Germany", "XQ"]
    assert [wording.write_access(status) for status in ("metadata-only", "secret")] == ["metadata only", "secret"]


@german
def test_another_language_has_its_own_signs():
    assert wording.write_number(1_234_567) == "1.234.567"
    assert [wording.write_compact(value) for value in (20_000, 2_500_000)] == ["20.000", "2,5\N{NO-BREAK SPACE}Mio."]
    assert wording.write_percent(0.846) == "84,6\N{NO-BREAK SPACE}%"
    assert wording.write_month(date(2026, 3, 1)) == "März 2026"
    assert wording.write_country("DE") == "Deutschland"


@pytest.mark.parametrize("language", ["ar", "he", "fa", "ur"], indirect=True)
def test_a_sign_stays_before_its_number_where_one_writes_from_right_to_left():
    """Without the mark, browsers show "10%-"."""
    mark = "\N{LEFT-TO-RIGHT MARK}"
    assert [wording.write_change(value, 100)[:2] for value in (90, 110)] == [f"{mark}−", f"{mark}+"]
    assert wording.write_change(90, 100).endswith(wording.write_percent(0.1))
