"""A light Invenio application for tests: the extensions that statistics work with, and no database.

Fixtures of pytest-invenio stay in use (`base_app`, `appctx`, `cli_runner`, `client`...). A module that needs
other settings has its own `app_config` fixture that takes this one and changes it.
"""

import copy
import signal

import pytest
from flask import Flask

from tests.laws import load_profile

load_profile()

pytest_plugins = (
    "tests.fixtures.services",
    "tests.fixtures.search",
    "tests.fixtures.counting",
    "tests.fixtures.usage",
    "tests.fixtures.months",
    "tests.fixtures.closed_months",
    "tests.fixtures.logs",
)


def create_light_app(**config) -> Flask:
    """Return an application as invenio-app's factory for the API would make it, with far fewer modules.

    Somebody is signed in when a test client's session has `_user_id`.
    """
    # Imported here, so that unit tests start without them.
    from flask_login import LoginManager, UserMixin
    from invenio_cache import InvenioCache
    from invenio_celery import InvenioCelery
    from invenio_i18n import InvenioI18N
    from invenio_queues import InvenioQueues
    from invenio_rest import InvenioREST
    from invenio_search import InvenioSearch

    from invenio_stats import InvenioStats
    from invenio_stats.counter.api import create_blueprint
    from invenio_stats.ext import finalize_app
    from invenio_stats.views import blueprint

    app = Flask("light")
    app.config.update(config)
    LoginManager(app).user_loader(lambda user_id: type("User", (UserMixin,), {"id": user_id})())
    for extension in (InvenioI18N, InvenioCache, InvenioCelery, InvenioQueues, InvenioSearch, InvenioREST):
        extension(app)
    InvenioStats(app)
    for found in (blueprint, create_blueprint(app)):
        app.register_blueprint(found, url_prefix="/api")
    finalize_app(app)
    return app


@pytest.fixture(scope="module")
def create_app():
    return create_light_app


def _shipped(name):
    from invenio_stats.contrib import config

    return copy.deepcopy(getattr(config, name))


@pytest.fixture(scope="module")
def events_config():
    return _shipped("EVENTS_CONFIG")


@pytest.fixture(scope="module")
def aggregations_config():
    return _shipped("AGGREGATIONS_CONFIG")


@pytest.fixture(scope="module")
def queries_config():
    return _shipped("QUERIES_CONFIG")


@pytest.fixture(scope="module")
def spool_dir(tmp_path_factory):
    """A spool of this module's own."""
    return str(tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="module")
def app_config(
    app_config,
    engine_url,
    broker_url,
    cache_config,
    spool_dir,
    index_prefix,
    events_config,
    aggregations_config,
    queries_config,
):
    """Settings: the shipped event types, on the services of this run, under an index prefix of the module's own."""
    return {
        **app_config,
        **cache_config,
        "STATS_SPOOL_DIR": spool_dir,
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "BROKER_URL": broker_url,
        "STATS_EVENTS": events_config,
        "STATS_AGGREGATIONS": aggregations_config,
        "STATS_QUERIES": queries_config,
    }


@pytest.fixture(scope="module")
def app(base_app, appctx):
    """The application, with its context; a test that takes it also runs in a request context of pytest-flask."""
    return base_app


@pytest.fixture
def is_in_foreground():
    """Ctrl-C reaches the process: in a script's background job, as tests may be, it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
