"""Two aggregations of one event type and interval: neither overwrites the totals of the other, where keys are equal."""

import json
import logging

import pytest

from invenio_stats import ext
from invenio_stats.aggregations import StatAggregator
from invenio_stats.cli import stats
from invenio_stats.core.definitions import AggregationDefinition
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.operations.runner import aggregate_one
from invenio_stats.operations.verification.verify import prepare
from invenio_stats.proxies import current_stats
from invenio_stats.totals.leases import quarantined_totals

PARAMS = {"event": "record-view", "field": "pid_value"}


@pytest.fixture
def by_value(app, monkeypatch):
    """An aggregation by another field of the same events: a key of one may equal a key of the other."""
    entry = {"cls": StatAggregator, "params": PARAMS}
    both = {**app.config["STATS_AGGREGATIONS"], "by-value": entry}
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", both)


@pytest.fixture
def counted(raw, by_value):
    """Keys: 'recid_1' and '1', then '1' and '1'."""
    raw.put("2026-03-10", "recid_1")
    raw.put("2026-03-10", "1", pid_value="1")
    aggregate_one("record-view-agg")


@pytest.mark.expect_logged_errors
def test_the_other_ones_total_is_left_alone(counted, stored_totals, search_client):
    before = stored_totals()
    assert set(before) == {"recid_1-2026-03-10", "1-2026-03-10"}
    assert aggregate_one("by-value") == [(0, 1)]
    assert stored_totals() == before
    (total,) = quarantined_totals(search_client, "by-value")
    assert (total.key, total.error) == ("1", "ForeignTotalError")


@pytest.mark.expect_logged_errors
def test_it_is_not_deleted_either(counted, raw, stored_totals, search_client, index_prefix, clock):
    """By an aggregation whose own events are gone."""
    before = stored_totals()
    for hit in search_client.search(index=f"{index_prefix}events-stats-record-view")["hits"]["hits"]:
        raw.change({"index": hit["_index"], "id": hit["_id"]}, superseded=True)
    assert aggregate_one("by-value") == [(0, 1)]
    assert stored_totals() == before


@pytest.mark.expect_logged_errors
def test_what_does_not_meet_is_written(counted, raw, counts):
    raw.put("2026-03-10", "recid_2", pid_value="2")
    assert aggregate_one("by-value") == [(1, 1)]
    assert counts()["2-2026-03-10"] == 1


def test_verify_says_so_and_rebuild_writes_nothing(counted, aggregator, stored_totals, app):
    found = list(prepare(StatAggregator(name="by-value", **PARAMS)).differences())
    assert [difference.kind for difference in found if difference.counted_total.total_key.key == "1"] == ["foreign"]
    before = stored_totals()
    dates = ("--from", "2026-03-10", "--to", "2026-03-10", "--yes", "--json")
    result = app.test_cli_runner().invoke(stats, ["aggregations", "rebuild", "by-value", *dates])
    assert result.exit_code == 1
    assert json.loads(result.output)["aggregations"]["by-value"]["errors"] == ["ForeignTotalError"]
    assert stored_totals() == before


def test_the_start_names_both_once(app, by_value, caplog, monkeypatch):
    """Pages and REST API are two applications of one process, and most formats of logs leave out what is extra."""
    monkeypatch.setattr(ext, "_told", set())
    with caplog.at_level(logging.WARNING):
        finalize_app(app)
        finalize_app(app)
    (record,) = [record for record in caplog.records if "The configuration does not fit together" in record.message]
    assert record.message.endswith(f": {record.setting}: {record.value}. {record.cure}")
    assert record.setting == "STATS_AGGREGATIONS['by-value']"
    assert "'record-view-agg'" in record.value
    assert "Make them one aggregation" in record.cure


def test_a_declared_type_is_alone_with_its_totals(app, monkeypatch):
    from invenio_stats.declare import event_type

    declared = event_type("opened", builders=[lambda event: event], unique_id="{x}")
    other = {"by-x": {"cls": StatAggregator, "params": {"event": "opened", "field": "x"}}}
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", {**declared.aggregations, **other})
    with pytest.raises(ConfigurationError, match="overwrite those of 'opened-agg'"):
        current_stats.aggregations  # noqa: B018


def test_the_shipped_configuration_fits_together(app, caplog):
    finalize_app(app)
    assert "The configuration does not fit together" not in caplog.text
    assert all(isinstance(definition, AggregationDefinition) for definition in current_stats.aggregations.values())
