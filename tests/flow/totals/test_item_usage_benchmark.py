"""The benchmark of the usage of items measures what it says."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def item_usage(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from benchmarks import item_usage

    return item_usage


def test_every_row_is_measured(item_usage, engine_url):
    measured = item_usage.measure(engine_url, item_usage.NAMES, scale=0.001)
    assert {row.measure for row in item_usage.ROWS} <= measured.keys()
    assert min(measured.values()) > 0
