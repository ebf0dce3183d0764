"""The services that InvenioRDM needs, and instances on them."""

import sys
from importlib.util import find_spec

import pytest

from tests.fixtures.services import reachable, without_service

VARIABLES = {
    "DATABASE_URL": "postgresql",
    "SEARCH_URL": "opensearch",
    "BROKER_URL": "rabbitmq",
    "CACHE_REDIS_URL": "redis",
}


@pytest.fixture(scope="session")
def services():
    """Return the addresses of all services that InvenioRDM needs."""
    if sys.platform != "linux":
        without_service("InvenioRDM is tried on Linux only")
    if find_spec("invenio_app_rdm") is None:
        without_service("no InvenioRDM in this environment: ./run-tests.sh --only rdm")
    return {variable: reachable(variable, f"scripts/services start {name}") for variable, name in VARIABLES.items()}


@pytest.fixture(scope="module")
def make_instance(services, tmp_path_factory):
    """Return a function that makes an instance, of three at most: Redis has 16 databases. They end with the module."""
    from .instance import Instance

    made = []

    def make(**settings):
        database = 1 + 5 * len(made)
        made.append(Instance(tmp_path_factory.mktemp("rdm"), services, redis_database=database, **settings))
        return made[-1]

    yield make
    for instance in made:
        instance.close()
