"""The plan of an instance: what is computed from measured costs."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import plan
from benchmarks.plan import Costs, Load, Wishes

MEASURED = {
    "web_seconds_per_event": 0.0005,
    "worker_events_per_second": 5000.0,
    "engine_seconds_per_event": 0.0001,
    "broker_seconds_per_event": 0.0001,
    "aggregator_seconds_per_total": 0.0002,
    "aggregator_seconds_per_event": 0.000001,
    "engine_seconds_per_total": 0.0003,
    "totals_per_event": 0.25,
    "event_bytes": 500.0,
    "total_bytes": 300.0,
    "message_bytes": 600.0,
    "broker_bytes_per_message": 1500.0,
}
COSTS = Costs.read(MEASURED)
QUIET = Load("10", 10, 10)


def test_constants_are_read_from_a_report_of_the_comparison():
    """Nobody has to cut them out of the file."""
    assert Costs.read({"machine": {}, "constants": MEASURED}) == COSTS


def test_a_missing_constant_is_named_with_its_cure():
    """A quick comparison does not measure all of them."""
    measured = {name: value for name, value in MEASURED.items() if name != "broker_bytes_per_message"}
    with pytest.raises(ValueError, match=r"lack broker_bytes_per_message\..*compare\.py --json"):
        Costs.read({"constants": measured})


def test_a_year_of_raw_events_and_their_replica_takes_its_bytes():
    """10 events/s, 500 bytes each, 12 months, twice."""
    found = plan.plan(QUIET, COSTS, Wishes(retention_months=12))
    assert found.raw_gb == pytest.approx(10 * 86_400 * 365 * 500 * 2 / 1e9)


def test_totals_never_outnumber_the_things_that_there_are():
    """More events on the same records make no more totals."""
    wishes = Wishes(things=1000, totals_years=1, replicas=0)
    few, many = (plan.plan(Load("", rate, rate), COSTS, wishes) for rate in (100, 10_000))
    assert few.totals_gb == many.totals_gb == pytest.approx(1000 * 365 * 300 / 1e9)


def test_workers_have_time_left_at_the_peak():
    """The average alone would leave a backlog that nobody catches up with."""
    load = Load("peaks", per_second=1000, peak_per_second=10_000)
    assert plan.plan(load, COSTS, Wishes(busy=0.5)).workers == 4


def test_quiet_instances_have_one_shard_for_each_index():
    """62 days and the other months of raw events, ten years of two kinds of totals, two types, ours; all twice."""
    found = plan.plan(QUIET, COSTS, Wishes(retention_months=13, totals_years=10))
    assert found.shards == (2 * (62 + 11 + 2 * 120) + 4) * 2


def test_days_that_are_too_big_for_a_shard_are_cut():
    """1,000 events/s are 21.6 GB a day of each type: months are cut into 22, days into three."""
    wishes = Wishes(shard_gb=10, retention_months=3, totals_years=1, replicas=0, things=1)
    busy = plan.plan(Load("", 1000, 1000), COSTS, wishes)
    assert busy.shards == 2 * (62 * 3 + 66 + 2 * 12) + 4


def test_the_broker_holds_what_comes_while_the_engine_is_away():
    """Two hours at the peak, in memory and on disk."""
    load = Load("", per_second=1, peak_per_second=100)
    found = plan.plan(load, COSTS, Wishes(backlog_hours=2))
    assert found.broker_memory_gb == pytest.approx(100 * 7200 * 1500 / 1e9)
    assert found.broker_disk_gb == pytest.approx(100 * 7200 * 600 / 1e9)


@pytest.mark.parametrize(
    ("change", "first"),
    [
        pytest.param({"worker_events_per_second": 1.0}, "a worker", id="slow workers"),
        pytest.param({"aggregator_seconds_per_total": 10.0}, "an aggregator", id="slow aggregators"),
        pytest.param({"engine_seconds_per_event": 10.0}, "the cores of a node", id="slow engine"),
        pytest.param({"event_bytes": 1e7}, "the disk of a node", id="large events"),
        pytest.param({"broker_bytes_per_message": 1e8}, "the broker's memory", id="large messages"),
    ],
)
def test_what_is_full_first_is_named(change, first):
    """It is what an operator has to add first."""
    wishes = Wishes(node_shards=10**9)
    assert plan.plan(QUIET, dataclasses.replace(COSTS, **change), wishes).full_first.startswith(first)


def test_replicas_want_a_second_node():
    """A replica is never on the node of its primary."""
    assert plan.plan(QUIET, COSTS, Wishes(replicas=0, totals_years=1)).nodes == 1
    assert plan.plan(QUIET, COSTS, Wishes(replicas=1, totals_years=1)).nodes == 2


def test_a_replica_costs_the_engine_as_much_as_a_primary():
    """It stores each event and each total again; `benchmarks/cluster.py` has measured it."""
    single, replicated = (plan.plan(QUIET, COSTS, Wishes(replicas=replicas)) for replicas in (0, 1))
    assert replicated.engine_cores == pytest.approx(2 * single.engine_cores)


def test_more_events_never_want_less():
    """The table grows from left to right."""
    rates = [1, 10, 100, 1000, 10_000]
    plans = [plan.plan(Load("", rate, rate), COSTS, Wishes())[1:-1] for rate in rates]
    for fewer, more in zip(plans, plans[1:], strict=False):
        assert all(small <= large for small, large in zip(fewer, more, strict=True))


def test_the_program_prints_a_column_for_each_load(tmp_path):
    """What the documentation shows comes from this command."""
    measured = tmp_path / "measured.json"
    measured.write_text(json.dumps(MEASURED))
    program = Path(plan.__file__)
    done = subprocess.run([sys.executable, program, measured, "--replicas", "0"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, _, *rows = done.stdout.splitlines()
    assert all(load.name in head for load in plan.LOADS)
    assert len(rows) == 11
