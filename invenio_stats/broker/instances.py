"""Leave the name of each instance that uses a virtual host of the broker in a queue, so that others notice."""

import json
from contextlib import suppress

from invenio_queues.queue import Queue

from invenio_stats.broker.delivery import deliver_all
from invenio_stats.broker.transports.drivers import open_reader
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core import names

_MOST_READ = 100
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
    found = set()
    with open_reader(queue) as reader:
        reader.queue(names.INSTANCES, durable=True).queue_declare()
        held = list(reader.get(names.INSTANCES, _MOST_READ))
        try:
            for message in held:
                with suppress(Exception):  # a message of another program, whose decoder may raise any error
                    found.add(str(message.payload["instance"]))
        finally:
            for message in held if not reader.returns_on_close else ():
                message.requeue()
    return found
