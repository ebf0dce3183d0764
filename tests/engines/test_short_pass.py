"""Run the short pass: what works on one engine works on each, with the same numbers."""

import pytest
from invenio_search.engine import SEARCH_DISTRIBUTION, search
from invenio_search.proxies import current_search

from tests.engines.instance import view

# What old clients do with a newer urllib3 is nothing that we could do otherwise; what an engine deprecates is.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:(elasticsearch|opensearchpy)")

COUNTED = {"recid_1-2026-01-05": 2, "recid_1-2026-01-06": 1, "recid_2-2026-01-06": 1}


def test_the_engine_is_the_one_that_the_pass_is_for(app, expected_engine):
    """Else a pass could say something about an engine that it never asked."""
    engine = f"{current_search.cluster_distribution} {'.'.join(map(str, current_search.cluster_version))}"
    assert engine.startswith(expected_engine)
    assert SEARCH_DISTRIBUTION.lower() == current_search.cluster_distribution
    assert search.VERSION[0] in (1, 2, 7)


def test_templates_are_of_the_kind_that_was_asked_for(instance, is_composable):
    of_kind = {
        False: instance.client.indices.get_template(name=f"{instance.prefix}*", ignore=[404]),
        True: instance.client.indices.get_index_template(name=f"{instance.prefix}*", ignore=[404]),
    }
    placed = of_kind[is_composable]
    assert len(placed["index_templates"] if is_composable else placed) == 4
    other = of_kind[not is_composable]
    assert not other or other.get("status") == 404 or other == {"index_templates": []}


def test_events_are_stored_once_under_the_templates(counted):
    found = counted.client.search(index=f"{counted.prefix}events-stats-record-view", body={"size": 100})["hits"]["hits"]
    assert len(found) == 5  # of six, one is a double click
    assert [hit["_source"]["is_robot"] for hit in found].count(True) == 1
    assert counted.events_indices() == ["2026-01-05", "2026-01-06"]
    mapping = counted.client.indices.get_mapping(index=f"{counted.prefix}events-stats-record-view-2026-01-05")
    (index,) = mapping.values()
    assert index["mappings"]["properties"]["visitor_id"]["type"] == "keyword"


def test_totals_are_counted_and_not_written_again(counted):
    assert counted.totals() == COUNTED
    assert counted.aggregate() == 0


def test_a_late_event_is_added_to_its_day(counted):
    """One on a day that has an index, one on a day without: both come when the month is closed long since."""
    late = [view("2026-01-05T12:00:00", visitor=4), view("2026-01-09T12:00:00", visitor=4)]
    counted.app.extensions["invenio-stats"].publish("record-view", late)
    assert counted.process()["record-view"] == 2
    assert counted.aggregate() == 2
    assert counted.totals() == {**COUNTED, "recid_1-2026-01-05": 3, "recid_1-2026-01-09": 1}
    assert counted.stats("verify")["differences"] == []


def test_queries_answer_by_rest(counted, ask):
    assert {key: ask("views", pid_value="1")[key] for key in ("views", "unique_views")} == {
        "views": 3,
        "unique_views": 3,
    }
    assert ask("views", pid_value="1", start_date="2026-01-06")["views"] == 1
    assert [(item["key"], item["views"]) for item in ask("views-by-record")["buckets"]] == [("1", 3), ("2", 1)]
    downloads = ask("bucket-file-download-total", bucket_id="B")
    assert [(item["key"], item["value"]) for item in downloads["buckets"]] == [("paper.pdf", 1)]
    assert ask("views", pid_value="nothing")["views"] == 0


def test_histograms_answer_by_rest(counted, ask):
    def over_time(interval):
        buckets = ask("views-over-time", pid_value="1", interval=interval)["buckets"]
        return [(item["date"][:10], item["views"], item["unique_views"]) for item in buckets]

    assert over_time("day") == [("2026-01-05", 2, 2), ("2026-01-06", 1, 1)]
    assert over_time("week") == [("2026-01-05", 3, 3)]
    for interval in ("month", "quarter", "year"):
        assert over_time(interval) == [("2026-01-01", 3, 3)]


def test_verify_finds_a_total_that_is_wrong_and_rebuild_mends_it(counted):
    assert counted.stats("verify")["differences"] == []
    target = {"index": f"{counted.prefix}stats-record-view-2026-01", "id": "recid_1-2026-01-05"}
    counted.client.update(**target, body={"doc": {"count": 1}})
    counted.refresh()
    (found,) = counted.stats("verify", code=1)["differences"]
    assert (found["key"], found["interval"]) == ("recid_1", "2026-01-05")
    assert (found["stored"], found["counted"]) == ({"count": 1}, {"count": 2})
    counted.stats("aggregations", "rebuild", "--from", "2026-01-05", "--to", "2026-01-06", "--yes")
    assert counted.totals() == COUNTED


def test_a_closed_month_becomes_one_index(counted, ask):
    before = ask("views-over-time", pid_value="1", interval="day")
    counted.stats("indices", "compact", "--yes")
    assert counted.events_indices() == ["2026-01"]
    assert counted.stats("verify")["differences"] == []
    assert counted.aggregate() == 0
    assert ask("views-over-time", pid_value="1", interval="day") == before
    kinds = counted.stats("indices", "list")["kinds"]
    assert kinds["events"]["documents"] == 6


def test_an_export_brings_back_what_was_lost(counted, ask, tmp_path):
    before = ask("views-over-time", pid_value="1", interval="day")
    counted.stats("export", tmp_path / "saved")
    counted.client.indices.delete(index=f"{counted.prefix}*")
    imported = counted.stats("import", tmp_path / "saved")
    assert {kind: imported[kind]["created"] for kind in ("events", "totals")} == {"events": 6, "totals": 4}
    again = counted.stats("import", tmp_path / "saved")
    assert {kind: again[kind]["same"] for kind in ("events", "totals")} == {"events": 6, "totals": 4}
    assert counted.totals() == COUNTED
    assert ask("views-over-time", pid_value="1", interval="day") == before
    assert counted.stats("verify")["differences"] == []


def test_status_knows_the_engine(counted):
    found = counted.stats("status")
    assert found["events"]["record-view"]
