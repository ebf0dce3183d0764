"""Raw events are deleted on a real engine, day after day, while everything goes on: no total ever becomes smaller."""

import random
from datetime import timedelta

import pytest

from invenio_stats.broker import dead_letters
from invenio_stats.cli import stats
from invenio_stats.operations.runner import aggregate_one, process_one
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import TODAY, download

EVENT, NAME = "file-download", "file-download-agg"
DAYS = [TODAY.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=back) for back in range(9, 0, -1)]


@pytest.fixture
def do(app):
    """Return `do(*args)`: run a command, whatever it says."""
    return lambda *args: app.test_cli_runner().invoke(stats, args)


def store(*events):
    current_stats.publish(EVENT, events)
    return process_one(EVENT)


@pytest.mark.parametrize("seed", range(4))
def test_no_total_shrinks(
    real_engine_url, queues, put_templates, search_client, index_prefix, counts, refresh, do, seed
):
    """Of totals that could be counted, each equals the events that were stored; those of deleted days stay."""
    choose = random.Random(seed)
    expected = {}

    def visit(day, number):
        stored, _ = store(download(day, ip_address=f"192.0.2.{number}"))
        key = f"B_F-{day:%Y-%m-%d}"
        expected[key] = expected.get(key, 0) + stored
        return stored

    for day in DAYS:
        for number in range(choose.randint(1, 4)):
            assert visit(day, number) == 1
    refresh()
    aggregate_one(NAME)
    assert counts(f"stats-{EVENT}") == expected

    deleted = []
    for step in range(4):
        deleted.append(DAYS[step])
        if choose.random() < 0.5:
            search_client.indices.delete(index=f"{index_prefix}events-stats-{EVENT}-{DAYS[step]:%Y-%m-%d}")
        else:
            before = {"query": {"range": {"timestamp": {"lt": f"{DAYS[step + 1]:%Y-%m-%d}"}}}}
            search_client.delete_by_query(index=f"{index_prefix}events-stats-{EVENT}-*", body=before, refresh=True)
        late = choose.sample(DAYS, 3)
        assert not any(visit(day, 100 + step) for day in late if day in deleted)
        refresh()
        aggregate_one(NAME)
        first, last = (f"{day:%Y-%m-%d}" for day in (DAYS[0], DAYS[-1]))
        assert do("aggregations", "rebuild", NAME, "--from", first, "--to", last, "--yes").exit_code == 2
        assert do("aggregations", "delete", NAME, "--yes").exit_code == 2
        assert do("aggregations", "process", NAME, "--from", first, "--to", last, "--eager").exit_code == 0
        assert do("verify", NAME).exit_code == 0
        assert counts(f"stats-{EVENT}") == expected
    assert {dead_letter.reason for dead_letter in dead_letters.look(queues[EVENT])} <= {"expired"}
