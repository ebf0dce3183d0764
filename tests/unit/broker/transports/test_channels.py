"""Pooled connections: a forked process makes its own, and leaves that of its parent alone."""

import os

import pytest
from kombu import Connection

from invenio_stats.broker.transports.channels import borrow_connection


class Established:
    """A connection of py-amqp, which notes how it is used."""

    connected = True

    def __init__(self):
        self.used = []

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.used.append(name)


@pytest.fixture
def pool(monkeypatch):
    pool = Connection("amqp://").Pool(limit=1)
    transport = pool.connection.get_transport_cls()
    monkeypatch.setattr(transport, "establish_connection", lambda transport: Established())
    return pool


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_connects_anew_and_does_not_touch_its_parents_connection(pool):
    """Delivery tags on a socket that two processes use are wrong for both."""
    with borrow_connection(pool) as connection:
        parents = connection.connection
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with borrow_connection(pool) as connection:
                assert not connection.connected
                own = connection.connection
            with borrow_connection(pool) as connection:
                assert connection.connection is own is not parents
            assert parents.used == []
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    with borrow_connection(pool) as connection:
        assert connection.connection is parents
