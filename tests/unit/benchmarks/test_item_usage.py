"""The table of the benchmark of item usage."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def program(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import item_usage

    return item_usage


def test_a_row_tells_whether_its_reach_is_met(program):
    most = program.Row("nothing", "nothing new", "nothing", "s", 0.5)
    assert most.line({"nothing": 0.49}).split() == ["nothing", "nothing", "new", "<", "0.5", "s", "0.49", "s", "yes"]
    assert most.line({"nothing": 0.5}).endswith("no")
    least = program.Row("day", "from nothing", "rate", "events/s", 10_000, is_least=True)
    assert ">= 10,000 events/s" in least.line({"rate": 10_000})
    assert least.line({"rate": 10_000}).endswith("yes")
    assert least.line({"rate": 9_999}).endswith("no")


class StubDay:
    """Notes what is done with a day."""

    def __init__(self):
        self.done = []
        self.measured = {}

    def store(self):
        self.done.append("store")

    def touch(self, number):
        self.done.append(f"touch {number}")

    def count(self, name):
        self.done.append(name)

    def break_down(self):
        self.done.append("break down")


@pytest.mark.parametrize(
    ("rows", "done"),
    [
        (["large-day"], ["everything"]),
        (["touched"], ["everything", "touch 7", "touched"]),
        (["nothing"], ["everything", "nothing"]),
        (["breakdowns"], ["break down"]),
        (["memory", "breakdowns"], ["everything", "touch 7", "touched", "nothing", "break down"]),
    ],
)
def test_only_what_the_rows_want_is_measured(program, rows, done):
    day = StubDay()
    program.measure_day(day, rows, 7)
    assert day.done == ["store", *done]


def test_each_item_of_a_day_is_used_and_events_are_the_same_each_time(program):
    events = list(program.uses("p-", 0, 400, 40))
    assert {event["item_id"] for event in events} == {f"{item:06}" for item in range(40)}
    again = list(program.uses("p-", 0, 400, 40))
    assert [event["item_id"] for event in again] == [event["item_id"] for event in events]
    assert len({event["_id"] for event in events}) == 400
    assert len({event["country"] for event in program.uses("p-", 0, 9_000, 900)}) > 150
