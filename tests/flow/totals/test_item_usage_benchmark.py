"""The benchmark of the usage of items measures what it says."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def item_usage(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from benchmarks import item_usage

    return item_usage


def test_it_counts_everything_then_what_was_touched(item_usage, engine_url):
    times = item_usage.measure_alone(engine_url, events=200, touched=10)
    assert times.written == 10
    assert min(times[:3]) > 0
