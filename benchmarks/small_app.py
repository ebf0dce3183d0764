"""Create a small application in this process, for the benchmarks that compare nothing."""

from typing import Any

from flask import Flask
from invenio_cache import InvenioCache
from invenio_queues import InvenioQueues
from invenio_search import InvenioSearch

from invenio_stats import InvenioStats
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG


def make_app(folder: str | None = None, **settings: Any) -> Flask:
    """Return an application with the shipped event types and aggregations, its spool in a folder where one is given."""
    app = Flask("bench", instance_path=folder)
    app.config.update(
        CACHE_TYPE="SimpleCache",
        BROKER_URL="memory://",
        STATS_EVENTS=EVENTS_CONFIG,
        STATS_AGGREGATIONS=AGGREGATIONS_CONFIG,
    )
    app.config.update(settings)
    for extension in (InvenioCache, InvenioQueues, InvenioSearch, InvenioStats):
        extension(app)
    return app
