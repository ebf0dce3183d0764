"""A cache that hangs holds a request no longer than the time-out of its client, and not each request."""

import socket
import time
from datetime import date

import pytest
from flask import Flask
from invenio_cache import InvenioCache

from invenio_stats.privacy import salts

DAY = date(2026, 11, 2)


@pytest.fixture
def silent_redis():
    """The address of a Redis that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0?socket_timeout=0.3"


def test_a_cache_that_never_answers_holds_one_request_for_its_time_out(silent_redis):
    pytest.importorskip("redis")
    app = Flask("salt")
    app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_URL=silent_redis)
    InvenioCache(app)
    with app.app_context():
        start = time.monotonic()
        assert salts.salt_of(DAY).is_shared is False
        assert time.monotonic() - start < 10
        start = time.monotonic()
        for _ in range(100):
            salts.salt_of(DAY)
        assert time.monotonic() - start < 0.2
