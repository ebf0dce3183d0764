"""The revision rises after each change of totals, bookmarks or gaps, and searches then find the change."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from invenio_search.engine import search

from invenio_stats.aggregations import StatAggregator
from invenio_stats.cli import stats
from invenio_stats.completeness.revision import NO_REVISION, raise_revision, revision_of, revision_ref
from invenio_stats.search.multi_get import read


@pytest.fixture
def revision(raw):
    """Return the revision as it is now."""
    return lambda: revision_of(read(raw.client, [revision_ref()])[0])


@pytest.fixture
def rises(revision):
    """Return `rises(function)`: whether the function has raised the revision."""

    def call(function, *args, **kwargs):
        before = revision()
        function(*args, **kwargs)
        return revision() > before

    return call


@pytest.fixture
def counted(raw, aggregator, clock):
    raw.put("2026-03-10")
    aggregator().run()
    clock.forward(hours=1)


def test_there_is_none_before_the_first_run(revision):
    assert revision() == NO_REVISION


def test_a_run_that_writes_or_moves_the_bookmark_raises_it(counted, raw, aggregator, rises, clock):
    assert rises(aggregator().run)
    raw.put("2026-03-11")
    assert rises(aggregator().run, "2026-03-11", "2026-03-11", update_bookmark=False)
    assert not rises(aggregator().run, "2026-03-11", "2026-03-11", update_bookmark=False)


def test_a_deletion_raises_it(counted, aggregator, rises):
    assert rises(aggregator().delete)


def test_a_search_finds_what_it_stands_for(counted, raw, aggregator, monkeypatch, index_prefix):
    """Without that, an answer of before would be cached under the new revision."""
    found = []

    def look(client, *args, **kwargs):
        raise_revision(client, *args, **kwargs)
        found.append(client.count(index=f"{index_prefix}stats-record-view")["count"])

    monkeypatch.setattr("invenio_stats.totals.run.raise_revision", look)
    raw.put("2026-03-11")
    aggregator().run()
    assert found == [2]


def test_a_run_that_fails_after_it_has_written_raises_it(counted, raw, aggregator, rises, monkeypatch):
    class Broken(StatAggregator):
        def agg_iter(self, dt, previous_bookmark):
            yield from super().agg_iter(dt, previous_bookmark)
            if dt.day == 12:
                raise RuntimeError("broken")

    raw.put("2026-03-11")
    raw.put("2026-03-12")
    monkeypatch.setattr("invenio_stats.totals.writing.BULK_SIZE", 1)

    def run():
        with pytest.raises(RuntimeError):
            aggregator(Broken).run()

    assert rises(run)


def test_an_engine_that_is_away_does_not_fail_what_is_done(counted, raw, aggregator, monkeypatch, caplog):
    def away(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "away", Exception())

    monkeypatch.setattr(raw.client, "index", away)
    raise_revision(raw.client)
    assert "The revision could not be raised" in caplog.text


def test_none_of_many_at_once_is_lost(raw, revision, app):
    def change(_number):
        with app.app_context():
            raise_revision(raw.client)
            return revision()

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(change, range(20)))
    assert revision() == max(seen)
    assert revision().seq_no == 19


def test_an_index_that_was_made_anew_has_other_revisions(raw, revision):
    raise_revision(raw.client)
    before = revision()
    raw.client.indices.delete(index=revision_ref()["_index"])
    raise_revision(raw.client)
    assert revision()[:2] == before[:2]
    assert str(revision()) != str(before)


def test_an_import_raises_it(counted, app, rises, tmp_path, refresh):
    def invoke(*args):
        result = app.test_cli_runner().invoke(stats, args)
        assert result.exit_code == 0, result.output

    refresh()
    invoke("export", str(tmp_path / "export"))
    assert rises(invoke, "import", str(tmp_path / "export"))
    assert not rises(invoke, "import", str(tmp_path / "export"), "--dry-run")
