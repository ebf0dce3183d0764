"""Queries are asked by GET: the same checks as by POST, and answers that browsers and proxies may keep."""

from types import SimpleNamespace

import pytest
from flask import g, request, session

from invenio_stats.completeness.revision import raise_revision
from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.errors import NoAnswerError
from invenio_stats.queries import TermsQuery
from invenio_stats.queries.usage.answers import UsageQuery
from invenio_stats.queries.usage.open_ratio import OpenRatioQuery
from tests.flow import rest
from tests.flow.queries.usage_documents import Records, Totals, usage

AGGREGATION = {"cls": "invenio_stats.aggregations:StatAggregator", "params": {"event": "x", "field": "bucket_id"}}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": {
            **USAGE_QUERIES,
            **rest.QUERIES,
            "of/bucket b": {"cls": TermsQuery, "params": rest.with_bucket()},
        },
        "STATS_AGGREGATIONS": {"x-agg": AGGREGATION},
        "I18N_LANGUAGES": [("de", "Deutsch")],
        **cache_config,
    }


@pytest.fixture(scope="module", autouse=True)
def signed_in(base_app):
    """Each request is made by the user that its header names."""

    def identify():
        user = request.headers.get("X-User")
        g.identity = SimpleNamespace(id=user, provides=())
        g.pop("_flask_babel", None)  # the tests' context outlives a request

    base_app.before_request_funcs.setdefault(None, []).append(identify)


@pytest.fixture(autouse=True)
def records(app, search_client, index_prefix, one_total):
    """Two records, one of which only its owner may read."""
    state = app.extensions["invenio-stats"]
    known = Records({"a1": "a", "h1": "h"}, owners={"a1": "7", "h1": "7"}, hidden=["h1"], administrators=["9"])
    state.access, state.item_metadata = known, known.describe
    Totals(search_client, index_prefix).write_usage(
        [usage("2026-10-01", "a1", "a", downloads=3), usage("2026-10-01", "h1", "h", downloads=5)]
    )
    app.extensions.pop("invenio-stats-completeness", None)
    return known


@pytest.fixture
def get(client):
    """Return a function that asks a query by GET."""

    def ask(name, params=None, user=None, headers=()):
        headers = {**dict(headers), **({"X-User": user} if user else {})}
        return client.get(f"/api/stats/{name}", query_string=params, headers=headers, buffered=True)

    return ask


RANGE = {"from": "2026-10", "to": "2026-10"}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("histogram", {"bucket_id": "b1", "interval": "month"}),
        ("total", {"bucket_id": "b1"}),
        ("by-version", {"version": "1"}),
        ("echo", {"word": "yes"}),
        ("of/bucket b", {"bucket_id": "b1"}),
        ("repository-total", RANGE),
        ("record-series", {"record": "a1", **RANGE}),
        ("repository-records", {**RANGE, "size": "1"}),
    ],
)
def test_the_answer_is_that_of_post(get, ask, name, params):
    """Queries of the contract have their shapes by GET, too."""
    posted = ask({"a": {"stat": name, "params": params}})
    assert posted.status_code == 200
    answer = get(name, params)
    assert (answer.status_code, answer.mimetype, answer.json) == (200, "application/json", posted.json["a"])


@pytest.mark.parametrize(
    ("name", "params", "status", "message"),
    [
        ("nothing", {}, 404, "Unknown query 'nothing'"),
        ("total", {}, 400, "Missing required parameters: bucket_id"),
        ("total", {"bucket_id": ["b1", "b2"]}, 400, "Give one value"),
        ("total", {"bucket_id": "b1", "nothing": "1"}, 400, "Unknown parameters: 'nothing'"),
        ("repository-total", {"period": "12m", "from": "2026"}, 400, "Give a period, or dates"),
        ("repository-total", {"format": "pdf"}, 400, "format is 'pdf'. Use one of: json, csv"),
        ("repository-total", {"format": ["csv", "json"]}, 400, "format is "),
        ("echo", {}, 400, "params do not fit"),
        ("secret", {}, 401, "requires a login"),
        ("own-bucket", {"bucket_id": "b2"}, 401, "requires a login"),
        ("user-total", {"user": "7"}, 401, "requires a login"),
        ("record-total", {"record": "h1"}, 404, "There is no such record, community or user."),
        ("record-total", {"record": "nothing"}, 404, "There is no such record, community or user."),
    ],
)
def test_checks_are_those_of_post(get, name, params, status, message):
    """An unknown query is an unknown address."""
    assert message in rest.refusal(get(name, params), status)


def test_head_has_the_headers_of_get(client, get):
    """A monitor asks without a body."""
    answer = client.head("/api/stats/repository-total", query_string=RANGE)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == get("repository-total", RANGE).headers["ETag"]


class WithoutDatabase(OpenRatioQuery):
    """A query while the database is away."""

    def find_holdings(self, community, identity):
        raise NoAnswerError(503, "The database does not answer.")


@pytest.mark.parametrize("media", ["json", "csv"])
def test_an_answer_without_a_part_is_not_kept(get, app, monkeypatch, media):
    """The part may be back in a moment, while the numbers that have an ETag stay."""
    params = {**RANGE, "format": media}
    whole = get("repository-open-ratio", params)
    assert whole.headers["Cache-Control"] == "public, max-age=300"
    entry = {**USAGE_QUERIES["repository-open-ratio"], "cls": WithoutDatabase}
    monkeypatch.setitem(app.config, "STATS_QUERIES", {"repository-open-ratio": entry})
    answer = get("repository-open-ratio", params)
    assert answer.status_code == 200
    assert (answer.headers["Cache-Control"], answer.headers.get("ETag")) == ("private, no-store", None)
    if media == "json":
        assert answer.json == {**whole.json, "holdings_error": "The database does not answer."}
        assert whole.json["holdings_error"] is None
    else:
        assert answer.data == whole.data


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png, text/html;q=0.5"])
def test_other_formats_are_not_acceptable(get, accept):
    rest.refusal(get("repository-total", headers={"Accept": accept}), 406)


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv"),
        ("application/json;q=0.5, text/csv", "text/csv"),
    ],
)
def test_accept_chooses_the_format(get, accept, mimetype):
    assert get("repository-total", headers={"Accept": accept}).mimetype == mimetype


@pytest.mark.parametrize("path", ["", "/repository-total", "/openapi.json"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "QUERY"])
def test_other_methods_are_told_which_are_allowed(client, path, method):
    """HTTP asks for it (RFC 9110, 15.5.6)."""
    answer = client.open(f"/api/stats{path}", method=method)
    rest.refusal(answer, 405)
    assert answer.headers["Allow"] == ("GET, HEAD, OPTIONS" if path else "GET, HEAD, OPTIONS, POST")


def test_addresses_of_others_are_left_alone(client):
    assert client.get("/api/nothing").status_code == 404
    assert "Allow" not in client.get("/static/nothing").headers


class Requests:
    """Counts what is sent to the search engine."""

    def __init__(self, client, monkeypatch):
        self.paths = []
        send = client.transport.perform_request

        def perform(method, url, *args, **kwargs):
            self.paths.append(url)
            return send(method, url, *args, **kwargs)

        monkeypatch.setattr(client.transport, "perform_request", perform)


@pytest.fixture
def requests(search_client, monkeypatch):
    return Requests(search_client, monkeypatch)


@pytest.mark.parametrize(
    ("name", "params"),
    [("repository-records", RANGE), ("record-total", {"record": "a1"}), ("total", {"bucket_id": "b1"})],
)
def test_what_the_client_has_is_not_asked_of_the_engine(get, requests, name, params):
    """304 within the ten seconds in which a process knows the revision."""
    first = get(name, params)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    requests.paths.clear()
    again = get(name, params, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, requests.paths) == (304, b"", [])
    for header in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[header] == first.headers[header]


@pytest.mark.parametrize("suffix", ["-gzip", "--gzip", ";gzip", "-br"])
def test_a_tag_is_known_with_what_a_compressing_server_adds(get, suffix):
    """Apache and Jetty lengthen the tag of what they compress, and send it on to us as the client has it."""
    tag = get("repository-total", RANGE).headers["ETag"]
    for known in (f'{tag[:-1]}{suffix}"', f'"x", {tag[2:-1]}{suffix}"'):
        assert get("repository-total", RANGE, headers={"If-None-Match": known}).status_code == 304
    assert get("repository-total", RANGE, headers={"If-None-Match": f'W/"x{suffix}"'}).status_code == 200


def test_the_tag_is_that_of_address_viewer_language_and_totals(get, app, search_client):
    """What a browser keeps for someone else, or in another language, is another answer."""
    first = get("repository-records", RANGE).headers["ETag"]
    assert get("repository-records", RANGE).headers["ETag"] == first
    others = [
        get("repository-records", {**RANGE, "size": "3"}),
        get("repository-records", {**RANGE, "format": "csv"}),
        get("repository-communities", RANGE),
        get("repository-records", RANGE, user="7"),
        get("repository-records", RANGE, headers={"Accept-Language": "de"}),
    ]
    raise_revision(search_client)
    app.extensions.pop("invenio-stats-completeness", None)
    others.append(get("repository-records", RANGE))
    assert len({first, *(answer.headers["ETag"] for answer in others)}) == 7


def test_a_user_with_another_item_has_another_answer(get, records):
    """Numbers of a user are those of the items that he owns now; no total has changed."""
    params = {"user": "7", "period": "all"}
    before = get("user-total", params, user="7")
    del records.owned["h1"]
    after = get("user-total", params, user="7", headers={"If-None-Match": before.headers["ETag"]})
    assert (before.json["downloads"], after.status_code, after.json["downloads"]) == (8, 200, 3)


def test_numbers_are_counted_once_for_each_revision(get, app, search_client, index_prefix, monkeypatch):
    """Titles are added for each viewer: a cached answer has none."""
    counted = []
    count = UsageQuery.count
    monkeypatch.setattr(UsageQuery, "count", lambda self, question: counted.append(1) or count(self, question))
    titles = [
        [row["title"] for row in get("repository-records", {"period": "all"}, user).json["rows"]]
        for user in (None, "7", None)
    ]
    visitor, owner = ["A restricted record", "Title of a1"], ["Title of h1", "Title of a1"]
    assert (titles, len(counted)) == ([visitor, owner, visitor], 1)
    Totals(search_client, index_prefix).write_usage([usage("2026-10-02", "a1", "a", downloads=30)])
    raise_revision(search_client, "stats-record-usage")
    app.extensions.pop("invenio-stats-completeness", None)
    rows = get("repository-records", {"period": "all"}).json["rows"]
    assert ([row["downloads"] for row in rows], len(counted)) == ([33, 5], 2)


@pytest.mark.parametrize(
    ("name", "params", "user", "expected"),
    [
        ("repository-total", RANGE, None, "public, max-age=300"),
        ("record-total", {"record": "a1"}, None, "public, max-age=300"),
        ("total", {"bucket_id": "b1"}, None, "public, max-age=300"),
        ("repository-total", RANGE, "7", "private, max-age=0, must-revalidate"),
        ("own-bucket", {"bucket_id": "b1"}, None, "private, max-age=0, must-revalidate"),
        ("modified", {}, None, "private, max-age=0, must-revalidate"),
    ],
)
def test_proxies_keep_what_is_the_same_for_everybody(get, name, params, user, expected):
    """A factory or modifier of the instance may look at anything: at the address of the client, for example."""
    answer = get(name, params, user)
    assert answer.headers["Cache-Control"] == expected
    assert answer.headers["Vary"] == "Accept, Accept-Language, Cookie, Authorization"


def test_no_session_goes_with_what_proxies_may_keep(get, app, monkeypatch):
    """Invenio's session changes with each request; a cache would give the session of one visitor to the next."""
    touched = [*app.before_request_funcs.get(None, ()), _touch_session]
    monkeypatch.setitem(app.before_request_funcs, None, touched)
    assert "Set-Cookie" in get("echo", {"word": "yes"}).headers
    shared = get("repository-total", RANGE)
    assert shared.headers["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in shared.headers


def _touch_session():
    session["seen"] = True


def test_what_may_change_unnoticed_has_no_tag(get):
    assert "ETag" not in get("modified").headers
    assert "ETag" not in get("echo", {"word": "yes"}).headers


def test_a_file_has_the_whole_list(get, search_client, index_prefix):
    """Whatever the size of a page is; each viewer gets the titles that he may see."""
    more = [usage("2026-10-01", f"n{number:04}", downloads=1) for number in range(1_100)]
    Totals(search_client, index_prefix).write_usage(more)
    answer = get("repository-records", {**RANGE, "format": "csv"})
    lines = answer.text.split("\r\n")
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=stats-repository-records-2026-10-01-2026-10-31.csv"
    )
    assert lines[0].startswith("rank,id,title,url,views,unique_views,downloads,unique_downloads,volume,before_views")
    assert lines[1].startswith("1,,A restricted record,,0,0,5,")
    assert lines[2].startswith("2,a1,Title of a1,/records/a,0,0,3,") or lines[2].startswith("2,a,")
    assert len(lines) == 1 + 1_102 + 1
    assert [line.partition(",")[0] for line in lines[1:-1]] == [str(rank) for rank in range(1, 1_103)]
    assert len(get("repository-records", {**RANGE, "format": "csv", "size": "7"}).text.split("\r\n")) == 9


def test_a_list_that_is_too_long_for_a_file_is_refused(get, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_EXPORT_ROWS", 1)
    message = rest.refusal(get("repository-records", {**RANGE, "format": "csv"}), 400)
    assert "The list has 2 rows; a file may have 1 (STATS_EXPORT_ROWS)" in message
    monkeypatch.setitem(app.config, "STATS_EXPORT_ROWS", 2)
    assert get("repository-records", {**RANGE, "format": "csv"}).status_code == 200


def test_excel_gets_a_file(get):
    answer = get("repository-series", {**RANGE, "format": "xlsx"})
    assert (answer.status_code, answer.data[:2]) == (200, b"PK")
    assert answer.headers["Content-Disposition"].endswith("stats-repository-series-2026-10-01-2026-10-31.xlsx")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.content_length == len(answer.data)


def test_without_xlsxwriter_there_is_no_xlsx(get, client, monkeypatch):
    monkeypatch.setattr("invenio_stats.exports.xlsx.is_available", lambda: False)
    message = rest.refusal(get("repository-total", {"format": "xlsx"}), 400)
    assert message == "format is 'xlsx'. Use one of: json, csv."
    assert client.get("/api/stats").json["formats"] == ["json", "csv"]


def test_an_error_comes_before_the_file(get):
    for media in ("csv", "xlsx"):
        assert "Unknown parameters" in rest.refusal(get("repository-records", {"nothing": "1", "format": media}), 400)


def test_the_list_has_what_one_may_ask(client):
    """A visitor has no records of his own; a factory that needs a parameter cannot tell."""
    queries = client.get("/api/stats").json["queries"]
    assert not {"secret", "own-bucket", "user-total"} & queries.keys()
    assert {"repository-total", "record-files", "histogram", "echo"} <= queries.keys()
    own = client.get("/api/stats", headers={"X-User": "7"}).json["queries"]
    assert own.keys() - queries.keys() == {"user-total", "user-series", "user-records"}


def test_a_listed_query_says_how_to_ask(client):
    listed = client.get("/api/stats").json["queries"]["record-series"]
    assert listed["summary"] == "The use in each interval of a range of days."
    assert listed["href"] == "/api/stats/record-series"
    assert listed["example"] == "/api/stats/record-series?record=abcde-12345"
    interval = next(found for found in listed["parameters"] if found["name"] == "interval")
    assert interval["schema"] == {"type": "string", "enum": ["year", "quarter", "month", "week", "day"]}
    assert not interval["required"]
    assert client.get(listed["href"]).status_code == 400  # the required one is missing
