"""Double clicks on a search engine, with several writers at once."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial

import pytest
from invenio_search.engine import SearchEngine

from invenio_stats.core import names
from invenio_stats.core.mappings import WHOLE
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.double_clicks import CellWriter
from invenio_stats.processing.event_indices import ensure_events_index
from tests.fixtures.clicks import MIDNIGHT, counted, kept_by_thing, make_click

TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def now():
    return datetime.now(timezone.utc)


class Counting:
    """A client that counts the conflicts that it is told of, and waits for others before its first bulks."""

    def __init__(self, client, barrier=None, turns=0):
        self._client, self._barrier, self._turns = client, barrier, turns
        self.transport, self.mget = client.transport, client.mget
        self.creates = self.replaces = 0

    def bulk(self, **arguments):
        if self._turns:
            self._turns -= 1
            self._barrier.wait(timeout=20)
        answer = self._client.bulk(**arguments)
        self.creates += sum(item.get("create", {}).get("status") == 409 for item in answer["items"])
        self.replaces += sum(item.get("index", {}).get("status") == 409 for item in answer["items"])
        return answer


@pytest.fixture
def alias(index_prefix):
    """The alias of all clicks: it leaves out what is superseded."""
    return f"{index_prefix}events-stats-clicks"


@pytest.fixture
def index_of(search_client, alias):
    """Return the function that names a cell's index; the index is made where a click is written to it."""
    return partial(names.events_index, alias)


@pytest.fixture
def ensure(search_client, alias):
    """Return a function that makes the indices of clicks."""
    ensured = lru_cache(lambda day: ensure_events_index(search_client, alias, day, fields={"size": WHOLE}))

    def ensure_indices(clicks):
        for click in clicks:
            ensured(click.cell.replace(hour=0, minute=0, second=0))
        return clicks

    return ensure_indices


@pytest.fixture
def make_writer(search_client, index_of):
    def make(client=search_client, window=30, **options):
        return CellWriter(client, window, index_of, now, **options)

    return make


@pytest.fixture
def sources(search_client, alias, refresh):
    """Return a function that gives the documents behind the alias, or in the indices."""

    def search_all(index=alias):
        refresh()
        hits = search_client.search(index=index, body={"size": 10_000}, ignore_unavailable=True)["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    return search_all


def at(*seconds, start=TODAY + timedelta(hours=1), **options):
    return [make_click(start + timedelta(seconds=second), **options) for second in seconds]


def stream(rng, start, width, people, number):
    """Return clicks of some people, and the same shuffled with every fifth of them twice."""
    clicks = [
        make_click(start + timedelta(seconds=rng.randrange(width)), thing=rng.choice("AB"), person=f"P{person}")
        for person in (rng.randrange(people) for _ in range(number))
    ]
    delivered = [*clicks, *rng.sample(clicks, number // 5)]
    rng.shuffle(delivered)
    return clicks, delivered


def write_all(writer, clicks, size):
    for begin in range(0, len(clicks), size):
        writer.write(clicks[begin : begin + size])


@pytest.mark.parametrize(
    ("start", "width", "people", "size"),
    [
        pytest.param(TODAY + timedelta(hours=1), 600, 40, 100, id="few people"),
        pytest.param(TODAY + timedelta(hours=1), 60, 3, 7, id="one minute of three people"),
        pytest.param(TODAY - timedelta(seconds=70), 140, 40, 50, id="midnight between daily indices"),
        pytest.param(MIDNIGHT - timedelta(seconds=70), 140, 40, 50, id="midnight between months that have an index"),
    ],
)
def test_workers_at_once_count_as_the_oracle_does(
    search_client, make_writer, ensure, sources, alias, start, width, people, size
):
    """Three workers share a stream, shuffled, with duplicates; two of them get the same part."""
    clicks, delivered = stream(random.Random(size), start, width, people, 1500)
    ensure(clicks)
    clients = [Counting(search_client) for _ in range(3)]
    parts = [delivered[: len(delivered) // 2], delivered[len(delivered) // 2 :], delivered[: len(delivered) // 2]]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write_all, map(make_writer, clients), parts, [size] * 3))
    assert counted(sources()) == kept_by_thing(clicks, 30)
    assert counted(sources(f"{alias}-*")) == counted(sources())
    assert sum(client.creates for client in clients) > 100


def test_of_two_writers_that_read_the_same_one_has_to_read_again(search_client, make_writer, ensure, sources):
    """Both find the same documents and merge into them: for each document one of the two sees what the other did."""
    people = [f"P{number}" for number in range(50)]
    first = [click for person in people for click in at(12, person=person)]
    parts = [[click for person in people for click in at(*seconds, person=person)] for seconds in ((5, 20), (25, 50))]
    make_writer().write(ensure(first))
    barrier = threading.Barrier(2)
    clients = [Counting(search_client, barrier, turns=2) for _ in parts]
    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(lambda client, part: make_writer(client).write(part), clients, parts))
    assert sum(client.replaces for client in clients) >= len(people)
    assert [outcome.stored for outcome in written] == [0, 50]
    assert counted(sources()) == kept_by_thing([*first, *parts[0], *parts[1]], 30)


def test_the_engine_is_asked_for_days_that_have_no_index(make_writer, sources):
    """A missing index holds no neighbour."""
    assert make_writer().write(at(5, start=TODAY)) == (1, 0, 0, [], 0, [])
    assert make_writer().write(at(86395, start=TODAY)) == (1, 0, 0, [], 0, [])


@pytest.mark.parametrize("size", ["nine", float("nan"), object()], ids=["mapping", "not a number", "not JSON"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_click_that_is_refused_takes_no_other_with_it(make_writer, ensure, sources, position, size):
    """Also not those of its own cell, whether it is their latest or not."""
    clicks = at(5, 10, 15)
    clicks[position].fields["size"] = size
    written = make_writer().write(ensure(clicks))
    refused = [clicks[position]] if position == 2 else []
    assert [refusal.click for refusal in written.refused] == refused
    assert written[:3] == (1, 0, 2 - len(refused))
    assert counted(sources())["A", "P"] == [clicks[1 if refused else 2].moment]


def test_a_refused_click_is_found_out_when_it_is_merged(make_writer, ensure, sources):
    writer = make_writer()
    writer.write(ensure(at(5)))
    bad, good = at(20, 10)
    bad.fields["size"] = "nine"
    written = writer.write([bad, good])
    assert [(refusal.click, refusal.reason) for refusal in written.refused] == [(bad, "mapper_parsing_exception")]
    assert counted(sources())["A", "P"] == [good.moment]


def test_an_id_that_the_engine_cannot_take_is_refused_alone(make_writer, ensure):
    clicks = [click._replace(fields={"unique_id": "A"}, identity=None) for click in at(1, 2)]
    clicks[0] = clicks[0]._replace(event_id="x" * 600)
    written = make_writer().write(ensure(clicks))
    assert (written.stored, [refusal.reason for refusal in written.refused]) == (1, ["id_too_long"])


def test_an_index_that_takes_no_flag_collapses_clicks_inside_a_cell_only(make_writer, ensure, sources, alias):
    """Such fields would get every event rejected; without `superseded` a ghost would count."""
    refused = ("superseded", "first", "event_id")
    writer = make_writer(refused_fields=lambda index: refused)
    assert writer.write(ensure(at(5, 29, 31, start=TODAY))) == (2, 0, 1, [], 0, [])
    assert len(sources(f"{alias}-*")) == 2
    for source in sources(f"{alias}-*"):
        assert not set(refused) & set(source)


def test_an_index_that_is_blocked_leaves_the_events_where_they_are(search_client, make_writer, ensure, alias):
    """An index is blocked while it is moved, or when the disk is full: the event is not to blame."""
    ensure(at(5))
    search_client.indices.put_settings(index=f"{alias}-*", body={"index.blocks.write": True})
    try:
        (postponed,) = make_writer().write(at(5)).postponed
        assert postponed.blocked.reason == "cluster_block_exception"
    finally:
        search_client.indices.put_settings(index=f"{alias}-*", body={"index.blocks.write": None})
    assert make_writer().write(at(5)).stored == 1


def test_an_engine_that_does_not_answer_leaves_the_events_where_they_are(make_writer):
    with pytest.raises(EngineUnavailableError, match="not available"):
        make_writer(SearchEngine(["http://127.0.0.1:9"], max_retries=0)).write(at(5))
