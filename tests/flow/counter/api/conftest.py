"""An instance with closed months and requestors, and a client of its COUNTER API."""

import gzip
import json
from datetime import datetime, timezone

import pytest

from invenio_stats.core.counter_exceptions import KINDS
from invenio_stats.core.counter_months import next_month
from invenio_stats.counter.checking.reports import check_document, check_report
from invenio_stats.counter.service.requestors import add_requestor
from tests.fixtures.closed_months import ARTICLE, DATASET, use

WORLD = "0000000000000000"
CUSTOMERS = [
    {"customer_id": "u1", "name": "University One", "institution_id": {"ROR": ["00hx57361"]}},
    {"customer_id": "u2", "name": "University Two"},
    {"customer_id": "all-u", "name": "All Universities", "members": ["u1", "u2"]},
]


def today():
    return datetime.now(timezone.utc)


def month_ago(distance):
    """Return the month that many months ago."""
    return next_month(f"{today():%Y-%m}", -distance)


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config, tmp_path_factory):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "CELERY_BROKER_URL": "memory://",
        "STATS_COUNTER_PLATFORM": "Example Repository",
        "STATS_COUNTER_PLATFORM_ID": "example",
        "STATS_COUNTER_CUSTOMERS": CUSTOMERS,
        "STATS_COUNTER_COUNTRIES": True,
        "STATS_COUNTER_RATE_LIMIT": None,
        "STATS_COUNTER_DIR": str(tmp_path_factory.mktemp("reports")),
        **cache_config,
    }


def find_faults(path, answer):
    """Return what is wrong with an answer by the schemas and rules of COUNTER documents."""
    if answer.status_code in (404, 405):
        return [] if "Code" not in answer.text else ["a COUNTER exception"]
    body = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    document = json.loads(body)
    if answer.status_code != 200:
        is_right = KINDS[document["Code"]].status == answer.status_code
        return check_document("exception", document) + ([] if is_right else [answer.status_code])
    return check_report(document) if path.startswith("reports/") else check_document(path, document)


@pytest.fixture
def forget(app, closed_months):
    """Return a function that lets this process read requestors and limits anew, as another one would."""

    def forget():
        for name in ("requestors", "limiters"):
            app.extensions.pop(f"invenio-stats-counter-{name}", None)

    forget()
    return forget


@pytest.fixture
def add(search_client, forget):
    """Return a function that adds a requestor and returns it with its keys."""

    def add(name="harvester", customers=("all",), has_key=False, has_countries=False):
        new = add_requestor(search_client, name, customers, today(), has_key, has_countries)
        forget()
        return new

    return add


@pytest.fixture
def requestor(add):
    return add()


@pytest.fixture
def get(client):
    """Return a function that sends a request by HTTPS, and returns the response; it is as COUNTER's rules have it."""

    def get(path, params=None, base_url="https://localhost", **options):
        address = f"/api/counter/r51/{path}"
        answer = client.get(address, query_string=params, base_url=base_url, buffered=True, **options)
        assert find_faults(path, answer) == []
        return answer

    return get


@pytest.fixture
def ask(get, requestor):
    """Return a function that sends a request of the requestor for all usage; None leaves a parameter out."""

    def ask(path, **params):
        given = {"customer_id": WORLD, "requestor_id": requestor.requestor_id, **params}
        if path.startswith("reports/"):
            given = {"begin_date": month_ago(2), "end_date": month_ago(1), **given}
        return get(path, {name: value for name, value in given.items() if value is not None})

    return ask


@pytest.fixture
def months(closed_months):
    """The last three months are closed: an article is used by each university, a dataset by nobody known."""
    closed_months.put_items({"a": ARTICLE, "d": DATASET})
    for distance in (3, 2, 1):
        closed_months.close(
            month_ago(distance),
            [
                use("a", institution="u1", country="CH"),
                use("a", institution="u2", country="DE"),
                use("d", 6, 3, data_type="Dataset", yop="2021"),
            ],
        )
    return closed_months
