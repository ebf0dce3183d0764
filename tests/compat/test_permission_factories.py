"""Contract, easy to break: the instance's permission factory asks the query's own, as InvenioRDM's does."""

from types import SimpleNamespace

import pytest
from flask_login import current_user

from invenio_stats import current_stats
from invenio_stats.queries import TermsQuery

ALLOWED = SimpleNamespace(can=lambda: True)
REFUSED = SimpleNamespace(can=lambda: False)
BY_POLICY = "by-policy"
OWN = "own"
QUERY = {"cls": TermsQuery, "params": {"index": "stats-file-download"}}


def of_the_instance(query_name, params):
    """Ask the query's own factory where it has one; else the policy, which needs the first user."""
    own = current_stats.queries[query_name].permission_factory
    if own is not None:
        return own(query_name, params)
    return ALLOWED if current_user.get_id() == "1" else REFUSED


@pytest.fixture(scope="module")
def app_config(app_config):
    queries = {
        BY_POLICY: QUERY,
        "none": {**QUERY, "permission_factory": None},
        OWN: {**QUERY, "permission_factory": lambda name, params: ALLOWED},
    }
    return {
        **app_config,
        "SECRET_KEY": "test",
        "STATS_QUERIES": queries,
        "STATS_PERMISSION_FACTORY": f"{__name__}.of_the_instance",
    }


@pytest.mark.parametrize(
    ("query", "user", "status"),
    [
        pytest.param(BY_POLICY, None, 401, id="by policy, anonymous"),
        pytest.param(BY_POLICY, "2", 403, id="by policy, somebody"),
        pytest.param(BY_POLICY, "1", 200, id="by policy, who may"),
        pytest.param("none", "2", 403, id="none is as if there were no factory"),
        pytest.param(OWN, None, 200, id="of its own"),
    ],
)
def test_the_policy_answers_and_never_asks_itself(app, client, query, user, status):
    with client.session_transaction() as session:
        if user:
            session["_user_id"] = user
    response = client.post("/api/stats", json={"a": {"stat": query}})
    assert response.status_code == status


def test_a_query_without_a_factory_of_its_own_has_none(app):
    factories = {name: query.permission_factory for name, query in current_stats.queries.items()}
    assert (factories[BY_POLICY], factories["none"]) == (None, None)
    assert factories[OWN] is not None
