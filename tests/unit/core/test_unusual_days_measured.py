"""The rule for unusual days finds floods in two years of traffic, and does not take holidays or launches for them."""

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def anomalies():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        from benchmarks import anomalies

        yield anomalies


@pytest.fixture(scope="module")
def simulated(anomalies):
    return anomalies.simulate(seed=1, scale=0.3)


@pytest.fixture(scope="module")
def result(anomalies, simulated):
    return anomalies.evaluate(*simulated)


def test_floods_are_found(result):
    assert len(result.floods) > 50
    assert len(result.found) / len(result.floods) >= 0.95


def test_false_alarms_are_rare(anomalies, result):
    assert anomalies.false_in_three_months([result]) <= 1


def test_without_knowing_launches_they_would_be_frequent(anomalies, simulated):
    """Otherwise the traffic would have no launches that matter, and the test above could not fail."""
    ignorant = anomalies.evaluate(*simulated, knows_launches=False)
    assert anomalies.false_in_three_months([ignorant]) > 10


def test_floods_last_from_hours_to_days_and_are_of_all_kinds(anomalies, result):
    assert min(flood.hours for flood in result.floods) < 4
    assert max(len(flood.days) for flood in result.floods) >= 5
    assert {flood.subject[0] for flood in result.floods} == set(anomalies.KINDS)
    assert all(10 <= flood.factor <= 100 for flood in result.floods)


def test_the_same_seed_is_the_same_traffic(anomalies, monkeypatch):
    monkeypatch.setattr(anomalies, "DAYS", 100)
    first, again = (anomalies.evaluate(*anomalies.simulate(seed=2, scale=0.1)) for _ in range(2))
    assert first == again
    assert first.floods


def test_the_table_has_a_row_for_each_kind(anomalies, result):
    table = list(anomalies.write_table([result]))
    assert [line.split()[0] for line in table[3:-1]] == [*anomalies.KINDS, "all"]
