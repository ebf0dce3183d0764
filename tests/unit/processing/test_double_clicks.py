"""Double clicks by cells: the same as COUNTER's rule over a sorted list, whatever the order and the batches."""

import random
from datetime import datetime, timedelta, timezone
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.double_click_documents import to_document
from invenio_stats.core.double_clicks import cell_start
from invenio_stats.processing.double_clicks import CellWriter
from tests.fixtures.clicks import (
    MIDNIGHT,
    NOON,
    at,
    count_clicks,
    counted,
    counted_items,
    day_index,
    kept_by_thing,
    kept_items,
    make_click,
)
from tests.laws import examples
from tests.unit.processing.cell_engine import Client, Engine


def make_writer(engine, window=30, **options):
    client = Client(engine)
    return CellWriter(client, window, day_index, client.clock, **options), client


def store(clicks, window=30, size=None, writers=1):
    """Return the engine after the clicks were stored in batches of a size, by writers in turn."""
    engine = Engine()
    made = [make_writer(engine, window)[0] for _ in range(writers)]
    clicks = list(clicks)
    for number, begin in enumerate(range(0, len(clicks), size or max(len(clicks), 1))):
        made[number % writers].write(clicks[begin : begin + (size or len(clicks))])
    return engine


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param((60, 89), 1, id="29 seconds apart"),
        pytest.param((60, 90), 1, id="exactly the window"),
        pytest.param((60, 91), 2, id="a second more than the window"),
        pytest.param((60, 95), 2, id="35 seconds apart"),
        pytest.param((0, 25, 50), 1, id="a chain"),
        pytest.param((50, 0, 25), 1, id="a chain in another order"),
        pytest.param((0, 25, 50, 90), 2, id="a chain and another click"),
        pytest.param((3580, 3620), 2, id="across the hour, 40 seconds apart"),
        pytest.param((3590, 3610), 1, id="across the hour"),
        pytest.param((7, 7), 1, id="the same second"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, None])
def test_clicks_count_as_counter_says(seconds, expected, size):
    engine = store(at(*seconds), size=size)
    assert len(counted(engine.sources())["A", "P"]) == expected
    assert max(counted(engine.sources())["A", "P"]) == NOON + timedelta(seconds=max(seconds))


@pytest.mark.parametrize("size", [1, None])
def test_fifteen_pairs_within_twenty_seconds_are_fifteen_and_fifteen_within_thirty_five_are_thirty(size):
    clicks = [click for number in range(15) for click in at(100 * number, 100 * number + 20, person=f"a{number}")]
    clicks += [click for number in range(15) for click in at(100 * number, 100 * number + 35, person=f"b{number}")]
    assert sum(map(len, counted(store(clicks, size=size).sources()).values())) == 45


def test_clicks_on_two_things_are_two():
    """Two files of a record, or its page and a file of it."""
    assert len(counted(store([*at(0, thing="A"), *at(5, thing="B")]).sources())) == 2


@pytest.mark.parametrize("size", [1, None])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("start", [MIDNIGHT, MIDNIGHT + timedelta(days=1)], ids=["month", "day"])
def test_a_double_click_across_midnight_counts_on_the_new_day(start, order, size):
    """The visitor's key changes with the salt; a ghost under the old one chains on to yesterday's click."""
    engine = store(at(-10, 10, start=start)[::order], size=size)
    assert counted(engine.sources()) == {("A", "P"): [start + timedelta(seconds=10)]}


@pytest.mark.parametrize("order", [1, -1])
def test_without_yesterdays_salt_there_is_no_ghost_and_both_count(order):
    engine = store(at(-10, 10, start=MIDNIGHT, knows_yesterday=False)[::order])
    assert len(engine.documents) == 2
    assert len(counted(engine.sources())["A", "P"]) == 2


def test_a_ghost_holds_nothing_that_ties_the_keys_of_two_days():
    (ghost,) = (source for source in store(at(10, start=MIDNIGHT)).sources() if source.get("superseded"))
    assert set(ghost) == {"unique_id", "visitor_id", "timestamp", "superseded", "updated_timestamp"}
    assert ghost["visitor_id"] == "P@01-31"


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("start", [NOON, MIDNIGHT - timedelta(seconds=4)], ids=["noon", "midnight"])
def test_every_small_stream_is_counted_as_the_oracle_does(window, start):
    """All sets of up to nine seconds, forwards, backwards and shuffled, by two writers in turn."""
    rng = random.Random(window)
    for number in range(1, 10):
        for seconds in combinations(range(9), number):
            clicks = at(*seconds, start=start, window=window)
            for ordered in (clicks, clicks[::-1], rng.sample(clicks, len(clicks))):
                engine = store(ordered, window, size=rng.choice([1, 2, 3, 9]), writers=2)
                assert counted(engine.sources()) == kept_by_thing(clicks, window), (seconds, ordered)


@st.composite
def streams(draw):
    """Give a window, and clicks of a few people on a few things, doubled, shuffled and cut into batches."""
    window = draw(st.sampled_from([0, 1, 2, 10, 30, 60]))
    width = max(window, 1)
    start = draw(st.sampled_from([NOON, MIDNIGHT, MIDNIGHT + timedelta(days=3)])) - timedelta(seconds=2 * width)
    click = st.builds(
        lambda seconds, event_id, thing, person: make_click(
            start + timedelta(seconds=seconds),
            window,
            f"{event_id}{seconds}{thing}{person}",
            thing,
            person,
            item={"y": f"item of {seconds}"}.get(event_id),
        ),
        st.integers(0, 6 * width),
        st.sampled_from("xyz"),
        st.sampled_from("AB"),
        st.sampled_from("PQ"),
    )
    clicks = draw(st.lists(click, min_size=1, max_size=25))
    delivered = draw(st.permutations([*clicks, *draw(st.lists(st.sampled_from(clicks), max_size=8))]))
    return window, clicks, delivered, draw(st.integers(1, 12)), draw(st.integers(1, 3))


@examples(15)
@given(streams())
def test_streams_are_counted_as_the_oracle_does(stream):
    """Duplicated, shuffled, cut into batches, by one to three writers."""
    window, clicks, delivered, size, writers = stream
    engine = store(delivered, window, size, writers)
    assert counted(engine.sources()) == kept_by_thing(clicks, window)
    assert counted_items(engine.sources()) == kept_items(clicks, window)


@examples(3)
@given(streams())
def test_documents_are_the_same_whatever_the_order(stream):
    """Not only their number: also whose fields, event id and first click they hold.

    The ids that a document had before depend on the states in which it was stored.
    """
    window, _, delivered, size, writers = stream
    engines = store(delivered, window, size, writers), store(sorted(delivered, key=str), window)
    alone, other = (
        {key: {**source, "updated_timestamp": "", "former_ids": ()} for key, (source, _) in engine.documents.items()}
        for engine in engines
    )
    assert alone == other


@examples(3)
@given(streams())
def test_each_click_is_reported_once(stream):
    """So that what came in is what was stored, was there already, shares a document, or was refused."""
    window, _, delivered, size, _ = stream
    writer, _ = make_writer(Engine(), window)
    total = 0
    for begin in range(0, len(delivered), size):
        written = writer.write(delivered[begin : begin + size])
        total += written.stored + written.duplicates + written.collapsed + len(written.refused)
    assert total == len(delivered)


def test_what_is_reported_of_a_batch():
    writer, _ = make_writer(Engine())
    written = writer.write([*at(1, 5, 31), *at(5), *at(1, thing="B")])
    assert written == (3, 1, 1, [], 1, [])
    assert writer.write(at(5)) == (0, 1, 0, [], 0, [])
    assert writer.write(at(29)) == (0, 0, 1, [], 0, [])


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("size", [1, 2, None])
def test_the_click_that_counts_keeps_the_item_of_its_chain(order, size):
    """Its resolver failed; the clicks are in three cells."""
    clicks = [*at(10, item="I"), *at(20, item="J"), *at(45), *at(70)]
    (counting,) = (source for source in store(clicks[::order], size=size).sources() if not source.get("superseded"))
    assert (counting["item_id"], counting["parent_id"]) == ("J", "parent of J")
    assert counting["item_from"] == "2026-01-30T12:00:20 AP2026-01-30T12:00:20"


class Died(Exception):
    """The worker was killed."""


class Mortal(Client):
    """A client whose worker is killed instead of a request, or right after it."""

    def __init__(self, engine, requests):
        super().__init__(engine)
        self.left = requests

    def _do(self, operations):
        self.left -= 1
        if self.left < 0:
            raise Died
        return super()._do(operations)


def test_a_worker_that_is_killed_at_any_request_loses_no_item():
    """The next one finds the item already in the cell after the first, and has to carry it on."""
    clicks = [*at(20, item="I"), *at(45, 70, 95)]
    kills = 0
    while True:
        engine = Engine()
        client = Mortal(engine, kills)
        try:
            CellWriter(client, 30, day_index, client.clock).write(clicks)
        except Died:
            make_writer(engine)[0].write(clicks)
            kills += 1
        else:
            break
        assert counted_items(engine.sources()) == kept_items(clicks, 30)
        assert counted(engine.sources()) == kept_by_thing(clicks, 30)
    assert kills > 5


@pytest.mark.parametrize("order", [1, -1])
def test_an_item_does_not_cross_midnight(order):
    """Whatever the order: no document leads from the keys of one day to those of the next."""
    clicks = [*at(-10, item="I", start=MIDNIGHT), *at(10, start=MIDNIGHT)][::order]
    engine = store(clicks, size=1)
    assert counted(engine.sources()) == {("A", "P"): [MIDNIGHT + timedelta(seconds=10)]}
    assert [source.get("superseded") for source in engine.sources() if "item_id" in source] == [True]


def test_a_batch_takes_two_requests():
    """One bulk and one look at all neighbours; conflicts and flags add to it, numbers of events do not."""
    writer, client = make_writer(Engine())
    writer.write([click for number in range(50) for click in at(0, thing=str(number))])
    assert client.requests == ["bulk", "mget"]
    client.requests.clear()
    writer.write([click for number in range(50) for click in at(20, thing=str(number))])
    assert client.requests == ["bulk", "mget", "bulk", "mget"]
    client.requests.clear()
    writer.write([click for number in range(50) for click in at(45, thing=str(number))])
    assert client.requests == ["bulk", "mget", "bulk"]


def test_a_writer_does_not_check_twice_what_it_has_brought_to_the_end():
    """Another writer does: the first may have died between storing and checking."""
    engine = Engine()
    (first, first_client), (second, second_client) = make_writer(engine), make_writer(engine)
    first.write(at(0, 10))
    for client in (first_client, second_client):
        client.requests.clear()
    first.write(at(10))
    second.write(at(10))
    assert first_client.requests == ["bulk", "mget"]
    assert second_client.requests == ["bulk", "mget", "mget"]


def test_what_a_writer_remembers_is_bounded():
    writer, client = make_writer(Engine(), remembered=10)
    for number in range(30):
        writer.write(at(0, thing=str(number)))
    client.requests.clear()
    writer.write(at(0, thing="0"))
    assert client.requests == ["bulk", "mget", "mget"]


@pytest.mark.parametrize("window", [0, 30])
def test_events_of_nobody_are_each_their_own(window):
    clicks = [click._replace(fields={"unique_id": "A"}, identity=None) for click in at(0, 1, 2, window=window)]
    engine = store([*clicks, *clicks], window, size=2)
    assert {document_id for _, document_id in engine.documents} == {click.event_id for click in clicks}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_at_the_ends_of_the_calendar_there_is_no_neighbour(moment):
    click = make_click(datetime(2026, 1, 1, 12, tzinfo=timezone.utc))
    moment = datetime.fromisoformat(moment)
    engine = store([click._replace(moment=moment, cell=cell_start(moment, 30))])
    assert len(engine.documents) == 1


def test_a_document_of_an_older_release_is_merged_and_chained():
    """It has neither event id nor first click."""
    engine = store(at(5))
    ((key, (source, seq_no)),) = engine.documents.items()
    old = {name: value for name, value in source.items() if name not in ("event_id", "first")}
    engine.documents[key] = {**old, "timestamp": old["timestamp"] + "+00:00"}, seq_no
    make_writer(engine)[0].write(at(2, 32))
    assert counted(engine.sources())["A", "P"] == [NOON + timedelta(seconds=32)]
    assert to_document(engine.documents[key][0]).first == NOON + timedelta(seconds=2)


def test_the_oracle_is_counters_rule():
    moments = [NOON + timedelta(seconds=seconds) for seconds in (0, 25, 50, 90)]
    assert count_clicks(moments, 30) == 2
    assert count_clicks(moments, 0) == 4
    assert count_clicks(moments[::-1], 40) == 1
