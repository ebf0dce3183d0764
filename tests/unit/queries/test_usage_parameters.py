"""The parameters of questions about usage."""

import base64
from datetime import date, datetime

import pytest

from invenio_stats.core.periods import Days
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.queries.usage.parameters import Accepted, Position, check_points, read_parameters, write_position

TODAY = date(2026, 11, 12)
TOTAL = Accepted("repository")
SERIES = Accepted("community", has_interval=True)
LIST = Accepted("record", "all", by=("downloads", "volume"))


def read(accepted=TOTAL, **params):
    return read_parameters(accepted, params, TODAY)


@pytest.mark.parametrize(
    ("params", "first", "last"),
    [
        ({}, date(2025, 11, 1), date(2026, 10, 31)),
        ({"period": "30d"}, date(2026, 10, 13), date(2026, 11, 11)),
        ({"period": "year"}, date(2026, 1, 1), TODAY),
        ({"period": "all"}, None, TODAY),
        ({"from": "2026-05"}, date(2026, 5, 1), TODAY),
        ({"to": "2026-05"}, None, date(2026, 5, 31)),
        ({"from": "2025", "to": "2025"}, date(2025, 1, 1), date(2025, 12, 31)),
        ({"from": "2026-01-02", "to": "2026"}, date(2026, 1, 2), TODAY),
        ({"from": date(2026, 1, 2), "to": datetime(2026, 1, 3, 12)}, date(2026, 1, 2), date(2026, 1, 3)),
        ({"from": 2026}, date(2026, 1, 1), TODAY),
        ({"from": None, "period": "30d"}, date(2026, 10, 13), date(2026, 11, 11)),
    ],
)
def test_ranges(params, first, last):
    found = read(**params)
    assert (found.first, found.last) == (first, last)


def test_defaults():
    found = read(LIST, record="ab-1")
    assert found == ("ab-1", None, TODAY, None, "before", "all", "downloads", 25, 1, None)


def test_a_query_without_comparison_has_none():
    assert read(Accepted("repository", compares=False)).compare == "none"


@pytest.mark.parametrize(
    ("accepted", "params", "said"),
    [
        pytest.param(TOTAL, {"period": "12m", "from": "2026"}, "period is '12m', and from or to", id="period and from"),
        pytest.param(TOTAL, {"period": "12m", "to": "2026"}, "period is '12m', and from or to", id="period and to"),
        pytest.param(TOTAL, {"period": "7d"}, "period is '7d'. Use one of: 30d, 12m, year, all.", id="period"),
        pytest.param(TOTAL, {"from": "May"}, "from is 'May'. Give a day, month or year", id="no date"),
        pytest.param(TOTAL, {"to": "2026-02-30"}, "to is '2026-02-30'. Give a day", id="no day of the calendar"),
        pytest.param(TOTAL, {"from": True}, "from is True. Give a day", id="a truth value"),
        pytest.param(TOTAL, {"from": "2027"}, "from is 2027-01-01, which is in the future", id="future"),
        pytest.param(TOTAL, {"from": "2026", "to": "2025"}, "from 2026-01-01 is after to 2025-12-31", id="exchanged"),
        pytest.param(TOTAL, {"compare": "x"}, "compare is 'x'. Use one of: before, year, none.", id="comparison"),
        pytest.param(TOTAL, {"versions": ["all"]}, "versions is ['all']. Use one of: all, this.", id="a list"),
        pytest.param(TOTAL, {"interval": "day"}, "Unknown parameters: 'interval'", id="not one of the query"),
        pytest.param(TOTAL, {"record": "1"}, "Unknown parameters: 'record'", id="another scope"),
        pytest.param(SERIES, {}, "Missing required parameters: community", id="no scope"),
        pytest.param(SERIES, {"community": None}, "Missing required parameters: community", id="no value"),
        pytest.param(SERIES, {"community": ""}, "community is ''. Give an id, as a text.", id="empty"),
        pytest.param(
            SERIES, {"community": "a", "interval": "hour"}, "interval is 'hour'. Use one of: day", id="interval"
        ),
        pytest.param(LIST, {"record": "a", "by": "views"}, "by is 'views'. Use one of: downloads, volume.", id="order"),
        pytest.param(LIST, {"record": "a", "page": 0}, "page is 0. Give a number from 1", id="page"),
        pytest.param(LIST, {"record": "a", "page": "-1"}, "page is '-1'. Give a number from 1", id="page as text"),
        pytest.param(LIST, {"record": "a", "size": True}, "size is True. Give a number from 1 to 1000", id="size"),
        pytest.param(
            LIST, {"record": "a", "size": "1001"}, "size is 1001. Give a number from 1 to 1000", id="too long"
        ),
        pytest.param(LIST, {"record": "a", "page": 1001, "size": 100}, "Go on from page to page with after", id="deep"),
        pytest.param(LIST, {"record": "a", "page": 1, "after": "W10"}, "Both page and after", id="page and after"),
        pytest.param(LIST, {"record": "a", "after": "W10"}, "after is 'W10'. Give the text", id="no position"),
        pytest.param(LIST, {"record": "a", "to": "0001"}, "to is '0001'. Give a date from 1970-01-01 on", id="old to"),
        pytest.param(LIST, {"record": "a", "from": "1969"}, "from is '1969'. Give a date from 1970", id="old from"),
        pytest.param(LIST, {"record": "a", "after": "é"}, "after is 'é'. Give the text", id="no ASCII"),
    ],
)
def test_what_does_not_fit_is_said(accepted, params, said):
    with pytest.raises(InvalidRequestInputError) as error:
        read(accepted, **params)
    assert said in error.value.description


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('[1,2,"a","é"]', id="proof that is no ASCII"),
        pytest.param('[1,2,"a",3]', id="proof that is no text"),
        pytest.param('[1000000001,2,""]', id="rank beyond all lists"),
        pytest.param('[true,2,"a"]', id="rank that is no number"),
        pytest.param('{"1":1,"2":2,"a":3}', id="object"),
        pytest.param('[1,2,"a","b",5]', id="too long"),
    ],
)
def test_what_is_no_position_is_refused(content):
    with pytest.raises(InvalidRequestInputError, match="Give the text that the answer before has as next"):
        read(LIST, record="a", after=base64.urlsafe_b64encode(content.encode()).decode().rstrip("="))


def test_a_list_goes_on_where_it_ended():
    position = Position(25, 1200, "ab-é1")
    assert read(LIST, record="a", after=write_position(position), size="10").after == position


def test_too_many_points_name_a_longer_interval():
    with pytest.raises(InvalidRequestInputError) as error:
        check_points(Days(date(1900, 1, 1), TODAY), "day")
    assert "Choose week, or dates closer together" in error.value.description
    check_points(Days(date(1900, 1, 1), TODAY), "week")
