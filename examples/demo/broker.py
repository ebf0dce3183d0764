"""Provide a broker: a file that needs no server, or an existing server, which is left as it was found."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amqp.exceptions import AMQPError, NotFound
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError
from traffic.ledger import EVENT_TYPES, SEARCHES

from demo.processes import DemoError

_QUEUES = [f"stats-{name}{ending}" for name in (*EVENT_TYPES.values(), SEARCHES) for ending in ("", "-dead")]


def prepare_file(path: Path) -> None:
    """Make a broker of an SQLite file: its tables once, and a journal that lets readers and writers go on."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.close()
    with Connection(f"sqla+sqlite:///{path}") as connection:
        Queue("celery").bind(connection.channel()).queue_declare()


@contextmanager
def guest(url: str, *queues: str) -> Iterator[None]:
    """Use a broker server: refuse one where events wait already, and delete the queues that were made."""
    if not url.startswith(("amqp:", "amqps:", "pyamqp:")):
        raise DemoError(f"BROKER_URL is {_public(url)}; give an address of RabbitMQ, amqp://..., or none.")
    try:
        with Connection(url, connect_timeout=5) as connection:
            before = {name: _waiting(connection, name) for name in _QUEUES}
    except (OSError, AMQPError, OperationalError) as error:
        raise DemoError(f"BROKER_URL: {_public(url)} cannot be used ({error}). Is it up?") from error
    full = [f"{name} ({count})" for name, count in before.items() if count]
    if full:
        raise DemoError(
            f"BROKER_URL: messages wait at {_public(url)} already, in {', '.join(full)}. "
            "Give the demo a virtual host of its own."
        )
    try:
        yield
    finally:
        with Connection(url, connect_timeout=5) as connection:
            for name in [*queues, *(name for name, count in before.items() if count is None)]:
                Queue(name).bind(connection.channel()).delete()
            for name in queues:  # Celery gives each of its queues an exchange of the same name
                Exchange(name).bind(connection.channel()).delete()


def _waiting(connection: Connection, name: str) -> int | None:
    """Return how many messages wait on a queue; None when there is no such queue."""
    try:
        with connection.channel() as channel:
            return Queue(name).bind(channel).queue_declare(passive=True).message_count
    except NotFound:
        return None


def _public(url: str) -> str:
    """Return an address without its password."""
    return re.sub(r"//[^@/]*@", "//***@", url)
