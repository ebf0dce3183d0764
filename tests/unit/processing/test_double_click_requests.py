"""Requests about cells: an answer for each document, or none at all; what is not known is never guessed."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from invenio_search.engine import search

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core.double_clicks import Document, DocumentRef
from invenio_stats.errors import EngineUnavailableError, StatsError
from invenio_stats.processing.double_click_requests import STAMP_LIFE, CellRequests, Found, Refusal, Write
from invenio_stats.search.versions import Version
from tests.fixtures.clicks import NOON, day_index

CREATED = {"status": 201, "_seq_no": 4, "_primary_term": 2}
EXISTS = {"status": 409, "error": {"type": "version_conflict_engine_exception"}}
MALFORMED = {"status": 400, "error": {"type": "mapper_parsing_exception", "reason": "quotes the document"}}
STAMP = "2026-01-30T12:00:00+00:00"


class Scripted:
    """A client that gives prepared answers and keeps the requests; an exception is raised."""

    transport = SimpleNamespace(serializer=SimpleNamespace())

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def bulk(self, **request):
        return self._answer("items", request)

    def mget(self, **request):
        return self._answer("docs", request)

    def _answer(self, key, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {key: [{"create": item} for item in answer] if key == "items" else answer}


def requests_of(client, clock=lambda: NOON):
    return CellRequests(client, day_index, clock, lambda index: ())


def write(document_id="x", version=None, **fields):
    return Write(DocumentRef(NOON, document_id), Document(fields, "E", NOON, NOON), version)


def failure(status, kind=search.exceptions.TransportError):
    return kind(status, "failed", {})


def test_each_write_has_its_answer():
    client = Scripted([CREATED, EXISTS, MALFORMED])
    answers = requests_of(client).write([write("a"), write("b"), write("c")])
    assert answers == [Version(4, 2), None, Refusal("mapper_parsing_exception")]


def test_what_is_sent_is_created_or_compared_and_stamped_with_the_moment_of_the_request():
    client = Scripted([CREATED, CREATED])
    requests_of(client).write([write('quo"ted\n', size=1), write("b", Version(7, 3))])
    lines = [json.loads(line) for line in client.requests[0]["body"].splitlines()]
    event = {"timestamp": "2026-01-30T12:00:00", "updated_timestamp": STAMP, "event_id": "E"}
    assert lines == [
        {"create": {"_index": "clicks-2026-01-30", "_id": 'quo"ted\n'}},
        {**event, "size": 1},
        {"index": {"_index": "clicks-2026-01-30", "_id": "b", "if_seq_no": 7, "if_primary_term": 3}},
        event,
    ]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(429, "circuit_breaking_exception", id="busy"),
        pytest.param(503, "unavailable_shards_exception", id="no primary"),
        pytest.param(403, "cluster_block_exception", id="blocked while it is moved"),
        pytest.param(404, "index_not_found_exception", id="no index, and none may be made"),
    ],
)
def test_a_write_that_may_succeed_later_leaves_the_batch_where_it_is(status, error):
    """The engine's state is not the event's fault: nothing of it goes to the dead letters."""
    client = Scripted([CREATED, {"status": status, "error": {"type": error}}])
    with pytest.raises(EngineUnavailableError, match=f"{status} for 1 of 2.*{error}"):
        requests_of(client).write([write("a"), write("b")])


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(failure(429), id="busy"),
        pytest.param(failure(503), id="unavailable"),
        pytest.param(failure("N/A", search.exceptions.ConnectionError), id="away"),
        pytest.param(failure("TIMEOUT", search.exceptions.ConnectionTimeout), id="no answer in time"),
    ],
)
@pytest.mark.parametrize("ask", [lambda it: it.write([write()]), lambda it: it.read([DocumentRef(NOON, "x")])])
def test_an_engine_without_an_answer_leaves_the_batch_where_it_is(error, ask):
    with pytest.raises(EngineUnavailableError, match="not available"):
        ask(requests_of(Scripted(error)))


def test_a_request_that_is_not_permitted_is_an_error_of_its_own():
    with pytest.raises(search.exceptions.AuthorizationException):
        requests_of(Scripted(failure(403, search.exceptions.AuthorizationException))).write([write()])


def test_a_batch_that_is_too_large_is_sent_in_parts():
    too_large = failure(413)
    client = Scripted(too_large, [CREATED], too_large, [CREATED], too_large)
    answers = requests_of(client).write([write("a"), write("b"), write("c")])
    assert answers == [Version(4, 2), Version(4, 2), Refusal("too_large")]


def test_an_answer_that_came_too_late_counts_for_nothing():
    """Aggregations read again what was stamped shortly before they ran last, and no more than that."""
    moments = iter([NOON, NOON + timedelta(seconds=61)])
    with pytest.raises(EngineUnavailableError, match="more than 60 s"):
        requests_of(Scripted([CREATED]), lambda: next(moments)).write([write()])


def test_a_stamp_lives_shorter_than_what_aggregations_read_again():
    """With a refresh interval of up to 30 seconds, as foreign templates may have it, and clocks that differ by 15."""
    assert STAMP_LIFE + timedelta(seconds=45) < StatAggregator.overlap


def test_what_is_read_is_found_or_not_there():
    source = {"timestamp": "2026-01-30T12:00:20", "first": "2026-01-30T12:00:02", "updated_timestamp": STAMP}
    client = Scripted(
        [
            {"found": True, "_source": source, "_seq_no": 1, "_primary_term": 1},
            {"found": False},
            {"error": {"type": "index_not_found_exception"}},
        ]
    )
    found, *others = requests_of(client).read([DocumentRef(NOON, document_id) for document_id in "abc"])
    document = Document(source, "", NOON + timedelta(seconds=2), NOON + timedelta(seconds=20))
    assert found == Found(document, Version(1, 1), is_aged=False)
    assert others == [None, None]
    assert client.requests[0]["preference"] == "_primary"


@pytest.mark.parametrize("error", ["no_shard_available_action_exception", "illegal_argument_exception", "unknown"])
def test_any_other_answer_is_not_taken_for_nothing_there(error):
    answer = {} if error == "unknown" else {"error": {"type": error}}
    with pytest.raises(EngineUnavailableError, match=error):
        requests_of(Scripted([answer])).read([DocumentRef(NOON, "x")])


@pytest.mark.parametrize(
    ("stamp", "is_aged"),
    [(STAMP, False), ("2026-01-30T11:58:00+00:00", True), ("whenever", True), (None, True)],
)
def test_a_document_ages_by_its_stamp(stamp, is_aged):
    source = {"timestamp": "2026-01-30T12:00:20", "updated_timestamp": stamp}
    answer = {"found": True, "_source": source, "_seq_no": 1, "_primary_term": 1}
    (found,) = requests_of(Scripted([answer])).read([DocumentRef(NOON, "x")])
    assert found.is_aged is is_aged


def test_a_document_that_is_no_event_is_named():
    answer = {"found": True, "_source": {"timestamp": "never"}, "_seq_no": 1, "_primary_term": 1}
    with pytest.raises(StatsError, match="'x' in 'clicks-2026-01-30'.*'never'"):
        requests_of(Scripted([answer])).read([DocumentRef(NOON, "x")])


def test_nothing_is_asked_for_nothing():
    assert requests_of(Scripted()).read([]) == requests_of(Scripted()).write([]) == []


def test_only_what_can_be_sent_is_sent():
    client = Scripted([CREATED])
    answers = requests_of(client).write([write("a", size=object()), write("b"), write("x" * 513)])
    assert answers == [Refusal("not JSON: TypeError"), Version(4, 2), Refusal("id_too_long")]
    assert client.requests[0]["body"].count(b"\n") == 2
