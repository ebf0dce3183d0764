"""Addresses, methods, HTTPS, and the form of answers."""

import calendar
import gzip
import json

import pytest

from tests.conftest import create_light_app
from tests.flow.counter.api.conftest import WORLD, month_ago

pytestmark = pytest.mark.embedded

PATHS = ("status", "members", "reports", "reports/pr", "reports/ir_m1")


@pytest.mark.parametrize("path", ["", "nothing", "reports/tr", "reports/PR", "reports/pr/x", "status/", "Status"])
def test_an_unknown_path_is_no_exception_of_counter(get, path):
    answer = get(path)
    assert answer.status_code == 404
    assert "Code" not in answer.text


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_told_the_right_one(client, path, method):
    answer = client.open(f"/api/counter/r51/{path}", method=method, base_url="https://localhost")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert "Code" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_plain_http_is_not_answered(get, ask, requestor, path):
    params = {"customer_id": WORLD, "requestor_id": requestor.requestor_id}
    answer = get(path, params, base_url="http://localhost")
    assert answer.status_code == 404
    assert "Code" not in answer.text
    untrusted = get(path, params, base_url="http://localhost", headers={"X-Forwarded-Proto": "https"})
    assert untrusted.status_code == 404


@pytest.mark.parametrize(("is_insecure", "status"), [(False, 404), (True, 200)])
def test_an_application_that_forces_https_redirects_no_keys(app_config, is_insecure, status):
    """As Invenio's applications do: a client that follows would go on to send its keys for all to read."""
    talisman = pytest.importorskip("flask_talisman")
    app = create_light_app(**{**app_config, "STATS_COUNTER_INSECURE": is_insecure})
    talisman.Talisman(app, force_https=True)
    client = app.test_client()
    assert client.get("/api/counter/r51/status", base_url="http://localhost").status_code == status
    assert client.get("/api/stats", base_url="http://localhost").status_code == 302


def test_https_may_end_at_a_trusted_proxy(app, client, monkeypatch):
    from werkzeug.middleware.proxy_fix import ProxyFix

    monkeypatch.setattr(app, "wsgi_app", ProxyFix(app.wsgi_app, x_proto=1))
    headers = {"X-Forwarded-Proto": "https"}
    assert client.get("/api/counter/r51/status", headers=headers).status_code == 200
    assert client.get("/api/counter/r51/status").status_code == 404


def test_plain_http_may_be_permitted(app, monkeypatch, get):
    monkeypatch.setitem(app.config, "STATS_COUNTER_INSECURE", True)
    assert get("status", base_url="http://localhost").status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_platform_there_is_no_api(app_config, path, method):
    settings = {**app_config, "STATS_COUNTER_PLATFORM": None, "STATS_COUNTER_PLATFORM_ID": None}
    answer = (
        create_light_app(**settings)
        .test_client()
        .open(f"/api/counter/r51/{path}", method=method, base_url="https://localhost")
    )
    assert answer.status_code == 404
    assert "Code" not in answer.text


def test_the_prefix_is_a_setting(app_config):
    client = create_light_app(**{**app_config, "STATS_COUNTER_API_PREFIX": "sushi/"}).test_client()
    assert client.get("/api/sushi/r51/status", base_url="https://localhost").status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [(None, False), ("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False)],
)
def test_answers_are_compressed_where_the_client_accepts_it(months, get, requestor, path, accepted, is_compressed):
    """JSON in UTF-8 without needless spaces."""
    params = {
        "customer_id": WORLD,
        "requestor_id": requestor.requestor_id,
        "begin_date": month_ago(1),
        "end_date": month_ago(1),
    }
    answer = get(path, params, headers={"Accept-Encoding": accepted} if accepted else {})
    assert answer.headers.get("Content-Encoding") == ("gzip" if is_compressed else None)
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    body = gzip.decompress(answer.data) if is_compressed else answer.data
    assert answer.headers["Content-Type"] == "application/json"
    assert body == json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()


def test_no_method_but_get_makes_a_report(months, client, requestor, monkeypatch):
    """Nor is a request counted, or an error answered as COUNTER's; CORS has no answer, since no browser has keys."""

    def fail(*args, **kwargs):
        raise AssertionError("a view was called")

    monkeypatch.setattr("invenio_stats.counter.api.views.check_access", fail)
    params = {"customer_id": WORLD, "requestor_id": requestor.requestor_id, "begin_date": "x", "end_date": "x"}
    for method in ("HEAD", "OPTIONS"):
        for base in ("https://localhost", "http://localhost"):
            answer = client.open("/api/counter/r51/reports/ir", method=method, query_string=params, base_url=base)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
            assert not any(name.startswith("Access-Control") for name in dict(answer.headers))
    assert client.head("/api/counter/r51/reports/tr", base_url="https://localhost").status_code == 404


def test_other_addresses_keep_head(client):
    assert client.head("/api/stats", base_url="https://localhost").status_code != 405


def test_answers_are_kept_nowhere(months, ask, get):
    for answer in (ask("members"), ask("reports/pr"), ask("members", requestor_id="made up"), get("status")):
        assert answer.headers["Cache-Control"] == "private, no-store"


def last_day(month):
    year, number = map(int, month.split("-"))
    return f"{month}-{calendar.monthrange(year, number)[1]}"


def test_dates_may_be_days(months, ask):
    """The first or the last day of a month stands for it."""
    texts = {
        (begin, end): ask("reports/pr", begin_date=begin, end_date=end).json["Report_Header"]["Report_Filters"]
        for begin, end in [
            (month_ago(2), month_ago(1)),
            (f"{month_ago(2)}-01", f"{month_ago(1)}-01"),
            (last_day(month_ago(2)), last_day(month_ago(1))),
        ]
    }
    assert len({json.dumps(filters) for filters in texts.values()}) == 1


@pytest.mark.expect_logged_errors
def test_an_error_tells_nothing(app, months, ask, monkeypatch, caplog, requestor):
    """Neither the answer nor the log has the key; the answer has no traceback."""

    def fail(*args, **kwargs):
        raise RuntimeError(f"for {requestor.requestor_id}")

    monkeypatch.setattr("invenio_stats.counter.service.large_reports.build_report", fail)
    answer = ask("reports/pr")
    assert (answer.status_code, answer.json) == (503, {"Code": 1000, "Message": "Service Not Available"})
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.message == "The COUNTER API could not answer"
    assert requestor.requestor_id not in caplog.text
    assert requestor.requestor_id not in str(vars(record))


@pytest.mark.expect_logged_errors
def test_an_error_while_writing_is_an_exception_too(months, ask, monkeypatch, caplog):
    """Nothing is sent before all of it is written."""

    def write_half(report, stream):
        stream.write(b'{"Report_Header":')
        raise OSError("the disk is full")

    monkeypatch.setattr("invenio_stats.counter.service.large_reports.WRITERS", {"json": write_half})
    assert ask("reports/pr").json["Code"] == 1000
