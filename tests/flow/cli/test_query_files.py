"""Answers are written to files by a command, as the system sees them."""

import csv
import json
import sys

import pytest

from invenio_stats.cli import stats
from invenio_stats.contrib.config import USAGE_QUERIES
from tests.flow.queries.usage_documents import Records, Totals, usage

RANGE = ["--param", "from=2026-10", "--param", "to=2026-10"]


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": USAGE_QUERIES,
        **cache_config,
    }


class AllSeen(Records):
    """The system sees what is hidden from visitors."""

    def shows(self, identity, thing):
        return identity.id == "system" or super().shows(identity, thing)


@pytest.fixture
def invoke(app, search_client, index_prefix):
    """Run a command in process, on the application."""
    state = app.extensions["invenio-stats"]
    state.access = known = AllSeen({"a1": "a", "h1": "h"}, hidden=["h1"])
    state.item_metadata = known.describe
    Totals(search_client, index_prefix).write_usage(
        [usage("2026-10-01", "a1", "a", downloads=3), usage("2026-10-01", "h1", "h", downloads=5)]
    )
    runner = app.test_cli_runner(env={"COLUMNS": "200"})

    def run(*args, code=0):
        result = runner.invoke(stats, ["query", *args])
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_a_list_is_a_table_with_all_titles(invoke):
    lines = invoke("repository-records", *RANGE, "--param", "compare=none").splitlines()
    assert "count: 2" in lines
    assert [line.split()[:5] for line in lines[-3:]] == [
        ["rank", "id", "title", "url", "views"],
        ["1", "h", "Title", "of", "h1"],
        ["2", "a", "Title", "of", "a1"],
    ]


def test_a_csv_file_has_the_whole_list(invoke, tmp_path):
    path = tmp_path / "records.csv"
    assert invoke("repository-records", *RANGE, "--format", "csv", "--output", str(path)) == ""
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [(row["rank"], row["title"], row["downloads"]) for row in rows] == [
        ("1", "Title of h1", "5"),
        ("2", "Title of a1", "3"),
    ]
    assert invoke("repository-records", *RANGE, "--format", "csv").replace("\r\n", "\n") == path.read_text()


def test_json_goes_to_a_file_too(invoke, tmp_path):
    path = tmp_path / "total.json"
    invoke("repository-total", *RANGE, "--format", "json", "--output", str(path))
    assert json.loads(path.read_text()) == json.loads(invoke("repository-total", *RANGE, "--json"))


def test_an_excel_file(invoke, tmp_path):
    path = tmp_path / "total.xlsx"
    invoke("repository-total", *RANGE, "--format", "xlsx", "--output", str(path))
    assert path.read_bytes()[:2] == b"PK"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["repository-total", "--output", "x"], "Add --format json, csv or xlsx to --output."),
        (["repository-total", "--format", "xlsx"], "Add --output FILE."),
        (["record-total", "--param", "record=nothing"], "record-total: There is no such record, community or user."),
    ],
)
def test_a_mistake_exits_2_and_names_the_cure(invoke, args, message):
    assert message in " ".join(invoke(*args, code=2).split())


def test_a_mistake_leaves_the_file_as_it_was(invoke, tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("old")
    invoke("repository-total", "--param", "from=soon", "--format", "csv", "--output", str(path), code=2)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_the_writer_of_xlsx_the_command_says_what_to_install(invoke, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    for output in ([], ["--output", str(tmp_path / "total.xlsx")]):
        said = invoke("repository-total", *RANGE, "--format", "xlsx", *output, code=2)
        assert "XlsxWriter is not installed: pip install 'invenio-stats[xlsx]'." in said
    assert not list(tmp_path.iterdir())
