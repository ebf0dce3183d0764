"""Leave the name of each instance that uses a virtual host of the broker in a queue, so that others notice."""

import json
from contextlib import suppress
from typing import Any

from invenio_queues.queue import Queue

from invenio_stats.broker.delivery import deliver_all
from invenio_stats.broker.transports.drivers import open_reader
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core import names

_MOST_READ = 1_000
_CONFIRM_SECONDS = 5.0


def other_instances(queue: Queue, own: str) -> list[str]:
    """Return the names of the other instances that have used the virtual host of a queue, and leave the own name.

    A name stays until somebody deletes the queue. Raises the transport's errors.
    """
    found = _read(queue)
    if own not in found:
        message = Outgoing(names.INSTANCES, "", json.dumps({"instance": own}))
        deliver_all(queue.connection_pool, None, [message], seconds=_CONFIRM_SECONDS)
    return sorted(found - {own})


def _read(queue: Queue) -> set[str]:
    """Return all names, and delete repeated ones, of processes that looked at the same time, and what is no name.

    Otherwise these would become more with each look, and in the end hide the names behind them.
    """
    held: dict[str, Any] = {}
    with open_reader(queue) as reader:
        reader.queue(names.INSTANCES, durable=True).queue_declare()
        try:
            for message in reader.get(names.INSTANCES, _MOST_READ):
                name = _name_in(message)
                if name is None or name in held:
                    reader.acknowledge([message])
                else:
                    held[name] = message
        finally:
            for message in held.values() if not reader.returns_on_close else ():
                message.requeue()
    return set(held)


def _name_in(message: Any) -> str | None:
    """Return the name in a message; None if the message is of another program."""
    with suppress(Exception):  # its decoder may raise any error
        return str(message.payload["instance"])
    return None
