"""Publish and read over Redis.

Redis has no queues, only lists. kombu first removes a message from the list and then records it as unacknowledged; if
the process is killed in between, the message is lost. Here a script does both atomically.
"""

import base64
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
from redis.exceptions import ResponseError

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

_NEXT = """
local function next_item()
  local item = redis.call('LINDEX', KEYS[1], -1)
  local is_read, message = pcall(cjson.decode, item or '')
  local about = is_read and type(message) == 'table' and message.properties
  if type(about) ~= 'table' or type(about.delivery_tag) ~= 'string' or type(about.delivery_info) ~= 'table' then
    return item
  end
  local info = about.delivery_info
  local encode = function() return cjson.encode(info.exchange) .. ',' .. cjson.encode(info.routing_key) end
  local is_encoded, where = pcall(encode)
  if not is_encoded then
    return item
  end
  return item, about.delivery_tag, where
end
"""
"""Returns the next item of a list; if it is a message, also its tag, and its exchange and routing key as JSON."""

_TAKE_SCRIPT = f"""{_NEXT}
redis.call('HDEL', KEYS[3], '')
local taken = {{}}
for _ = 1, tonumber(ARGV[1]) do
  local item, tag, where = next_item()
  if not tag then
    break
  end
  redis.call('ZADD', KEYS[2], ARGV[2], tag)
  redis.call('HSET', KEYS[3], tag, '[' .. item .. ',' .. where .. ']')
  redis.call('RPOP', KEYS[1])
  taken[#taken + 1] = item
  taken[#taken + 1] = tag
end
return taken
"""
"""Removes messages from a list, and records them by their tags as unacknowledged since a time, as kombu does.

It begins with a command that changes nothing: a Redis whose memory is full refuses what takes memory, unless the script
has written before. Otherwise no worker could empty the queues that have filled it.

Returns each message, followed by its tag.
"""

_FOREIGN_SCRIPT = f"""{_NEXT}
local item, tag = next_item()
return not tag and item
"""
"""Returns the next item of a list if the other script does not take it."""

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

    def declare(self, name: str, exchange: Any) -> None:
        """Declare a queue, unless Redis refuses that because its memory is full: a list can be read without."""
        try:
            super().declare(name, exchange)
        except ResponseError as error:
            logger.warning("Redis refuses to declare a queue", extra={"queue": name, "error": type(error).__name__})

    def receive(self, name: str, limit: int) -> Iterator[Any]:
        """Yield at most `limit` messages of a queue; each must be acknowledged or requeued.

        Messages that another process took and did not acknowledge within the visibility time-out are restored first,
        because there may be no Celery worker that does it.
        """
        return self._take(name, limit, _MESSAGES_PER_REQUEST)

    def get(self, name: str, limit: int) -> Iterator[Any]:
        """Yield the same messages, but fetch each only when it is needed."""
        return self._take(name, limit, 1)

    def peek(self, name: str, limit: int) -> list[Any] | None:
        """Return the oldest messages as Redis holds them, decoded as far as they are ours."""
        with self.channel.conn_or_acquire() as client:
            items = client.lrange(self.channel._q_for_pri(name, 0), -limit, -1)
        return [_decode_body(item) for item in items]

    def acknowledge(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages in one request.

        It is no transaction, which a Redis with a full memory refuses. A tag without its message is harmless.
        """
        if not messages:
            return
        channel = self.channel
        tags = [message.delivery_tag for message in messages]
        with channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
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
        taken = _take(channel, bound.name, min(per_request, limit))
        if not taken:
            if _replace_foreign(channel, bound.name):
                continue
            return
        for item, tag in taken:
            message = _message(channel, item, tag, bound.name)
            QoS.append(channel.qos, message, message.delivery_tag)
            yield message
        limit -= len(taken)


def _take(channel: Any, queue: str, limit: int) -> list[tuple[bytes, bytes]]:
    """Take messages off the list of a queue; return them with their tags."""
    with channel.conn_or_acquire() as client:
        for priority in channel.priority_steps:
            keys = _keys(channel, queue, priority)
            taken = client.eval(_TAKE_SCRIPT, len(keys), *keys, limit, time.time())
            if taken:
                return list(zip(taken[::2], taken[1::2], strict=True))
    return []


def _message(channel: Any, item: bytes, tag: bytes, queue: str) -> Any:
    """Return what was taken off a list as a message, whatever is in it."""
    try:
        payload = json.loads(item)
    except (ValueError, RecursionError):  # Redis reads more than Python: hexadecimal numbers, bytes that are no UTF-8
        return channel.Message(_record_as_text(channel, item, tag, queue), channel=channel)
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
            if (item := client.eval(_FOREIGN_SCRIPT, 1, key)) is not None:
                message = json.dumps(_as_message(item, queue, uuid.uuid4().hex))
                client.eval(_REPLACE_SCRIPT, 1, key, item, message)
                return True
    return False


def _record_as_text(channel: Any, item: bytes, tag: bytes, queue: str) -> dict[str, Any]:
    """Record a taken item as an unacknowledged message of plain text, and return that; kombu could not restore it."""
    new_tag = uuid.uuid4().hex
    message = _as_message(item, queue, new_tag)
    with channel.conn_or_acquire() as client, client.pipeline() as pipe:
        pipe.zrem(channel.unacked_index_key, tag).hdel(channel.unacked_key, tag)
        pipe.hset(channel.unacked_key, new_tag, json.dumps([message, "", queue]))
        pipe.zadd(channel.unacked_index_key, {new_tag: time.time()}).execute()
    return message


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
            lost = [(tag, _read_lost(text, queue)) for tag, text in zip(part, texts, strict=True) if text]
            pairs = [(tag, json.dumps(message)) for tag, (message, _exchange, name) in lost if name == queue]
            if pairs:
                client.eval(_RESTORE_SCRIPT, 3, *_keys(channel, queue), before, *chain.from_iterable(pairs))


def _read_lost(text: bytes, queue: str) -> Any:
    """Return message, exchange and queue of an unacknowledged message; of one that cannot be read, a plain text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _as_message(text, queue, uuid.uuid4().hex), "", queue


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


def _decode_body(item: bytes) -> Any:
    """Return the body of an item of a list; the item as text if it is no message."""
    try:
        message = json.loads(item)
        body = message["body"]
        return json.loads(base64.b64decode(body)) if message["properties"].get("body_encoding") == "base64" else body
    except (ValueError, TypeError, KeyError, AttributeError):
        return item.decode("utf-8", "replace")
