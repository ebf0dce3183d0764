"""Commands about indices and files: what operators read, and what programs read."""

import json

import pytest
from invenio_search.engine import search

from invenio_stats.cli import stats
from invenio_stats.core import names
from invenio_stats.operations import inventory
from invenio_stats.operations.inventory import Shards


@pytest.fixture
def invoke(app):
    """Run a command in process, on the application."""
    runner = app.test_cli_runner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(stats, [str(arg) for arg in args], **kwargs)
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return run


@pytest.fixture(autouse=True)
def _plenty_of_shards(monkeypatch):
    """Other tests may be using this engine's at the same time."""
    monkeypatch.setattr(inventory, "shards", lambda client: Shards(7, 1000, 4))


def test_list_says_what_there_is(invoke, month):
    month.found()
    found = json.loads(invoke("indices", "list", "--json"))
    assert [(index["name"], index["kind"], index["documents"]) for index in found["indices"]] == [
        (month.day(1), "events", 2),
        (month.day(3), "events", 1),
    ]
    assert found["indices"][0]["event_type"] == "record-view"
    assert found["kinds"]["all"]["documents"] == found["kinds"]["events"]["documents"] == 3
    assert found["shards"] == {"used": 7, "limit": 1000, "daily": 4, "days_left": 248, "level": "ok"}
    output = invoke("indices", "list", env={"COLUMNS": "200"})
    assert month.day(3) in output
    assert "ok: 7 of 1000 shards" in output


def test_list_has_the_indices_that_are_of_no_event_type(invoke, month, search_client, index_prefix):
    """Every index that the package makes is one of the instance, and the privacy report looks at it."""
    own = [name for name in names.OWN if name not in (names.OBJECTIONS, names.INSTANCES)]  # these two are queues
    own = [name for name in own if name not in (names.ITEM_USAGE, names.RECORD_USAGE, names.USAGE_BREAKDOWN)]
    counter = [names.counter_usage_index("2026-01", 1), names.COUNTER_MONTHS, names.COUNTER_ITEMS]
    made = {f"{index_prefix}{name}" for name in (*own, *counter, names.COUNTER_REQUESTORS)}
    for name in made:
        search_client.indices.create(index=name, ignore=400)
    found = {index["name"]: index["kind"] for index in json.loads(invoke("indices", "list", "--json"))["indices"]}
    assert made <= found.keys()
    assert found[f"{index_prefix}{counter[0]}"] == "counter_usage"


def test_the_shards_are_those_of_the_engine(app, search_client, month, monkeypatch):
    monkeypatch.undo()
    found = inventory.shards(search_client)
    assert found.used >= 2
    assert found.limit % 1000 == 0
    assert found.daily == 2


@pytest.mark.parametrize(("used", "level", "code"), [(799, "ok", 0), (800, "warning", 0), (950, "error", 1)])
def test_list_warns_before_the_limit(invoke, month, monkeypatch, used, level, code):
    monkeypatch.setattr(inventory, "shards", lambda client: Shards(used, 1000, 4))
    output = invoke("indices", "list", code=code)
    assert f"{level}: {used} of 1000 shards" in output
    assert ("invenio stats indices compact" in output) == (level != "ok")
    assert json.loads(invoke("indices", "list", "--json", code=code))["shards"]["level"] == level


def test_compacting_asks_and_can_be_tried_first(invoke, month):
    month.found()
    assert "record-view 2026-01: 2 indices with 3 events would become" in invoke("indices", "compact", "--dry-run")
    invoke("indices", "compact", input="n\n", code=1)
    assert len(month.indices()) == 2
    assert "record-view 2026-01: 2 indices with 3 events are one" in invoke("indices", "compact", input="y\n")
    assert list(month.indices()) == ["2026-01"]
    assert "nothing to do" in invoke("indices", "compact", "--yes")


def test_compacting_is_json_for_programs(invoke, month):
    month.found()
    planned = {"event_type": "record-view", "month": "2026-01", "replaced": 2, "documents": 3}
    found = json.loads(invoke("indices", "compact", "record-view", "--dry-run", "--json"))
    assert found == {"dry_run": True, "months": [planned]}
    assert json.loads(invoke("indices", "compact", "file-download", "--yes", "--json"))["months"] == []
    assert json.loads(invoke("indices", "compact", "--month", "2025-12", "--yes", "--json"))["months"] == []
    (done,) = json.loads(invoke("indices", "compact", "--month", "2026-01", "--yes", "--json"))["months"]
    assert {**done, **planned} == done
    assert len(done["checksum"]) == 32


@pytest.mark.usefixtures("expect_logged_errors")
def test_a_month_that_cannot_be_compacted_is_said_and_the_others_go_on(invoke, month, search_client):
    month.write(5, "x")
    for day, kind in ((1, "keyword"), (3, "long")):
        search_client.indices.put_mapping(index=month.day(day), body={"properties": {"extra": {"type": kind}}})
    search_client.index(index=f"{month.alias}-2025-11-02", id="1", body={"timestamp": "2025-11-02"}, refresh=True)
    older, newer = json.loads(invoke("indices", "compact", "--yes", "--json", code=1))["months"]
    assert (older["month"], older["documents"]) == ("2025-11", 1)
    assert "'extra'" in newer["error"]


@pytest.mark.usefixtures("expect_logged_errors")
def test_why_the_engine_refuses_is_said(invoke, month, search_client, monkeypatch):
    month.found()
    kind = "snapshot_in_progress_exception"
    perform, answer = search_client.transport.perform_request, {"error": {"type": kind}, "status": 400}

    def refuse(method, url, *args, **kwargs):
        if "remove_index" in str(kwargs.get("body")):
            raise search.exceptions.RequestError(400, kind, answer)
        return perform(method, url, *args, **kwargs)

    monkeypatch.setattr(search_client.transport, "perform_request", refuse)
    (failed,) = json.loads(invoke("indices", "compact", "--yes", "--json", code=1))["months"]
    assert failed["error"] == kind


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["indices", "compact", "--month", "9999-12"], "9999-12 is not closed"),
        (["indices", "compact", "--month", "soon"], "'soon' is not a month. Write it as 2026-01."),
        (["indices", "compact", "--month", "2026"], "'2026' is not a month"),
        (["indices", "compact", "--month", "2026-13"], "'2026-13' is not a month"),
        (["indices", "compact", "no-such"], "Invalid event type(s): no-such"),
        (["export", "x", "no-such"], "Invalid event type(s): no-such"),
        (["export", "x", "--from", "2026-02", "--to", "2026-01"], "swap them"),
    ],
)
def test_a_mistake_exits_2_and_is_named(invoke, args, said):
    assert said in invoke(*args, code=2)


def test_a_directory_that_cannot_be_made_is_named(invoke):
    assert "/dev/null/x cannot be read or written: Not a directory. Name another" in invoke(
        "export", "/dev/null/x", code=1
    )


def test_export_and_import(invoke, month, tmp_path, search_client):
    month.found()
    before = month.documents()
    assert "events: 3 documents in 2 files" in invoke("export", tmp_path / "a")
    assert json.loads(invoke("export", tmp_path / "b", "--from", "2026-01-02", "--json"))["events"]["documents"] == 1
    search_client.indices.delete(index=f"{month.alias}-*")
    assert "events: 3 would be created" in invoke("import", tmp_path / "a", "--dry-run")
    assert "events: 3 created" in invoke("import", tmp_path / "a")
    assert json.loads(invoke("import", tmp_path / "a", "--json"))["events"]["same"] == 3
    assert month.documents() == before


def test_a_directory_that_cannot_be_used_exits_1_and_is_named(invoke, month, tmp_path):
    (tmp_path / "x").write_text("x")
    assert "is not empty" in invoke("export", tmp_path, code=1)
    assert "has no manifest.json" in invoke("import", tmp_path, code=1)
