"""Deleted totals come back with the next run, or are not deleted."""

import pytest

from invenio_stats.cli import stats
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.moments import parse
from invenio_stats.errors import LeaseLostError
from invenio_stats.totals.stored import TotalsStore

DAYS = ("2026-03-10", "2026-03-11", "2026-03-12")
ALL = {f"recid_1-{day}": 1 for day in DAYS}


class Killed(BaseException):
    """Ends a command as a signal would."""


@pytest.fixture
def settled(raw, aggregator, clock):
    for day in DAYS:
        raw.put(day)
    clock.forward(days=1)
    aggregator().run()
    clock.forward(days=1)
    aggregator().run()


@pytest.fixture
def delete(app, settled):
    """Return `delete(*args, code)`: what the command says."""

    def do(*args, code=0):
        result = app.test_cli_runner().invoke(stats, ["aggregations", "delete", "record-view-agg", "--yes", *args])
        assert result.exit_code == code, result.output
        return result.output

    return do


@pytest.fixture
def first_complete_day(settled, search_client):
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-03-11"))


def test_who_is_killed_while_deleting_has_lost_nothing(settled, aggregator, counts, monkeypatch):
    own = aggregator()
    delete = TotalsStore.delete

    def kill(*args):
        delete(*args)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TotalsStore, "delete", kill)
        with pytest.raises(Killed):
            own.delete()
    assert counts() == {}
    aggregator().run()
    assert counts() == ALL


def test_a_run_at_work_does_not_move_the_bookmark_past_what_is_deleted(settled, raw, aggregator, counts, clock):
    clock.forward(days=1)
    raw.put("2026-03-12", "recid_2")
    deleted = []

    def value(event, total):
        if not deleted:
            deleted.append(aggregator().delete())
        return "x"

    with pytest.raises(LeaseLostError):
        aggregator(copy_fields={"pid_value": value}).run()
    clock.forward(hours=1)
    aggregator().run()
    assert counts() == {**ALL, "recid_2-2026-03-12": 1}


def test_totals_that_could_never_come_back_are_not_deleted(delete, first_complete_day, counts):
    said = delete(code=2)
    assert "1 of these totals are older than 2026-03-11" in said
    assert "--from 2026-03-11" in said
    delete("--dry-run", "--end-date", "2026-03-10", code=2)
    assert counts() == ALL


def test_those_that_come_back_are_deleted(delete, first_complete_day, counts, aggregator):
    assert "2 totals deleted" in delete("--start-date", "2026-03-11")
    aggregator().run()
    assert counts() == ALL


def test_where_nobody_knows_the_first_day_totals_without_events_are_safe(delete, raw, search_client, counts):
    search_client.indices.delete(index=f"{raw.prefix}stats-completeness")
    search_client.indices.delete(index=f"{raw.prefix}events-stats-record-view-2026-03")
    assert "3 of these totals" in delete(code=2)
    assert counts() == ALL


def test_totals_that_cannot_be_recounted_are_deleted_when_asked(delete, first_complete_day, counts):
    assert "3 totals deleted" in delete("--include-final")
    assert counts() == {}


def test_a_first_day_that_hides_nothing_keeps_nothing(delete, search_client, counts):
    assert FirstCompleteDay(search_client, "record-view").get() == NOTHING_MISSING
    delete()
    assert counts() == {}
