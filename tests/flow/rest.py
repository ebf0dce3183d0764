"""Queries behind the REST API for its tests, of every kind that there is."""

from types import SimpleNamespace

from invenio_stats.queries import DateHistogramQuery, Query, TermsQuery

TOTAL = {"timestamp": "2026-01-01T00:00:00", "bucket_id": "b1", "file_key": "a.pdf", "version": 1, "count": 3}
MAPPING = {
    "properties": {
        "timestamp": {"type": "date", "format": "date_optional_time"},
        "bucket_id": {"type": "keyword"},
        "file_key": {"type": "keyword"},
        "version": {"type": "integer"},
        "count": {"type": "integer"},
    }
}


class Echo(Query):
    """A query of somebody else's: no engine, parameters of its own."""

    def run(self, word, times=1):
        return {"said": [word] * times}


def with_bucket(**more):
    return {"index": "stats-x", "required_filters": {"bucket_id": "bucket_id"}, **more}


def only(allowed):
    return lambda query_name, params: SimpleNamespace(can=lambda: allowed(query_name, params))


def with_term(search, **params):
    return search.filter("term", bucket_id=params.get("term", "b1"))


QUERIES = {
    "histogram": {"cls": DateHistogramQuery, "params": with_bucket()},
    "total": {"cls": TermsQuery, "params": with_bucket(aggregated_fields=["file_key"])},
    "by-version": {"cls": TermsQuery, "params": {"index": "stats-x", "required_filters": {"version": "version"}}},
    "modified": {"cls": TermsQuery, "params": {"index": "stats-x", "query_modifiers": [with_term]}},
    "echo": {"cls": Echo, "params": {"index": "stats-x"}},
    "secret": {"cls": TermsQuery, "params": {"index": "stats-x"}, "permission_factory": only(lambda *_args: False)},
    "own-bucket": {
        "cls": TermsQuery,
        "params": with_bucket(),
        "permission_factory": only(lambda _name, params: params.get("bucket_id") == "b1"),
    },
    "open": {"cls": TermsQuery, "params": {"index": "stats-x"}, "permission_factory": lambda *_args: None},
    "misconfigured": {
        "cls": TermsQuery,
        "params": {"index": "stats-x", "query_modifiers": ["tests.flow.rest:bad"]},
    },
}


def bad(search):
    return search.filter("term", version="not a number")


def refusal(response, status=400):
    """Return the message of an error, which has one shape."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    assert set(response.json) == {"status", "message"}
    assert response.json["status"] == status
    return response.json["message"]
