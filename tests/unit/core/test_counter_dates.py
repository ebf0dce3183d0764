"""Dates of the COUNTER API: months, or days at the edge of one."""

from datetime import date

import pytest

from invenio_stats.core.counter_dates import read_month, read_months

TODAY = date(2026, 8, 20)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-02", "2026-02"),
        ("2026-02-01", "2026-02"),
        ("2026-02-28", "2026-02"),
        ("2024-02-29", "2024-02"),
        ("2026-12-31", "2026-12"),
    ],
)
def test_a_date_stands_for_its_month(text, month):
    assert read_month(text) == month


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026", "2026-1", "2026-13", "2026-00", "2026-02-02", "2024-02-28", "2026-02-29", "2026-02-30"),
        *(
            "2026-02-1",
            "26-02",
            "2026/02",
            " 2026-02",
            "2026-02\n",
            "2026-02-01T00:00:00",
            "0000-01",
            "９９99-01",
            "-2026-01",
        ),
    ],
)
def test_any_other_text_is_no_date(text):
    with pytest.raises(ValueError, match="."):
        read_month(text)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-07", "2026-07"),
        ("2025-01", "2026-07"),
        ("2026-07", "2026-08"),
        ("2026-07", "2030-01"),
        ("0001-01", "2026-01"),
    ],
)
def test_the_last_month_need_not_be_over(begin, end):
    """The report says which months are not ready."""
    assert read_months(begin, end, TODAY) == (begin, end)


@pytest.mark.parametrize(
    ("begin", "end"), [("2026-07", "2026-06"), ("2026-08", "2026-08"), ("2026-09", "2026-10"), ("2027-01", "2027-01")]
)
def test_the_first_month_has_to_be_over(begin, end):
    with pytest.raises(ValueError, match=begin):
        read_months(begin, end, TODAY)
