"""Which months a report has, and what its header says of the others."""

from datetime import date

import pytest

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import Month
from invenio_stats.counter.reports.availability import choose_months, explain_missing_months
from invenio_stats.counter.reports.request import ReportRequest

TODAY = date(2026, 8, 20)


def month(name, *reasons):
    accepted = tuple({"reason": reason, "what": "dead letters"} for reason in reasons)
    return Month(name, "closed", 1, "", "", {}, 0, accepted=accepted)


def explain(begin, end, closed=("2026-03", "2026-04", "2026-05"), first_month=None):
    months = {name: month(name) for name in closed}
    return explain_missing_months(ReportRequest("IR", begin, end), months, first_month, TODAY)


@pytest.mark.parametrize(
    ("begin", "end", "exceptions"),
    [
        pytest.param("2026-03", "2026-05", [], id="all there"),
        pytest.param("2026-05", "2026-06", [CounterException(3031, "2026-06")], id="one to come"),
        pytest.param("2026-05", "2026-08", [CounterException(3031, "2026-06 to 2026-08")], id="several to come"),
        pytest.param(
            "2026-01", "2026-03", [CounterException(3032, "Usage is available for 2026-03 to 2026-05")], id="before"
        ),
        pytest.param(
            "2025-01", "2025-02", [CounterException(3032, "Usage is available for 2026-03 to 2026-05")], id="all before"
        ),
        pytest.param(
            "2026-02",
            "2026-06",
            [CounterException(3031, "2026-06"), CounterException(3032, "Usage is available for 2026-03 to 2026-05")],
            id="both",
        ),
    ],
)
def test_missing_months(begin, end, exceptions):
    assert explain(begin, end) == exceptions


def test_before_the_first_close_all_months_are_to_come():
    assert explain("2026-01", "2026-02", closed=()) == [CounterException(3031, "2026-01 to 2026-02")]


def test_before_the_first_close_older_months_are_named():
    """The ones before the first month that reports are made of, and before what is kept, never come."""
    later = "Usage is available for 2026-02 and later, once they are processed"
    assert explain("2026-01", "2026-02", closed=(), first_month="2026-02") == [
        CounterException(3031, "2026-02"),
        CounterException(3032, later),
    ]
    assert [exception.code for exception in explain("2020-01", "2020-02", closed=())] == [3032]


def test_a_gap_names_the_months_around_it():
    assert explain("2026-03", "2026-07", closed=("2026-03", "2026-05")) == [
        CounterException(3031, "2026-04, 2026-06 to 2026-07")
    ]


def test_an_accepted_gap_of_the_logging_is_partial_data():
    months = {"2026-03": month("2026-03", "disk full"), "2026-04": month("2026-04", "other")}
    request = ReportRequest("IR", "2026-03", "2026-03")
    assert explain_missing_months(request, months, None, TODAY) == [CounterException(3040, "2026-03: disk full")]


def test_the_months_of_a_report():
    months = {name: month(name) for name in ("2026-03", "2026-04", "2026-05")}
    chosen = choose_months(ReportRequest("IR", "2026-04", "2026-12"), months)
    assert [chosen_month.month for chosen_month in chosen] == ["2026-04", "2026-05"]
