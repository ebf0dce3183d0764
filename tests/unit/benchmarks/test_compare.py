"""The benchmarks that are programs of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "benchmarks" / "compare.py"


def test_the_comparison_starts_without_any_library():
    """It makes the environments that it measures, so it runs before there is one."""
    done = subprocess.run([sys.executable, "-E", "-S", PROGRAM, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("public", "checkout", "differs"),
    [
        ({"count": 7, "unique_count": 44_389}, {"count": 7, "unique_count": 44_390}, False),
        ({"unique_count": 44_390}, {"unique_count": 44_389}, True),
        ({"unique_count": 44_000}, {"unique_count": 44_390}, True),
        ({"unique_count": 1}, {"unique_count": 2}, True),
        ({"count": 44_389}, {"count": 44_390}, True),
        ({"views": [{"unique_views": 4377}]}, {"views": [{"unique_views": 4378}]}, False),
        ({"views": [{"unique_views": 4377}]}, {"views": []}, True),
    ],
)
def test_only_an_estimate_of_distinct_sessions_may_be_a_little_less(monkeypatch, public, checkout, differs):
    monkeypatch.syspath_prepend(PROGRAM.parent)
    from comparison.results import CHECKOUT, PUBLIC, Results

    results = Results()
    results.compare("totals", {PUBLIC: public, CHECKOUT: checkout})
    assert bool(results.differences) == differs
