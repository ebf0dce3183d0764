"""Commands ask every configured query, and list what can be asked."""

import json

import pytest

from invenio_stats.cli import stats
from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.errors import NotPermittedError
from invenio_stats.proxies import current_stats
from invenio_stats.queries import Query
from invenio_stats.queries.batch import QueryRequest, answer_all
from tests.flow.test_processors import BROWSER, download


class Stored(Query):
    """A query of another class, with a required argument."""

    def run(self, recid):
        """Return it."""
        return {"recid": recid}


class Nobody:
    """Permits nothing."""

    @staticmethod
    def can():
        """Return False."""
        return False


def some_files(search, files=None):
    """Narrow a search by a list."""
    return search.filter("terms", file_key=files) if files else search


@pytest.fixture(scope="module")
def app_config(app_config):
    """The shipped queries, one of which nobody may ask, one with a modifier, one about usage, one of another class."""
    shipped = app_config["STATS_QUERIES"]
    total = shipped["bucket-file-download-total"]
    queries = {
        **shipped,
        "record-view-total": {**shipped["record-view-total"], "permission_factory": lambda name, params: Nobody()},
        "some-files": {**total, "params": {**total["params"], "query_modifiers": [some_files]}},
        "community-records": USAGE_QUERIES["community-records"],
        "stored": {"cls": Stored, "params": {"index": "stats-file-download"}},
    }
    return {**app_config, "STATS_QUERIES": queries}


@pytest.fixture
def invoke(app, queues, put_templates):
    """Run a command in process, on the application."""
    runner = app.test_cli_runner(env={"COLUMNS": "80"})

    def run(*args, code=0):
        result = runner.invoke(stats, args)
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def counted(invoke, refresh):
    """Three downloads of two files of a bucket, and two views of a record; stored and counted by commands."""

    def view(day):
        return {
            "record_id": "7d3e",
            "pid_type": "recid",
            "pid_value": "42",
            "timestamp": f"2026-01-{day}T10:00:00",
            "ip_address": "192.0.2.1",
            "user_agent": BROWSER,
        }

    files = [
        download(file_id=name, file_key=name, bucket_id="B", timestamp=f"2026-01-30T1{hour}:00:00")
        for hour, name in enumerate(["a.pdf", "a.pdf", "b.pdf"])
    ]
    current_stats.publish("file-download", files)
    current_stats.publish("record-view", [view(29), view(31)])
    invoke("events", "process", "-e")
    refresh()
    invoke("aggregations", "process", "-e", "-b")
    refresh()


def test_a_total_with_groups_is_a_table(invoke, counted):
    output = invoke("query", "bucket-file-download-total", "--param", "bucket_id=B")
    assert [line.rstrip() for line in output.splitlines()] == [
        "start_date: -",
        "end_date: -",
        "value: 3",
        "bucket_id: B",
        "",
        "file_key  value",
        "a.pdf         2",
        "b.pdf         1",
    ]


def test_the_views_of_a_record_over_time(invoke, counted):
    """The query is shipped; with `pid_type` it is narrowed to one kind of id."""
    params = ["--param", "pid_value=42", "--param", "pid_type=recid"]
    output = invoke("query", "record-view-histogram", *params, "--param", "start_date=2026-01-30")
    assert [line.rstrip() for line in output.splitlines()] == [
        "interval: day",
        "start_date: 2026-01-30T00:00:00",
        "end_date: -",
        "record_id: 7d3e",
        "pid_type: recid",
        "pid_value: 42",
        "",
        "date        views  unique_views",
        "2026-01-31      1             1",
    ]
    other = invoke("query", "record-view-histogram", "--param", "pid_value=42", "--param", "pid_type=doi", "--json")
    assert json.loads(other)["buckets"] == []


def test_json_is_what_the_rest_api_answers(invoke, counted, client):
    params = {"bucket_id": "B", "file_key": "a.pdf", "interval": "month"}
    body = {"q": {"stat": "bucket-file-download-histogram", "params": params}}
    options = [word for key, value in params.items() for word in ("--param", f"{key}={value}")]
    found = json.loads(invoke("query", "bucket-file-download-histogram", *options, "--json"))
    assert found == client.post("/api/stats", json=body).get_json()["q"]
    assert [bucket["value"] for bucket in found["buckets"]] == [2.0]


def test_a_command_asks_without_permission(invoke, counted):
    """Who may run commands may read the indices as well."""
    params = {"pid_value": "42"}
    with pytest.raises(NotPermittedError):
        answer_all([QueryRequest("q", "record-view-total", params)])
    found = json.loads(invoke("query", "record-view-total", "--param", "pid_value=42", "--json"))
    assert found == {
        "start_date": None,
        "end_date": None,
        "record_id": "7d3e",
        "pid_type": "recid",
        "pid_value": "42",
        "views": 2.0,
        "unique_views": 2.0,
    }


def test_a_repeated_parameter_is_a_list(invoke, counted):
    ask = ["query", "some-files", "--param", "bucket_id=B", "--json"]
    assert json.loads(invoke(*ask, "--param", "files=a.pdf", "--param", "files=b.pdf"))["value"] == 3
    output = invoke("query", "bucket-file-download-total", "--param", "bucket_id=B", "--param", "bucket_id=C", code=2)
    assert "bucket_id is ['B', 'C']. Give one value" in output


def test_the_value_may_contain_the_sign(invoke):
    assert json.loads(invoke("query", "stored", "--param", "recid=a=b", "--json")) == {"recid": "a=b"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(
            ["record-view-totals"],
            "Unknown query 'record-view-totals'. Similar: record-view-total, record-view-histogram. "
            "`invenio stats queries` lists all.",
            id="unknown",
        ),
        pytest.param(["x"], "Unknown query 'x'. `invenio stats queries` lists all.", id="nothing like it"),
        pytest.param(
            ["record-view-total", "--param", "pid_value"],
            "Invalid value for '--param': 'pid_value' has no key or no value. Write it as in bucket_id=f9c5b8ee.",
            id="no value",
        ),
        pytest.param(
            ["record-view-total"],
            "record-view-total: Missing required parameters: pid_value. Give each a value.",
            id="missing",
        ),
        pytest.param(
            ["record-view-histogram", "--param", "pid_value=42", "--param", "interval=decade"],
            "record-view-histogram: interval is 'decade'. Use one of: year, quarter, month, week, day.",
            id="interval",
        ),
        pytest.param(
            ["record-view-total", "--param", "pid_value=42", "--param", "end_date=soon"],
            "record-view-total: end_date is 'soon', which is not a date. Write it as '2026-01-31'",
            id="date",
        ),
        pytest.param(
            ["stored"], "stored: params do not fit the query: missing a required argument: 'recid'", id="class"
        ),
    ],
)
def test_a_mistake_exits_2_and_names_the_cure(invoke, args, said):
    assert said in " ".join(invoke("query", *args, code=2).split())


def test_the_queries_are_listed_with_their_parameters(invoke):
    lines = invoke("queries").splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[lines.index("bucket-file-download-total: value, by file_key") :][:3] == [
        "bucket-file-download-total: value, by file_key",
        "    required: bucket_id",
        "    optional: start_date, end_date",
    ]
    assert "record-view-histogram: views, unique_views over time" in lines
    start = lines.index("interval: year, quarter, month, week, day (default: day)")
    assert lines[start + 1] == "start_date, end_date: 2026-01-31, 2026-01, 2026, 2026-01-31T10:00:00 (UTC)"


def test_the_values_of_parameters_of_usage_are_listed(invoke):
    lines = invoke("queries").splitlines()
    start = lines.index("community-records: What is used most, by one metric; equal numbers by id.")
    assert lines[start + 1 : start + 4] == [
        "    required: community",
        "    optional: period, from, to, compare, versions, by, page, size, after",
        "    by: downloads, views, volume",
    ]
    assert lines[-6:] == [
        "Queries with a period:",
        "period: 30d, 12m, year, all (default: 12m, of records and files all)",
        "from, to: 2026-01-31, 2026-01, 2026 (UTC; both belong to the range)",
        "interval: default by the length of the range",
        "compare: before, year, none (default: before)",
        "versions: all, this (default: all)",
    ]


def test_the_list_is_json_for_programs(invoke):
    found = json.loads(invoke("queries", "--json"))
    assert list(found["queries"]) == list(current_stats.queries)
    assert found["queries"]["record-view-total"] == {
        "kind": "total",
        "metrics": ["views", "unique_views"],
        "groups": [],
        "required": ["pid_value"],
        "optional": ["pid_type", "start_date", "end_date"],
        "accepts_others": False,
    }
    assert found["queries"]["stored"]["kind"] == "custom"
    assert found["accepted"]["interval"] == ["year", "quarter", "month", "week", "day"]


def test_every_listed_form_of_a_date_is_accepted(invoke):
    for form in json.loads(invoke("queries", "--json"))["accepted"]["start_date"]:
        invoke("query", "record-view-total", "--param", "pid_value=42", "--param", f"start_date={form}")
