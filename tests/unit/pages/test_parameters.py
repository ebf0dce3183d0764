"""The address of a page holds all that was chosen, and leads to all other choices."""

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.periods import Days
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.pages.parameters import TooManyIntervalsError, read_choice, write_end
from invenio_stats.queries.usage.parameters import Accepted

TODAY = date(2026, 11, 12)
PAGE = Accepted("repository", has_interval=True)
LIST = Accepted("community", by=("downloads", "views"))


@pytest.fixture(autouse=True, scope="module")
def language():
    app = Flask("parameters")
    Babel(app)
    with app.test_request_context():
        yield


def choose(accepted=PAGE, others=(), **args):
    given = {name.replace("first_day", "from"): value for name, value in args.items()}
    return read_choice("/stats/", given, accepted, TODAY, others)


def args_of(address):
    return dict(parse_qsl(urlsplit(address).query))


def test_the_default_has_no_parameters():
    choice = choose()
    assert (choice.period, choice.days) == ("12m", Days(date(2025, 11, 1), date(2026, 10, 31)))
    assert choice.link_to_period("12m") == "/stats/"
    assert choice.link_to_period("30d") == "/stats/?period=30d"


def test_a_period_takes_the_place_of_dates_and_keeps_the_rest():
    choice = choose(LIST, ("community",), community="c1", first_day="2026-01", by="views", page="3", size="10")
    assert choice.period is None
    assert args_of(choice.link_to_period("30d")) == {"community": "c1", "by": "views", "size": "10", "period": "30d"}
    assert choice.range_params == {"from": "2026-01"}


@given(st.dates(date(2000, 1, 1), date(2026, 11, 1)), st.integers(0, 400))
def test_a_link_to_days_is_read_as_these_days(first, length):
    last = min(first + length * date.resolution, TODAY)
    address = choose(period="30d").link_to_days(first, last)
    assert read_choice("/stats/", args_of(address), PAGE, TODAY).days == Days(first, last)


@pytest.mark.parametrize(
    ("day", "is_last", "text"),
    [
        (date(2026, 2, 1), False, "2026-02"),
        (date(2026, 2, 28), True, "2026-02"),
        (date(2026, 2, 28), False, "2026-02-28"),
        (date(2024, 2, 28), True, "2024-02-28"),
    ],
)
def test_the_edge_of_a_month_is_written_as_the_month(day, is_last, text):
    assert write_end(day, is_last) == text


def test_empty_fields_of_a_form_are_not_given():
    assert choose(first_day="", to="", interval="").link() == "/stats/"


def test_a_page_has_at_most_120_steps():
    choose(first_day="2026-07-16", interval="day")
    with pytest.raises(TooManyIntervalsError, match="more than 120 steps. Choose week") as error:
        choose(first_day="2026-07-15", interval="day")
    assert error.value.longer == "week"


@pytest.mark.parametrize("args", [{"size": "7"}, {"after": "x"}, {"record": "r"}, {"by": "volume"}, {"page": "0"}])
def test_what_a_list_does_not_have_is_said(args):
    with pytest.raises(InvalidRequestInputError):
        choose(LIST, ("community",), community="c1", **args)
