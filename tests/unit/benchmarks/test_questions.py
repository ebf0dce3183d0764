"""The benchmark of questions: its year of totals, its table, and its records."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def usage_year(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import usage_year

    return usage_year


@pytest.fixture
def questions(monkeypatch):
    pytest.importorskip("invenio_i18n")
    monkeypatch.syspath_prepend(BENCHMARKS)
    import questions

    return questions


@pytest.mark.parametrize(
    ("months", "end", "first", "days"),
    [
        (12, date(2026, 11, 1), date(2025, 11, 1), 365),
        (1, date(2026, 1, 1), date(2025, 12, 1), 31),
        (12, date(2025, 1, 1), date(2024, 1, 1), 366),
        (25, date(2026, 2, 1), date(2024, 1, 1), 762),
    ],
)
def test_a_year_has_all_days_of_its_months(usage_year, months, end, first, days):
    year = usage_year.Year(months=months, end=end)
    assert (year.first, len(year.days), year.days[-1] < end) == (first, days, True)


def test_a_day_has_totals_of_so_many_records_and_of_their_items(usage_year):
    year = usage_year.Year(records=200, each_day=30, communities=5, months=1)
    found = list(usage_year.usage_of_day(date(2026, 10, 3), year))
    assert Counter(alias for alias, _ in found) == {"stats-item-usage": 30, "stats-record-usage": 30}
    items = [total for alias, total in found if alias == "stats-item-usage"]
    assert {total["item_id"][1:] for total in items} == {total["parent_id"][1:] for _, total in found}
    assert all(total["total_item_investigations"] == total["views"] + total["downloads"] for total in items)
    assert found == list(usage_year.usage_of_day(date(2026, 10, 3), year))


def test_breakdowns_are_those_of_the_repository_communities_and_records(usage_year):
    year = usage_year.Year(records=200, communities=5)
    found = [total for _, total in usage_year.folded_of_month(date(2026, 10, 1), year)]
    assert Counter(total["scope"] for total in found) == {"repository": 2, "community": 10, "record": 400}
    assert all(total["interval"] == "month" for total in found)


def test_a_row_shows_its_times_and_how_many_requests_there_were(questions):
    row = questions.Row("top 10", 300, [10.0, 20.0, 400.0], [2, 4, 2])
    assert row.line.split() == ["top", "10", "20.0", "362.0", "<", "300", "no", "2:", "2,", "4:", "1"]
    assert questions.Row("top 10", 363, [10.0, 20.0, 400.0], [2, 4, 2]).line.split()[6] == "yes"


def test_each_question_is_one_that_the_package_has(questions):
    """They are asked of a client that notes the addresses."""
    import random
    from types import SimpleNamespace

    from invenio_stats.contrib.config import USAGE_QUERIES

    asked = []

    def get(address, query_string):
        asked.append(address.rpartition("/")[2])
        return SimpleNamespace(status_code=200)

    by_rest = [
        question
        for question in questions.questions(questions.Year())
        if not question.name.startswith(("all of", "records_"))
    ]
    for question in by_rest:
        question.ask(SimpleNamespace(get=get), random.Random(1))
    assert len(asked) == len(by_rest)
    assert {*asked} <= USAGE_QUERIES.keys()
