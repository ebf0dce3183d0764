"""One request to POST /api/stats has a budget: bytes of its body, buckets of its answers, and seconds."""

import io
import json
import socket
import threading
import time
from functools import partial

import pytest
from invenio_search.engine import OS, SEARCH_DISTRIBUTION, SearchEngine

from invenio_stats import current_stats
from invenio_stats.queries import DateHistogramQuery, TermsQuery, batch
from tests.flow import file_totals
from tests.flow.rest import Echo, refusal

MAX_BYTES = 2000
MAX_BUCKETS = 20
ALL = {"index": "stats-file-download"}
QUERIES = {
    "histogram": {"cls": DateHistogramQuery, "params": ALL},
    "files": {"cls": TermsQuery, "params": {**ALL, "aggregated_fields": ["file_key"], "max_bucket_size": 3}},
    "countries": {"cls": TermsQuery, "params": {**ALL, "aggregated_fields": ["country", "file_key"]}},
    "total": {"cls": TermsQuery, "params": {**ALL, "required_filters": {"bucket_id": "bucket_id"}}},
    "echo": {"cls": Echo, "params": {"index": "stats-x"}},
}
TEN_DAYS = {"start_date": "2026-01-01", "end_date": "2026-01-10"}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": QUERIES,
        "STATS_QUERY_MAX_BODY_BYTES": MAX_BYTES,
        "STATS_QUERY_MAX_BUCKETS": MAX_BUCKETS,
        **cache_config,
    }


@pytest.fixture
def requests_sent(app, monkeypatch):
    """The requests to the engine: path, parameters and body."""
    sent = []
    transport = app.extensions["invenio-search"].client.transport
    perform = transport.perform_request

    def record(method, url, headers=None, params=None, body=None):
        sent.append((url, dict(params or {}), body))
        return perform(method, url, headers=headers, params=params, body=body)

    monkeypatch.setattr(transport, "perform_request", record)
    return sent


@pytest.fixture
def configure(app, monkeypatch):
    """Return a function that sets STATS_QUERY_MAX_<NAME> for the test."""
    return lambda name, value: monkeypatch.setitem(app.config, f"STATS_QUERY_MAX_{name}", value)


# The body


class Body(io.BytesIO):
    """A body that counts what is read of it, in small parts as a stream of chunks."""

    taken = 0

    def read(self, size=-1):
        part = super().read(min(size, 700) if size >= 0 else size)
        self.taken += len(part)
        return part


def post_chunked(client, body):
    """Post a body without Content-Length."""
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post("/api/stats", content_type="application/json", environ_overrides=environ)


def padded(length):
    text = json.dumps({"a": {"stat": "echo", "params": {"word": "w"}}})
    return (text + " " * (length - len(text))).encode()


def test_a_body_of_the_maximal_size_is_read(client):
    assert client.post("/api/stats", data=padded(MAX_BYTES), content_type="application/json").status_code == 200
    assert post_chunked(client, Body(padded(MAX_BYTES))).json == {"a": {"said": ["w"]}}


def test_a_longer_body_is_not_read(client):
    body = Body(padded(MAX_BYTES + 1))
    environ = {"wsgi.input": body, "CONTENT_LENGTH": str(MAX_BYTES + 1)}
    response = client.post("/api/stats", content_type="application/json", environ_overrides=environ)
    assert refusal(response, 413) == (
        "The body has 2001 bytes; at most 2000 are read (STATS_QUERY_MAX_BODY_BYTES). Send fewer queries at once, or "
        "shorter parameters."
    )
    assert body.taken == 0


def test_a_longer_body_without_a_length_is_read_up_to_the_limit(client):
    body = Body(padded(MAX_BYTES * 10))
    assert "The body has more than 2000 bytes" in refusal(post_chunked(client, body), 413)
    assert body.taken == MAX_BYTES + 1


# Buckets


def test_histograms_of_known_length_are_added_up_before_the_search(ask, requests_sent):
    entry = {"stat": "histogram", "params": TEN_DAYS}
    shifted = {"stat": "histogram", "params": {"start_date": "2026-01-02", "end_date": "2026-01-11"}}
    assert ask({"a": entry, "b": shifted}).status_code == 200
    requests_sent.clear()
    month = {"stat": "histogram", "params": {**TEN_DAYS, "interval": "month"}}
    assert refusal(ask({"a": entry, "b": shifted, "c": month})) == (
        "The answers have 21 buckets or more; a request may have 20 (STATS_QUERY_MAX_BUCKETS). Send fewer queries at "
        "once, or choose longer intervals, or dates closer together."
    )
    assert requests_sent == []


def test_open_histograms_are_added_up_as_they_are_answered(ask, totals):
    totals([file_totals.total("2026-01-01"), file_totals.total("2026-01-15")])
    entry = {"stat": "histogram"}
    assert len(ask({"a": entry}).json["a"]["buckets"]) == 15
    assert "The answers have 30 buckets or more" in refusal(
        ask({"a": entry, "b": {"stat": "histogram", "params": {"start_date": "2026-01-01"}}})
    )


def test_pages_of_groups_are_added_up(ask, totals):
    totals([file_totals.total("2026-01-01", f"file-{number:02}") for number in range(18)])
    assert "The answers have 21 buckets or more" in refusal(ask({"a": {"stat": "files"}}))
    assert ask({"a": {"stat": "files", "params": {"end_date": "2025"}}}).json["a"]["buckets"] == []


def test_nested_groups_are_buckets_too(ask, totals):
    totals([file_totals.total("2026-01-01", f"f{n}", country=c) for n in range(10) for c in ("CH", "DE")])
    assert "The answers have 22 buckets or more" in refusal(ask({"a": {"stat": "countries"}}))


def test_without_a_limit_all_are_answered(ask, totals, configure):
    configure("BUCKETS", None)
    totals([file_totals.total("2026-01-01"), file_totals.total("2026-02-15")])
    assert len(ask({"a": {"stat": "histogram"}}).json["a"]["buckets"]) == 46
    configure("SECONDS", None)
    assert len(ask({"a": {"stat": "histogram"}}).json["a"]["buckets"]) == 46


def test_a_query_in_python_has_no_budget(app, totals, requests_sent):
    totals([file_totals.total("2026-01-01"), file_totals.total("2026-02-15")])
    requests_sent.clear()
    with app.app_context():
        assert len(current_stats.get_query("histogram").run()["buckets"]) == 46
    ((_url, params, body),) = requests_sent
    assert "timeout" not in body
    assert "cancel_after_time_interval" not in params


# Equal queries


def test_equal_queries_are_asked_once_and_answered_under_each_key(ask, totals, requests_sent):
    totals(file_totals.TOTALS)
    requests_sent.clear()
    values = {"a": "1", "b": 1.0, "c": "1", "d": "b1"}
    answers = ask({key: {"stat": "total", "params": {"bucket_id": value}} for key, value in values.items()}).json
    assert [answers[key]["value"] for key in "abcd"] == [0, 0, 0, 17.0]
    ((url, _params, lines),) = requests_sent
    assert (url, lines.count(b"\n")) == ("/_msearch", 4)


def test_queries_with_other_parameters_are_asked_too(ask):
    body = {key: {"stat": "histogram", "params": {"interval": interval}} for key, interval in (("a", "day"), ("b", 1))}
    assert "'b': interval is '1'" in refusal(ask(body))


def test_only_so_many_searches_are_sent_together(ask, requests_sent):
    body = {str(number): {"stat": "total", "params": {"bucket_id": str(number)}} for number in range(25)}
    assert len(ask(body).json) == 25
    assert [lines.count(b"\n") for _url, _params, lines in requests_sent] == [20, 20, 10]
    assert batch.MAX_SEARCHES_TOGETHER == 10


@pytest.mark.parametrize("depth", [100, 400, 600, 800, *range(880, 1000, 10)])
def test_deep_parameters_are_an_error_of_the_client(client, depth, configure):
    configure("BODY_BYTES", 10_000)
    params = '{"bucket_id": ' + "[" * depth + "]" * depth + "}"
    body = f'{{"a": {{"stat": "total", "params": {params}}}, "b": {{"stat": "total", "params": {params}}}}}'
    refusal(client.post("/api/stats", data=body, content_type="application/json"))


# Seconds


def test_engine_and_client_are_told_how_much_time_is_left(ask, requests_sent, configure):
    configure("SECONDS", 5)
    total = {"stat": "total", "params": {"bucket_id": "b"}}
    assert ask({"a": total}).status_code == ask({"a": total, "b": {"stat": "histogram"}}).status_code == 200
    (_url, params, body), (_msearch, together, lines) = requests_sent
    assert 4.5 < params["request_timeout"] <= 5
    assert 4.5 < together["request_timeout"] <= 5
    for duration in (body["timeout"], *(json.loads(line)["timeout"] for line in lines.splitlines()[1::2])):
        assert 4500 < int(duration.removesuffix("ms")) <= 5000
    if SEARCH_DISTRIBUTION == OS:
        assert params["cancel_after_time_interval"] == body["timeout"]


def test_a_shorter_timeout_of_the_client_stays(ask, requests_sent, configure):
    configure("SECONDS", 3600)
    ask({"a": {"stat": "total", "params": {"bucket_id": "b"}}})
    ((_url, params, body),) = requests_sent
    assert "request_timeout" not in params
    assert body["timeout"] == "10000ms"


def record(called, perform, *args, **options):
    called.append(perform)
    return perform(*args, **options)


def test_all_nodes_of_the_engine_are_asked_in_turn(ask, engine_url, monkeypatch):
    """To read the time-out of the client must not take a turn."""
    client = SearchEngine([engine_url, engine_url.replace("127.0.0.1", "localhost")], randomize_hosts=False)
    monkeypatch.setattr(current_stats.get_query("total"), "client", client)
    hosts = []
    for connection in client.transport.connection_pool.connections:
        monkeypatch.setattr(connection, "perform_request", partial(record, hosts, connection.perform_request))
    for number in range(4):
        assert ask({"a": {"stat": "total", "params": {"bucket_id": str(number)}}}).status_code == 200
    assert hosts[:2] == hosts[2:]
    assert hosts[0] != hosts[1]


@pytest.mark.parametrize("count", [1, 2])
def test_a_partial_answer_is_never_given(app, ask, totals, monkeypatch, expect_logged_errors, count):
    totals(file_totals.TOTALS)
    transport = app.extensions["invenio-search"].client.transport
    perform = transport.perform_request

    def stop(method, url, **options):
        response = perform(method, url, **options)
        for part in response.get("responses", [response]):
            part["timed_out"] = True
        return response

    monkeypatch.setattr(transport, "perform_request", stop)
    body = {str(number): {"stat": "total", "params": {"bucket_id": f"b{number}"}} for number in range(count)}
    assert refusal(ask(body), 503) == TOO_LONG.format(30)
    expect_logged_errors()


TOO_LONG = (
    "There is no complete answer in time (STATS_QUERY_MAX_SECONDS is {}). Send fewer queries at once, or choose longer "
    "intervals, or dates closer together."
)


@pytest.fixture
def silent_engine():
    """The address of an engine that takes a request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []
        threading.Thread(target=lambda: taken.append(server.accept()), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection, _address in taken:
            connection.close()


def test_an_engine_that_never_answers_holds_the_worker_for_no_longer(ask, silent_engine, configure, monkeypatch):
    configure("SECONDS", 0.5)
    monkeypatch.setattr(current_stats.get_query("total"), "client", SearchEngine([silent_engine], max_retries=0))
    start = time.monotonic()
    assert refusal(ask({"a": {"stat": "total", "params": {"bucket_id": "b"}}}), 503) == TOO_LONG.format(0.5)
    assert time.monotonic() - start < 5
