"""Values of few visitors are folded."""

import tracemalloc

import pytest

from invenio_stats.core.breakdowns import REPOSITORY, Group, Month, Row, Tally, Use, cut, fold, read_rows, write_rows

NOTHING = Use()


def month(*days, rest=NOTHING):
    """Return a month of days, each {value: (investigations, requests, visitors)}."""
    found = Month(rest=rest)
    for day in days:
        for value, (investigations, requests, visitors) in day.items():
            found.add(Row(value, Use(investigations, requests), visitors))
    return found


@pytest.mark.parametrize(
    ("days", "shown", "other"),
    [
        pytest.param([{"DE": (9, 3, 5), "CH": (8, 2, 6)}], ["DE", "CH"], (0, 0), id="all shown"),
        pytest.param([{"DE": (9, 3, 4)}, {"DE": (9, 3, 4)}], [], (18, 6), id="visitors of days do not add up"),
        pytest.param([{"DE": (1, 0, 1)}, {"DE": (9, 3, 5)}], ["DE"], (0, 0), id="one day suffices"),
        pytest.param(
            [{"DE": (9, 3, 5), "CH": (7, 2, 5), "FR": (1, 1, 1)}], ["DE"], (8, 3), id="a single one takes the next"
        ),
        pytest.param([{"DE": (9, 3, 5), "FR": (1, 1, 1), "IT": (1, 0, 1)}], ["DE"], (2, 1), id="two are enough"),
        pytest.param([{"DE": (9, 3, 5), "FR": (1, 1, 1)}], [], (10, 4), id="nothing is left"),
        pytest.param([{"": (9, 3, 1), "FR": (1, 1, 1), "DE": (5, 1, 5)}], ["DE"], (10, 4), id="unknown is a value"),
    ],
)
def test_a_month_is_folded(days, shown, other):
    folded = fold(month(*days), under=5, at_most=10)
    assert ([row.value for row in folded.rows], folded.other) == (shown, other)


def test_the_bound_cuts_off_the_least_used():
    """By requests, then investigations, then name."""
    day = {"a": (5, 1, 9), "b": (9, 0, 9), "c": (9, 1, 9), "d": (9, 0, 9)}
    folded = fold(month(day), under=5, at_most=2)
    assert [row.value for row in folded.rows] == ["c", "a"]
    assert folded.other == (18, 0)
    assert [row.value for row in cut(month(day).rows.values(), 3).rows] == ["c", "a", "b"]


def test_what_days_cut_off_counts_as_a_folded_value():
    folded = fold(month({"DE": (9, 3, 5), "CH": (8, 2, 6)}, rest=Use(4, 1)), under=5, at_most=10)
    assert ([row.value for row in folded.rows], folded.other) == (["DE"], (12, 3))


def test_a_visitor_counts_once_in_each_group_and_value():
    tally = Tally()
    groups = [Group(REPOSITORY, "country", day) for day in ("1", "2")]
    for group, visitor, is_request in [(groups[0], "v", True), (groups[0], "v", False), (groups[1], "v", False)]:
        tally.add(group, "DE", visitor, is_request)
    tally.add(groups[1], "DE", None, False)
    tally.add(groups[1], "CH", "v", True)
    found = {group: list(rows) for group, rows in tally.take_rows()}
    assert found == {
        groups[0]: [Row("DE", Use(2, 1), 1)],
        groups[1]: [Row("DE", Use(2, 0), 1), Row("CH", Use(1, 1), 1)],
    }
    assert not list(tally.take_rows())


def test_many_values_cost_little_memory():
    """A sender of spam has a host of its own in each click, which is a value of a few hundred bytes and no more."""
    number = 20_000
    tracemalloc.start()
    try:
        tally = Tally()
        for click in range(number):
            tally.add(Group(REPOSITORY, "referrer", "2026-01-01"), f"host-{click}.example.org", None, False)
        ((_, rows),) = tally.take_rows()
        found = cut(rows, 1_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(found.rows), found.other) == (1_000, Use(number - 1_000, 0))
    assert peak / number < 350


def test_rows_are_read_as_they_were_written():
    rows = [Row("DE", Use(3, 1), 2), Row("", Use(1, 0), 1)]
    assert list(read_rows(write_rows(rows, has_visitors=True))) == rows
    assert write_rows(rows, has_visitors=False) == [
        {"value": "DE", "investigations": 3, "requests": 1},
        {"investigations": 1, "requests": 0},
    ]
