"""When a mistake has to be corrected, and what is worth a look."""

from datetime import date

import pytest

from invenio_stats.core.counter_closing import correction_due, is_share_too_large
from invenio_stats.core.counter_months import (
    Month,
    edges_of,
    first_month_kept,
    format_month,
    last_month_due,
    months_between,
    next_month,
)
from invenio_stats.core.data_types import ITEM_DATA_TYPES, PARENT_TYPES, month_data_type, month_yop
from invenio_stats.core.moments import parse


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-01-31", "2026-04-30"),
        ("2026-11-30", "2027-02-28"),
        ("2027-11-30", "2028-02-29"),
        ("2026-03-15", "2026-06-15"),
        ("2026-10-01", "2027-01-01"),
        ("2026-09-30", "2026-12-30"),
    ],
)
def test_a_correction_is_due_three_months_later(since, due):
    assert correction_due(date.fromisoformat(since)) == date.fromisoformat(due)


@pytest.mark.parametrize(
    ("missing", "counted", "too_large"), [(1, 99, False), (1, 98, True), (0, 0, False), (1, 0, True)]
)
def test_one_event_in_a_hundred_may_have_no_item(missing, counted, too_large):
    assert is_share_too_large(missing, counted) is too_large


@pytest.mark.parametrize(
    ("now", "days", "month"),
    [
        ("2026-02-03T23:59:59", 3, "2025-12"),
        ("2026-02-04T00:00:00", 3, "2026-01"),
        ("2026-01-04T00:00:00", 3, "2025-12"),
        ("2026-02-01T00:00:00", 0, "2026-01"),
        ("2026-03-01T00:00:00", 28, "2026-01"),
        ("2026-02-28T23:59:59", 28, "2025-12"),
    ],
)
def test_the_newest_month_that_is_due(now, days, month):
    assert last_month_due(parse(now), days) == month


def test_months():
    assert edges_of("2025-12") == (parse("2025-12-01"), parse("2026-01-01"))
    assert next_month("2026-01", -13) == "2024-12"
    assert months_between("2025-12", "2026-02") == ["2025-12", "2026-01", "2026-02"]
    assert months_between("2026-02", "2026-01") == []
    assert first_month_kept(date(2026, 12, 31)) == "2024-01"
    assert format_month(date(2026, 5, 31)) == "2026-05"


def test_a_month_comes_back_from_its_document():
    month = Month(
        "2026-01", "closed", 1, "a", "b", {"Total_Item_Requests": 1}, 2, searches=({"count": 1},), days={"x": 1}
    )
    assert Month.from_source({**month.as_source(), "work": {}, "unknown": 1}) == month


def test_no_item_has_the_data_type_of_a_parent():
    assert len(ITEM_DATA_TYPES) == 19
    assert not ITEM_DATA_TYPES & set(PARENT_TYPES.values())
    assert set(PARENT_TYPES) <= ITEM_DATA_TYPES
    assert [month_data_type(given) for given in ("Article", "Book", "Journal", "", None, 3, ["x"])] == [
        "Article",
        "Other",
        "Other",
        "Unspecified",
        "Unspecified",
        "Other",
        "Other",
    ]


@pytest.mark.parametrize(
    ("given", "yop"),
    [("2020", "2020"), ("9999", "9999"), ("20", "0001"), (None, "0001"), (2020, "0001"), ("२०२०", "0001")],
)
def test_the_year_of_publication(given, yop):
    assert month_yop(given) == yop
