"""The driver of a connection decides which reader and which publisher is used."""

from types import SimpleNamespace

import amqp
import pytest
from kombu import Connection
from kombu.transport.redis import Transport as RedisTransport

from invenio_stats.broker.transports import amqp_publisher, basic_publisher, drivers, redis
from invenio_stats.broker.transports.amqp_consumer import AmqpReader
from invenio_stats.broker.transports.basic_reader import Reader
from invenio_stats.broker.transports.drivers import open_reader
from invenio_stats.broker.transports.redis import RedisReader


class FakeConnection:
    """A pooled connection whose transport names a driver."""

    connection_errors = ()
    connected = True
    _connection = _default_channel = None

    def __init__(self, driver):
        self.transport = SimpleNamespace(driver_type=driver)
        self.closed = 0

    def connect(self):
        pass

    def channel(self):
        return SimpleNamespace(connection=SimpleNamespace(client=self), close=self._close)

    def release(self):
        pass

    def _close(self):
        self.closed += 1


def queue_on(connection):
    """Return what stands for a queue whose connections come from a pool."""
    return SimpleNamespace(connection_pool=SimpleNamespace(acquire=lambda **options: connection))


@pytest.mark.parametrize(
    ("driver", "expected", "returns_on_close"),
    [
        pytest.param("amqp", AmqpReader, True, id="RabbitMQ"),
        pytest.param(RedisTransport.driver_type, RedisReader, False, id="Redis"),
        pytest.param("memory", Reader, False, id="another"),
    ],
)
def test_the_transport_is_chosen_once(driver, expected, returns_on_close):
    connection = FakeConnection(driver)
    with open_reader(queue_on(connection)) as reader:
        assert type(reader) is expected
        assert reader.returns_on_close is returns_on_close
        assert connection.closed == 0
    assert connection.closed == 1


@pytest.mark.parametrize("driver", ["amqp", "redis", "memory"])
def test_messages_go_to_the_publisher_of_the_transport(monkeypatch, driver):
    """A transport without a publisher in the table has the one that works everywhere."""
    published = []

    def note(name):
        return lambda connection, model, exchange, messages, deadline: published.append((name, messages))

    monkeypatch.setattr(amqp_publisher, "publish", note("amqp"))
    monkeypatch.setattr(redis, "publish", note("redis"))
    monkeypatch.setattr(basic_publisher, "publish", note("memory"))
    pool = SimpleNamespace(acquire=lambda **options: FakeConnection(driver), connection=None)
    drivers.deliver(pool, None, ["message"])
    assert published == [(driver, ["message"])]


def test_kombu_names_the_drivers_so():
    """The names are kombu's; a channel knows the connection that it belongs to."""
    assert Connection("amqp://").transport_cls == "amqp"
    assert Connection("amqp://").get_transport_cls().driver_type == "amqp"
    connection = Connection("memory://")
    assert connection.channel().connection.client is connection


class Message:
    """A message that notes its acknowledgement."""

    def __init__(self, noted):
        self._noted = noted

    def ack(self, multiple=False):
        self._noted.append(multiple)


@pytest.mark.parametrize(
    ("reader", "expected"), [pytest.param(Reader, [False] * 3, id="each"), pytest.param(AmqpReader, [True], id="AMQP")]
)
def test_the_oldest_are_acknowledged_as_the_transport_can(reader, expected):
    noted = []
    reader(None).acknowledge_oldest([Message(noted) for _ in range(3)])
    reader(None).acknowledge_oldest([])
    assert noted == expected


def test_on_amqp_a_selection_is_acknowledged_one_by_one():
    """Those between them were looked at and stay."""
    noted = []
    AmqpReader(None).acknowledge([Message(noted) for _ in range(3)])
    assert noted == [False] * 3


class PushingChannel:
    """An AMQP channel that counts `waiting` messages and pushes `pushed` of them; the rest can be got."""

    def __init__(self, waiting, pushed, got=0):
        self.waiting, self.pushed, self.left = waiting, pushed, got
        self.calls = []

    def basic_qos(self, size, count, is_global):
        self.calls.append(("qos", count))

    def basic_consume(self, name, callback):
        self.calls.append(("consume", name))
        return "tag"

    def basic_cancel(self, tag):
        self.calls.append(("cancel", tag))


@pytest.mark.parametrize(
    ("waiting", "most", "pushed", "left", "expected"),
    [
        pytest.param(0, 5, 0, 1, (1, 0), id="counted too early"),
        pytest.param(3, 5, 3, 4, (5, 3), id="more have come"),
        pytest.param(9, 5, 5, 4, (5, 5), id="a full batch"),
        pytest.param(3, 5, 2, 0, (2, 3), id="another worker was quicker"),
    ],
)
def test_no_more_is_pushed_than_is_waited_for(monkeypatch, waiting, most, pushed, left, expected):
    channel, got = PushingChannel(waiting, pushed), iter([SimpleNamespace(headers=None)] * left)
    bound = SimpleNamespace(
        queue_declare=lambda passive: amqp.protocol.queue_declare_ok_t("q", waiting, 0),
        get=lambda no_ack: next(got, None),
    )
    monkeypatch.setattr(AmqpReader, "queue", lambda self, name: bound)
    monkeypatch.setattr(
        "invenio_stats.broker.transports.amqp_consumer.Deliveries",
        lambda channel: SimpleNamespace(
            take=None, arrived=[SimpleNamespace(headers=None)] * pushed, wait_for=lambda count, seconds: None
        ),
    )
    found = list(AmqpReader(channel).receive("q", most))
    asked = dict(channel.calls).get("qos", 0)
    assert (len(found), asked) == expected
