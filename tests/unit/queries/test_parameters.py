"""Parameters of a question: what is wrong is named, with its value and the cure."""

import contextlib
import uuid
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.queries import parameters


def refused(function, *args):
    with pytest.raises(InvalidRequestInputError) as error:
        function(*args)
    assert error.value.code == 400
    return error.value.description


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026", datetime(2026, 1, 1)),
        ("2026-03", datetime(2026, 3, 1)),
        ("2026-03-31", datetime(2026, 3, 31)),
        ("2026-03-31T10:20:30", datetime(2026, 3, 31, 10, 20, 30)),
        ("2026-03-31T10:20:30.123456789", datetime(2026, 3, 31, 10, 20, 30, 123456)),
        ("2026-03-31T10:20:30+02:00", datetime(2026, 3, 31, 8, 20, 30)),
        ("2026-03-31T00:00:00Z", datetime(2026, 3, 31)),
        (date(2026, 3, 31), datetime(2026, 3, 31)),
        (datetime(2026, 3, 31, 1), datetime(2026, 3, 31, 1)),
        (datetime(2026, 3, 31, 1, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 3, 30, 23)),
        ("0001", datetime(1, 1, 1)),
        ("9999-12-31", datetime(9999, 12, 31)),
    ],
)
def test_a_date_is_read_as_utc(value, moment):
    assert parameters.read_date(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "yesterday",
        "2026-13",
        "2026-02-30",
        "0000",
        "10000",
        "99999-01-01",
        "-2026",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        "2026-01-01T25:00:00",
        "\ud800",
        "2026-01-01" * 1000,
        2026,
        20260101,
        1.5,
        True,
        float("nan"),
        ["2026"],
        {"year": 2026},
    ],
)
def test_what_is_not_a_date_is_refused_by_name(value):
    text = refused(parameters.read_date, value, "end_date")
    assert text.startswith("end_date is ")
    assert "Write it as '2026-01-31'" in text
    assert len(text) < 300


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()))
def test_a_date_is_read_or_refused_whatever_it_is(value):
    with contextlib.suppress(InvalidRequestInputError):
        assert parameters.read_date(value).tzinfo is None


@pytest.mark.parametrize("value", ["a", "a\u0000b", "ü" * 4096, "0", 0, -1, 1.5, 2**63 - 1, -(2**63)])
def test_a_filter_takes_one_text_or_number(value):
    assert parameters.filter_value("file_key", value) == value


def test_a_filter_takes_what_python_callers_hold():
    identifier = uuid.uuid4()
    assert parameters.filter_value("bucket_id", identifier) == str(identifier)
    assert parameters.filter_value("day", date(2026, 1, 1)) == "2026-01-01"


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("", "empty"),
        ("x" * 4097, "4097 characters long. Give at most 4096"),
        ("a\udc00", "valid Unicode"),
        (None, "Give one value"),
        (True, "Give one value"),
        (["a"], "Give one value"),
        ({"a": 1}, "Give one value"),
        (float("nan"), "between -2^63 and 2^63"),
        (float("inf"), "between -2^63 and 2^63"),
        (2**63, "between -2^63 and 2^63"),
        (10**400, "between -2^63 and 2^63"),
        (-(10**30), "between -2^63 and 2^63"),
    ],
)
def test_a_filter_refuses_anything_else_by_name(value, cure):
    text = refused(parameters.filter_value, "file_key", value)
    assert text.startswith("file_key is ")
    assert cure in text
    assert len(text) < 300


def test_a_range_may_be_open_or_one_moment_but_not_reversed():
    first, last = datetime(2026, 1, 1), datetime(2026, 1, 2)
    for start, end in [(None, None), (first, None), (None, first), (first, first), (first, last)]:
        parameters.check_range(start, end)
    text = refused(parameters.check_range, last, first)
    assert "start_date 2026-01-02T00:00:00 is after end_date 2026-01-01T00:00:00" in text


@pytest.mark.parametrize("interval", ["hour", "", "days", None, 1, True, ["day"], {}])
def test_an_interval_that_there_is_not_is_refused_with_those_there_are(interval):
    text = refused(parameters.check_interval, interval, None, None)
    assert text.startswith("interval is ")
    assert "year, quarter, month, week, day" in text


def test_a_histogram_that_the_engine_would_not_make_is_refused_before_it_is_asked():
    start, end = datetime(1, 1, 1), datetime(9999, 12, 31)
    text = refused(parameters.check_interval, "day", start, end)
    assert "interval day from start_date 0001-01-01T00:00:00 to end_date 9999-12-31T00:00:00" in text
    parameters.check_interval("year", start, end)
    parameters.check_interval("day", datetime(1970, 1, 1), datetime(2100, 1, 1))
    parameters.check_interval("day", None, end)


def test_all_missing_parameters_are_named_at_once():
    text = refused(parameters.check_names, {"c": 1}, ["b", "a", "c"], {"a", "b", "c"})
    assert "Missing required parameters: a, b." in text


def test_unknown_parameters_are_named_with_the_known_ones():
    text = refused(parameters.check_names, {"a": 1, "B": 2}, ["a"], {"a", "end_date"})
    assert "Unknown parameters: 'B'. Known ones: a, end_date." in text


def test_many_long_unknown_parameters_make_a_short_error():
    text = refused(parameters.check_names, {"x" * 1000 + str(number): 1 for number in range(1000)}, [], {"a"})
    assert len(text) < 1000


def test_functions_are_given_what_they_take():
    names = {"search", "community", "start_date"}
    assert parameters.accepted_names(lambda search, **params: 0, names, skip=1) == {"community", "start_date"}
    assert parameters.accepted_names(lambda search, community=None: 0, names, skip=1) == {"community"}
    assert parameters.accepted_names(lambda query: 0, names, skip=1) == set()
    assert parameters.accepted_names(lambda *args, community: 0, names, skip=0) == {"community"}
