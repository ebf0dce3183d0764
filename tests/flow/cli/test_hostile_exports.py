"""`invenio stats import` trusts nothing that a directory says: it writes into this instance's indices only."""

import json
from contextlib import suppress

import pytest

from invenio_stats.cli import stats
from invenio_stats.operations.archive import files


@pytest.fixture
def invoke(app):
    """Run a command in process, on the application."""
    runner = app.test_cli_runner()

    def run(*args, code=0):
        result = runner.invoke(stats, [str(arg) for arg in args])
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return run


@pytest.mark.parametrize(
    "file",
    [
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "rdmrecords-records"}, id="records"),
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "stats-record-view"}, id="an alias"),
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "stats-record-view-x"}, id="no month"),
        pytest.param(
            {"kind": "totals", "event_type": "record-view", "index": "stats-file-download-2026-01"}, id="of another"
        ),
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "stats-record-view-2026-X"}, id="upper"),
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "stats-record-view-2026~%"}, id="signs"),
        pytest.param(
            {"kind": "totals", "event_type": "record-view", "index": f"stats-record-view-2026-{'x' * 250}"}, id="long"
        ),
        pytest.param({"kind": "totals", "event_type": "unknown", "index": "stats-unknown-2026-01"}, id="unknown type"),
        pytest.param({"kind": "totals", "event_type": None, "index": "stats-record-view-2026-01"}, id="of no type"),
        pytest.param(
            {"kind": "automated", "event_type": "record-view", "index": "stats-record-view-2026-01"}, id="kind"
        ),
        pytest.param({"kind": "agents", "event_type": None, "index": "stats-locks"}, id="our own, of another kind"),
        pytest.param({"kind": "locks", "event_type": None, "index": "stats-locks"}, id="a kind that has no export"),
        pytest.param({"kind": "bookmarks", "event_type": None, "index": "records"}, id="not our own"),
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "stats-record-view-2026-*"}, id="many"),
        pytest.param(
            {"kind": "totals", "event_type": "record-view", "index": "stats-record-view-2026/../x"}, id="a path"
        ),
        pytest.param({"kind": "totals", "event_type": ["record-view"], "index": "stats-record-view-2026"}, id="a list"),
        pytest.param({"kind": "totals", "event_type": "record-view", "index": "/etc/passwd"}, id="absolute"),
        pytest.param({"documents": -1}, id="a negative number"),
        pytest.param({"bytes": "many"}, id="no number"),
        pytest.param({"kind": ["totals"]}, id="a list of kinds"),
    ],
)
@pytest.mark.parametrize("args", [(), ("--dry-run",)], ids=["import", "dry run"])
def test_an_import_writes_only_into_indices_of_the_kind_and_type_that_it_names(
    invoke, month, tmp_path, search_client, index_prefix, file, args
):
    """Whoever hands over an export must not be able to write records, or the statistics of another kind."""
    month.found()
    invoke("export", tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    last = {**manifest["files"][-1], **file}
    with suppress(OSError):  # the file is there, with its checksum, wherever that is possible
        path = tmp_path / "a" / str(last["kind"]) / f"{last['index']}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "a" / "events" / f"{manifest['files'][-1]['index']}.jsonl.gz").read_bytes())
    (tmp_path / "a" / "manifest.json").write_text(json.dumps({**manifest, "files": [*manifest["files"], last]}))
    search_client.indices.delete(index=f"{index_prefix}*")
    assert "xport again" in invoke("import", tmp_path / "a", *args, code=2)
    assert search_client.indices.get_alias(index=f"{index_prefix}*") == {}


def test_an_export_behind_a_symbolic_link_is_not_read_and_not_written(invoke, month, tmp_path):
    month.found()
    invoke("export", tmp_path / "a")
    (tmp_path / "a" / "events").rename(tmp_path / "elsewhere")
    (tmp_path / "a" / "events").symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in invoke("import", tmp_path / "a", code=1)
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    (tmp_path / "a" / "manifest.json").write_text(json.dumps({**manifest, "finished": None, "files": []}))
    assert "symbolic link" in invoke("export", tmp_path / "a", code=1)


@pytest.fixture
def import_documents(invoke, month, tmp_path, search_client, index_prefix):
    """Return a function that imports documents, given by kind, event type and index, and returns the outcomes."""

    def run(lines):
        month.found()
        invoke("export", tmp_path / "a")
        search_client.indices.delete(index=f"{index_prefix}*")
        manifest, written = json.loads((tmp_path / "a" / "manifest.json").read_text()), []
        for (kind, event_type, index), documents in lines.items():
            contents = files.write(tmp_path / "a" / kind / f"{index}.jsonl.gz", documents, lambda done: None)
            written.append({"kind": kind, "event_type": event_type, "index": index, **contents._asdict()})
        (tmp_path / "a" / "manifest.json").write_text(json.dumps({**manifest, "files": written}))
        return json.loads(invoke("import", tmp_path / "a", "--json", code=1))

    return run


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(("i" * 513, {}), id="long id"),
        pytest.param(("", {}), id="no id"),
        pytest.param(("\ud800", {}), id="id without UTF-8"),
        pytest.param(("1", {"country": "\ud800"}), id="value without UTF-8"),
        pytest.param(("1", {"country": float("nan")}), id="not a number"),
    ],
)
def test_a_document_that_no_request_can_have_is_refused_alone(import_documents, search_client, index_prefix, document):
    document_id, fields = document
    event = {"timestamp": "2026-01-01T10:00:00", "pid_value": "1"}
    documents = [("0", event), (document_id, {**event, **fields}), ("2", event)]
    found = import_documents({("events", "record-view", "events-stats-record-view-2026-01-01"): documents})
    assert (found["events"]["created"], found["events"]["refused"]) == (2, 1)
    hits = search_client.search(index=f"{index_prefix}events-stats-record-view")["hits"]["hits"]
    assert {hit["_id"] for hit in hits} == {"0", "2"}


def test_documents_that_no_instance_writes_are_refused(import_documents):
    """An event of the far future would make an index of its own, and such a first complete day would end counting."""
    lines = {
        ("events", "record-view", "events-stats-record-view-2026-01-01"): [
            {"timestamp": "9999-01-01T00:00:00"},
            {"timestamp": "0001-01-01T00:00:00"},
            {"timestamp": 7},
        ],
        ("totals", "record-view", "stats-record-view-2026-01"): [
            {"timestamp": "9999-01-01T00:00:00", "count": 1},  # a daily histogram of all days has too many buckets
            {"timestamp": "0001-01-01T00:00:00", "count": 1},
            {"count": 1},
        ],
        ("bookmarks", None, "stats-bookmarks"): [
            {"aggregation_type": "rebuild-record-view-agg-2026-01-01-2026-01-31", "date": "2026-01-31"},
            {"aggregation_type": "record-view-agg", "date": "soon"},
            {},
        ],
        ("completeness", None, "stats-completeness"): [
            {"event_type": "record-view", "first_complete_day": "9999-01-01T00:00:00"},
            {"event_type": "record-view", "first_complete_day": ["never"]},
            {"event_type": "record-view"},
        ],
    }
    found = import_documents(
        {
            part: [
                ("record-view" if part[0] == "completeness" else f"{number}", source)
                for number, source in enumerate(sources)
            ]
            for part, sources in lines.items()
        }
    )
    assert [found[kind]["refused"] for kind in ("events", "totals", "bookmarks", "completeness")] == [3, 3, 3, 3]
    assert sum(sum(counts.values()) for kind, counts in found.items() if kind != "dry_run") == 12


@pytest.mark.parametrize("count", [-1, 0.5, "many", None, float("inf"), True])
def test_a_total_with_a_count_that_is_no_number_of_events_is_refused_alone(import_documents, count):
    total = {"timestamp": "2026-01-01T00:00:00", "pid_value": "1", "count": 1, "unique_count": 1}
    documents = [("0", total), ("1", {**total, "count": count}), ("2", {**total, "unique_count": count})]
    found = import_documents({("totals", "record-view", "stats-record-view-2026-01"): documents})
    assert {outcome: found["totals"][outcome] for outcome in ("created", "refused")} == {"created": 1, "refused": 2}
