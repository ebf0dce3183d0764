"""An instance as an operator has it: events published, processed and counted, all by commands."""

import json
import os

import pytest

from tests.engines.instance import QUERIES, Instance


@pytest.fixture(scope="module", params=["legacy", "composable"])
def is_composable(request):
    """Say which kind of index templates the instance places; the tests run once for each."""
    return request.param == "composable"


@pytest.fixture(scope="module")
def app_config(app_config, is_composable):
    return {**app_config, "STATS_REGISTER_INDEX_TEMPLATES": is_composable}


@pytest.fixture(scope="module")
def events_config(events_config):
    """The shipped event types without their signals: the modules that send them are not in these small environments."""
    return {name: {**entry, "signal": None} for name, entry in events_config.items()}


@pytest.fixture(scope="module")
def queries_config(queries_config):
    return {**queries_config, **QUERIES}


@pytest.fixture(scope="session")
def expected_engine():
    """The engine that the pass was started for, like `opensearch 3`."""
    if "EXPECTED_ENGINE" not in os.environ:
        pytest.skip("EXPECTED_ENGINE is not set: tests/engines/./run-tests.sh --only engines sets it")
    return os.environ["EXPECTED_ENGINE"]


@pytest.fixture
def instance(app, search_client, index_prefix, refresh, queues, monkeypatch):
    """An instance after `invenio index init`, without events."""
    made = Instance(app, search_client, index_prefix, refresh, monkeypatch)
    made.init()
    return made


@pytest.fixture
def counted(instance):
    """The same after a first week of January was processed and counted."""
    instance.publish_january()
    instance.process(while_open=True)
    instance.aggregate()
    return instance


@pytest.fixture
def ask(client):
    """Return `ask(stat, **params)`: what the REST API answers."""

    def post(stat, **params):
        body = json.dumps({"x": {"stat": stat, "params": params}})
        response = client.post("/api/stats", data=body, content_type="application/json")
        assert response.status_code == 200, response.text
        return response.json["x"]

    return post
