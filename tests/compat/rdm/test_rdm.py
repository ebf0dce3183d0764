"""Contract, InvenioRDM: its configuration works unchanged, from the request to the answer."""

import pytest
from celery.schedules import crontab

from invenio_stats.templates import register_index_templates, register_templates

from ..samples import ROBOT
from .builders import RECORDS, Record
from .instance import CONFIG, DOWNLOADS, TEMPLATES
from .reindex import numbers_of, records_to_reindex

pytestmark = pytest.mark.filterwarnings("ignore:Query .* does not know doc_type")


def stamps(documents) -> dict[str, str]:
    """Return when each total was written."""
    return {
        document_id: hit["_source"]["updated_timestamp"]
        for index in ("stats-file-download", "stats-record-view")
        for document_id, hit in documents(index).items()
    }


def test_uses_come_through_queue_and_index_into_totals(used, sources):
    outcomes, results = used
    assert outcomes == [("file-download", (3, 0)), ("record-view", (5, 0))]
    assert all(failed == 0 for result in results for _, failed in result)
    views = {total["recid"]: total for total in sources("stats-record-view")}
    assert {recid: total["count"] for recid, total in views.items()} == {"r1": 3, "r2": 1, "r3": 1}
    assert {total["parent_recid"] for total in sources("stats-file-download")} == {"p1"}
    assert {total["unique_id"] for total in sources("stats-record-view")} == {"ui_r1", "ui_r2", "ui_r3"}


def test_the_queries_of_a_record_answer_with_its_numbers(used):
    numbers = numbers_of(RECORDS["r1"])
    assert numbers["record-view"] == {
        "start_date": None, "end_date": None, "recid": "r1", "parent_recid": "p1", "views": 3.0, "unique_views": 3.0,
    }  # fmt: skip
    assert numbers["record-view-all-versions"]["views"] == 4.0
    assert numbers["record-download"]["downloads"] == 1.0
    assert {key: numbers["record-download-all-versions"][key] for key in DOWNLOADS} == {
        "downloads": 3.0, "unique_downloads": 3.0, "data_volume": 300.0,
    }  # fmt: skip


def test_a_record_that_nobody_used_has_the_same_keys(search_client):
    numbers = numbers_of(Record("new", "new-parent"))
    assert numbers["record-view"]["views"] == numbers["record-download"]["data_volume"] == 0
    assert {"recid", "parent_recid", "views", "unique_views"} <= set(numbers["record-view"])


def test_the_policy_says_who_may_ask(used, base_app):
    client = base_app.test_client()
    views = {"v": {"stat": "record-view", "params": {"recid": "r1"}}}
    downloads = {"d": {"stat": "record-download", "params": {"recid": "r2"}}}
    assert client.post("/api/stats", json=views).json["v"]["views"] == 3.0
    assert client.post("/api/stats", json=downloads).status_code == 401
    with client.session_transaction() as session:
        session["_user_id"] = "1"
    assert client.post("/api/stats", json=downloads).json["d"]["downloads"] == 2.0
    forbidden = {"a": {"stat": "record-view-all-versions", "params": {"parent_recid": "p1"}}}
    assert client.post("/api/stats", json=forbidden).status_code == 403


def test_a_second_run_writes_no_total_again(used, process, documents):
    """Or else every record would be indexed again each hour, for nothing."""
    before = stamps(documents)
    assert process()[0] == [("file-download", (0, 0)), ("record-view", (0, 0))]
    assert stamps(documents) == before


def test_a_new_use_changes_its_total_and_no_other(used, visit, process, documents):
    before = stamps(documents)
    visit("/records/r3", 2)
    process()
    after = stamps(documents)
    assert [document_id[:5] for document_id in after if after[document_id] != before[document_id]] == ["ui_r3"]


def test_the_reindex_task_sees_what_changed_and_continues_from_there(used, visit, process):
    assert records_to_reindex() == {"p1", "p2"}
    assert records_to_reindex(refresh_time=0) == set()
    visit("/records/r3", 2)
    process()
    assert records_to_reindex(refresh_time=0) == {"p2"}


def test_what_is_only_robots_is_never_stored(visit, process, sources):
    visit("/records/r1", 1, ROBOT)
    assert process()[0] == [("file-download", (0, 0)), ("record-view", (0, 0))]
    assert sources("events-stats-record-view") == []


def test_tools_on_the_list_of_robots_are_dropped_like_robots(used, sources):
    """The chain has `filter_robots` and no `filter_machines`, and its aggregations leave out neither."""
    assert not [event for event in sources("events-stats-record-view") if event["is_robot"] or event["is_machine"]]


def test_the_templates_are_passed_as_they_are(app):
    assert register_templates() == []
    assert sorted(register_index_templates()) == [
        f"{TEMPLATES}.aggregations.aggr_file_download",
        f"{TEMPLATES}.aggregations.aggr_record_view",
        f"{TEMPLATES}.events.file_download",
        f"{TEMPLATES}.events.record_view",
    ]


def test_beat_runs_the_tasks_when_the_instance_says():
    beat = CONFIG["CELERY_BEAT_SCHEDULE"]
    assert [(entry["task"], entry["schedule"]) for entry in beat.values()] == [
        ("invenio_stats.tasks.process_events", crontab(minute="25,55")),
        ("invenio_stats.tasks.aggregate_events", crontab(minute=0)),
    ]
