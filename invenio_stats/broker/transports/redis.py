"""Publish and read over Redis.

Redis has no queues, only lists. kombu first removes a message from the list and then records it as unacknowledged; if
the process is killed in between, the message is lost. Here a script does both atomically.
"""

import json
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from flask import current_app
from kombu import Connection, Exchange, Producer
from kombu.transport.virtual import QoS

from invenio_stats.broker.transports.basic_publisher import publish_options
from invenio_stats.broker.transports.basic_reader import Reader
from invenio_stats.broker.transports.outgoing import MessageRefusedError, Outgoing

logger = logging.getLogger(__name__)

_COMMAND_TIMEOUT_SECONDS = 0.2
"""Time-out for one command of a publisher; without it a request would wait as long as Redis hangs."""

_MIN_CONNECT_SECONDS = 0.05
"""Time-out for connecting to Redis if no time is left before the deadline."""

_MESSAGES_PER_REQUEST = 500
"""Messages taken from a list, or restored, by one script call."""

_TAKE_SCRIPT = """
local taken = {}
for _ = 1, tonumber(ARGV[1]) do
  local item = redis.call('LINDEX', KEYS[1], -1)
  local is_read, message = pcall(cjson.decode, item or '')
  local about = is_read and type(message) == 'table' and message.properties
  if type(about) ~= 'table' or type(about.delivery_tag) ~= 'string' or type(about.delivery_info) ~= 'table' then
    break
  end
  local tag, info = about.delivery_tag, about.delivery_info
  local where = cjson.encode(info.exchange) .. ',' .. cjson.encode(info.routing_key)
  redis.call('ZADD', KEYS[2], ARGV[2], tag)
  redis.call('HSET', KEYS[3], tag, '[' .. item .. ',' .. where .. ']')
  redis.call('RPOP', KEYS[1])
  taken[#taken + 1] = item
end
return taken
"""
"""Removes messages from a list, and records them by their tags as unacknowledged since a time, as kombu does."""

_REPLACE_SCRIPT = """
if redis.call('LINDEX', KEYS[1], -1) == ARGV[1] then redis.call('LSET', KEYS[1], -1, ARGV[2]) end
"""
"""Puts another item in the place of the next one of a list, unless somebody has taken that meanwhile."""

_RESTORE_SCRIPT = """
for number = 2, #ARGV, 2 do
  local since = redis.call('ZSCORE', KEYS[2], ARGV[number])
  if since and tonumber(since) <= tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[2], ARGV[number])
    redis.call('HDEL', KEYS[3], ARGV[number])
    redis.call('RPUSH', KEYS[1], ARGV[number + 1])
  end
end
"""
"""Restores messages that were taken before a time, unless they have been acknowledged or restored meanwhile."""


def publish(
    connection: Connection, model: Connection, exchange: Exchange | None, messages: Sequence[Outgoing], deadline: float
) -> None:
    """Publish messages one by one; raises the transport's errors.

    `connection` keeps its publisher, whose own connection is a copy of `model` with time-outs.
    """
    publisher: _RedisPublisher | None = vars(connection).pop("stats_publisher", None)
    if publisher is not None:
        try:
            publisher.send(messages)
        except connection.connection_errors:  # for instance, Redis was restarted
            publisher.close()
        else:
            vars(connection)["stats_publisher"] = publisher
            return
    publisher = _RedisPublisher(model, max(_MIN_CONNECT_SECONDS, deadline - time.monotonic()))
    publisher.send(messages)
    vars(connection)["stats_publisher"] = publisher


class RedisReader(Reader):
    """Takes messages from Redis, many in one request, and loses none if the process is killed."""

    def receive(self, name: str, limit: int) -> Iterator[Any]:
        """Yield at most `limit` messages of a queue; each must be acknowledged or requeued.

        Messages that another process took and did not acknowledge within the visibility time-out are restored first,
        because there may be no Celery worker that does it.
        """
        return self._take(name, limit, _MESSAGES_PER_REQUEST)

    def get(self, name: str, limit: int) -> Iterator[Any]:
        """Yield the same messages, but fetch each only when it is needed."""
        return self._take(name, limit, 1)

    def acknowledge(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages in one request."""
        if not messages:
            return
        channel = self.channel
        tags = [message.delivery_tag for message in messages]
        with channel.conn_or_acquire() as client, client.pipeline() as pipe:
            pipe.zrem(channel.unacked_index_key, *tags).hdel(channel.unacked_key, *tags).execute()
        for message in messages:
            QoS.ack(channel.qos, message.delivery_tag)
            message._state = "ACK"

    def _take(self, name: str, limit: int, per_request: int) -> Iterator[Any]:
        _restore_lost(self.channel, name)
        return _iter_messages(self.channel, self.queue(name), limit, per_request)


class _RedisPublisher:
    """A channel to Redis with a time-out for each command, used by one thread at a time."""

    def __init__(self, model: Connection, seconds: float):
        limits = {"socket_timeout": _COMMAND_TIMEOUT_SECONDS, "socket_connect_timeout": seconds}
        self._connection = model.clone(transport_options={**limits, **(model.transport_options or {})})
        self._connection.ensure_connection(max_retries=0)
        self._channel = self._connection.channel()

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Append messages directly to the list of their queue; an exchange would lose them if Redis had lost it."""
        producer = Producer(self._channel)
        try:
            for message in messages:
                producer.publish(message.body, **publish_options(message))
        except ValueError as error:
            raise MessageRefusedError(error) from error

    def close(self) -> None:
        self._connection.collect()


def _iter_messages(channel: Any, bound: Any, limit: int, per_request: int) -> Iterator[Any]:
    while limit > 0:
        items = _take(channel, bound.name, min(per_request, limit))
        if not items:
            if _replace_foreign(channel, bound.name):
                continue
            return
        for item in items:
            message = _message(channel, item, bound.name)
            QoS.append(channel.qos, message, message.delivery_tag)
            yield message
        limit -= len(items)


def _take(channel: Any, queue: str, limit: int) -> list[Any]:
    with channel.conn_or_acquire() as client:
        for priority in channel.priority_steps:
            keys = _keys(channel, queue, priority)
            items: list[Any] = client.eval(_TAKE_SCRIPT, len(keys), *keys, limit, time.time())
            if items:
                return items
    return []


def _message(channel: Any, item: bytes, queue: str) -> Any:
    """Return what was taken off a list as a message, whatever is in it."""
    payload = json.loads(item)
    try:
        message = channel.Message(payload, channel=channel)
        if isinstance(message.body, str | bytes):
            return message
    except Exception:  # whatever kombu makes of a body in an unknown encoding
        logger.info("A message of another program cannot be decoded", extra={"queue": queue})
    return channel.Message(_as_message(item, queue, payload["properties"]["delivery_tag"]), channel=channel)


def _replace_foreign(channel: Any, queue: str) -> bool:
    """Make a message of the next item of a list, if it is something else; return whether there was one.

    What another program has put there is rejected like any message that is no event, and must not stop the queue.
    """
    with channel.conn_or_acquire() as client:
        for priority in channel.priority_steps:
            key = _keys(channel, queue, priority)[0]
            if (item := client.lindex(key, -1)) is not None and not _is_message(item):
                message = json.dumps(_as_message(item, queue, uuid.uuid4().hex))
                client.eval(_REPLACE_SCRIPT, 1, key, item, message)
                return True
    return False


def _is_message(item: Any) -> bool:
    """Return True for what `_TAKE_SCRIPT` takes."""
    try:
        about = json.loads(item)["properties"]
        return isinstance(about["delivery_tag"], str) and isinstance(about["delivery_info"], dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _as_message(item: Any, queue: str, tag: str) -> dict[str, Any]:
    """Return a message of plain text, as kombu writes it, that has the text of an item."""
    text = item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
    return {
        "body": text,
        "content-type": "text/plain",
        "content-encoding": "utf-8",
        "headers": {},
        "properties": {
            "delivery_mode": 2,
            "delivery_tag": tag,
            "delivery_info": {"exchange": "", "routing_key": queue},
        },
    }


def _restore_lost(channel: Any, queue: str) -> None:
    """Restore messages that were taken from a queue longer ago than the visibility time-out.

    kombu's own method has a lock, which remains locked for five minutes if the process is killed.
    """
    before = time.time() - _visibility_timeout(channel)
    with channel.conn_or_acquire() as client:
        tags = client.zrangebyscore(channel.unacked_index_key, "-inf", before)
        for first in range(0, len(tags), _MESSAGES_PER_REQUEST):
            part = tags[first : first + _MESSAGES_PER_REQUEST]
            texts = client.hmget(channel.unacked_key, part)
            lost = [(tag, json.loads(text)) for tag, text in zip(part, texts, strict=True) if text]
            pairs = [(tag, json.dumps(message)) for tag, (message, _exchange, name) in lost if name == queue]
            if pairs:
                client.eval(_RESTORE_SCRIPT, 3, *_keys(channel, queue), before, *chain.from_iterable(pairs))


def _visibility_timeout(channel: Any) -> float:
    """Return the seconds after which an unacknowledged message is restored, as configured for Celery's workers."""
    for setting in ("CELERY_BROKER_TRANSPORT_OPTIONS", "BROKER_TRANSPORT_OPTIONS"):
        options = current_app.config.get(setting) or {}
        if "visibility_timeout" in options:
            return float(options["visibility_timeout"])
    return float(channel.visibility_timeout)


def _keys(channel: Any, queue: str, priority: int = 0) -> list[str]:
    names = (channel._q_for_pri(queue, priority), channel.unacked_index_key, channel.unacked_key)
    return [
        f"{channel.global_keyprefix}{name}" for name in names
    ]  # kombu adds the prefix itself for other commands, but not for scripts
