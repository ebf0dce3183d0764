"""Publish and read over transports that confirm nothing, Redis above all.

Redis has no queues, only lists. kombu takes a message off the list and then writes down that somebody has it; who is
killed in between has lost it. Here both happen at once.
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
from kombu import Queue as KombuQueue
from kombu.transport.virtual import QoS

from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.broker.transports.reader import Reader

logger = logging.getLogger(__name__)

_SECONDS_OF_A_STEP = 0.2
"""How long Redis may take for one command of a publisher, who would wait for as long as it hangs otherwise."""

_AT_ONCE = 500

_TAKE = """
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
"""Takes messages off a list, and writes them down as kombu does: not acknowledged since a moment, by their tags."""

_REPLACE = """
if redis.call('LINDEX', KEYS[1], -1) == ARGV[1] then redis.call('LSET', KEYS[1], -1, ARGV[2]) end
"""
"""Puts another item in the place of the next one of a list, unless somebody has taken that meanwhile."""

_GIVE_BACK = """
for number = 2, #ARGV, 2 do
  local since = redis.call('ZSCORE', KEYS[2], ARGV[number])
  if since and tonumber(since) <= tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[2], ARGV[number])
    redis.call('HDEL', KEYS[3], ARGV[number])
    redis.call('RPUSH', KEYS[1], ARGV[number + 1])
  end
end
"""
"""Puts messages back that were taken before a moment, and that nobody has acknowledged or put back meanwhile."""


def publish(
    connection: Connection, model: Connection, exchange: Exchange | None, messages: Sequence[Outgoing], seconds: float
) -> None:
    """Publish one by one over a connection of a pool whose model is given; raises what the transport raises."""
    if connection.transport.driver_type != "redis":
        connection.ensure_connection(max_retries=0)
        with connection.channel() as channel:
            _send(channel, exchange, messages)
        return
    line: _RedisLine | None = vars(connection).pop("stats_line", None)
    if line is not None:
        try:
            line.send(messages)
        except connection.connection_errors:  # Redis was started anew, say
            line.close()
        else:
            vars(connection)["stats_line"] = line
            return
    line = _RedisLine(model, seconds)
    line.send(messages)
    vars(connection)["stats_line"] = line


class RedisReader(Reader):
    """Takes messages off Redis so that none is lost when the process is killed, many of them in one request."""

    def receive(self, name: str, most: int) -> Iterator[Any]:
        """Yield what waits on a queue, at most so many messages; each is to be acknowledged or given back.

        What others took and have not acknowledged within the visibility time-out waits again: also where no worker of
        Celery looks for it.
        """
        return self._take(name, most, _AT_ONCE)

    def get(self, name: str, most: int) -> Iterator[Any]:
        """Yield the same, taking each message only when it is asked for."""
        return self._take(name, most, 1)

    def acknowledge(self, messages: Sequence[Any]) -> None:
        """Tell Redis in one request that these messages are done with."""
        if not messages:
            return
        channel = self.channel
        tags = [message.delivery_tag for message in messages]
        with channel.conn_or_acquire() as client, client.pipeline() as pipe:
            pipe.zrem(channel.unacked_index_key, *tags).hdel(channel.unacked_key, *tags).execute()
        for message in messages:
            QoS.ack(channel.qos, message.delivery_tag)
            message._state = "ACK"

    def _take(self, name: str, most: int, at_once: int) -> Iterator[Any]:
        _give_back_lost(self.channel, name)
        return _taken(self.channel, self.queue(name), most, at_once)


class _RedisLine:
    """A channel to Redis with a limit for each of its steps, used by one thread at a time."""

    def __init__(self, model: Connection, seconds: float):
        limits = {"socket_timeout": _SECONDS_OF_A_STEP, "socket_connect_timeout": seconds}
        self._connection = model.clone(transport_options={**limits, **(model.transport_options or {})})
        self._connection.ensure_connection(max_retries=0)
        self._channel = self._connection.channel()

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Put messages on the list of their queue: by an exchange they would vanish if Redis had forgotten it."""
        producer = Producer(self._channel)
        for message in messages:
            producer.publish(message.body, **_options(message))

    def close(self) -> None:
        self._connection.collect()


def _send(channel: Any, exchange: Exchange | None, messages: Sequence[Outgoing]) -> None:
    """Publish one by one; what is declared is known in a connection only."""
    producer = Producer(channel, exchange=exchange)
    name = messages[0].queue
    where = KombuQueue(name, exchange=exchange or Exchange(""), routing_key=name)
    for message in messages:
        producer.publish(message.body, declare=[where], **_options(message))


def _options(message: Outgoing) -> dict[str, Any]:
    return {
        "routing_key": message.queue,
        "message_id": message.message_id,
        "headers": dict(message.headers),
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "delivery_mode": "persistent",
    }


def _taken(channel: Any, bound: Any, most: int, at_once: int) -> Iterator[Any]:
    while most > 0:
        items = _take(channel, bound.name, min(at_once, most))
        if not items:
            if _replace_foreign(channel, bound.name):
                continue
            return
        for item in items:
            message = _message(channel, item, bound.name)
            QoS.append(channel.qos, message, message.delivery_tag)
            yield message
        most -= len(items)


def _take(channel: Any, queue: str, most: int) -> list[Any]:
    with channel.conn_or_acquire() as client:
        for priority in channel.priority_steps:
            keys = _keys(channel, queue, priority)
            items: list[Any] = client.eval(_TAKE, len(keys), *keys, most, time.time())
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
                client.eval(_REPLACE, 1, key, item, message)
                return True
    return False


def _is_message(item: Any) -> bool:
    """Return True for what `_TAKE` takes."""
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


def _give_back_lost(channel: Any, queue: str) -> None:
    """Put back what was taken off a queue too long ago.

    kombu's own way has a lock, which one that is killed meanwhile holds for five minutes.
    """
    before = time.time() - _visibility_timeout(channel)
    with channel.conn_or_acquire() as client:
        tags = client.zrangebyscore(channel.unacked_index_key, "-inf", before)
        for first in range(0, len(tags), _AT_ONCE):
            part = tags[first : first + _AT_ONCE]
            texts = client.hmget(channel.unacked_key, part)
            lost = [(tag, json.loads(text)) for tag, text in zip(part, texts, strict=True) if text]
            pairs = [(tag, json.dumps(message)) for tag, (message, _exchange, name) in lost if name == queue]
            if pairs:
                client.eval(_GIVE_BACK, 3, *_keys(channel, queue), before, *chain.from_iterable(pairs))


def _visibility_timeout(channel: Any) -> float:
    """Return after how many seconds a message that nobody acknowledged is lost, as Celery's workers see it."""
    for setting in ("CELERY_BROKER_TRANSPORT_OPTIONS", "BROKER_TRANSPORT_OPTIONS"):
        options = current_app.config.get(setting) or {}
        if "visibility_timeout" in options:
            return float(options["visibility_timeout"])
    return float(channel.visibility_timeout)


def _keys(channel: Any, queue: str, priority: int = 0) -> list[str]:
    names = (channel._q_for_pri(queue, priority), channel.unacked_index_key, channel.unacked_key)
    return [f"{channel.global_keyprefix}{name}" for name in names]  # kombu puts it before other commands itself
