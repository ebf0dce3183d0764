"""Requests about cells: an answer for each document, or none at all; what is not known is never guessed."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from invenio_search.engine import search

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core.double_click_documents import Document
from invenio_stats.core.double_clicks import DocumentRef
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.double_click_requests import STAMP_LIFE, Blocked, CellRequests, Found, Refusal, Write
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


BLOCKED = {"type": "cluster_block_exception", "reason": "index [clicks] blocked by: [FORBIDDEN/8/index write (api)];"}
NO_WRITE_INDEX = {"type": "illegal_argument_exception", "reason": "no write index is defined for alias [x]"}
FLOODED = {**BLOCKED, "reason": "index [clicks] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage...];"}
READ_ONLY = {**BLOCKED, "reason": "blocked by: [FORBIDDEN/6/cluster read-only (api)];"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(429, {"type": "circuit_breaking_exception"}, id="busy"),
        pytest.param(403, READ_ONLY, id="the whole cluster is blocked"),
        pytest.param(401, {"type": "security_exception"}, id="nobody is known"),
    ],
)
def test_a_write_that_the_engine_may_take_later_leaves_the_batch_where_it_is(status, error):
    """The engine's state is not the event's fault: nothing of it goes to the dead letters."""
    client = Scripted([CREATED, {"status": status, "error": error}])
    with pytest.raises(EngineUnavailableError, match=f"{status}.*{error['type']}"):
        requests_of(client).write([write("a"), write("b")])


@pytest.mark.parametrize(
    ("status", "error", "is_lasting"),
    [
        pytest.param(403, BLOCKED, True, id="a write block"),
        pytest.param(400, {"type": "index_closed_exception"}, True, id="closed"),
        pytest.param(404, {"type": "index_not_found_exception"}, True, id="no index, and none may be made"),
        pytest.param(400, NO_WRITE_INDEX, True, id="two indices"),
        pytest.param(403, {"type": "security_exception"}, True, id="not permitted here"),
        pytest.param(503, {"type": "unavailable_shards_exception"}, False, id="no primary"),
        pytest.param(429, FLOODED, False, id="the disk of its node is full"),
    ],
)
def test_what_one_index_refuses_is_said_of_that_index_alone(status, error, is_lasting):
    client = Scripted([CREATED, {"status": status, "error": error}])
    answers = requests_of(client).write([write("a"), write("b")])
    assert answers == [Version(4, 2), Blocked("clicks-2026-01-30", error["type"], is_lasting)]


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


def test_any_other_answer_is_not_taken_for_nothing_there():
    with pytest.raises(EngineUnavailableError, match="unknown"):
        requests_of(Scripted([{}])).read([DocumentRef(NOON, "x")])


@pytest.mark.parametrize(
    ("error", "is_lasting"),
    [
        ({"type": "index_closed_exception"}, True),
        ({**BLOCKED, "reason": "index [clicks] blocked by: [FORBIDDEN/7/index read (api)];"}, True),
        ({"type": "no_shard_available_action_exception"}, False),
        ({"type": "illegal_argument_exception"}, False),
    ],
)
def test_an_index_that_cannot_be_read_is_named(error, is_lasting):
    (answer,) = requests_of(Scripted([{"error": error}])).read([DocumentRef(NOON, "x")])
    assert answer == Blocked("clicks-2026-01-30", error["type"], is_lasting)


@pytest.mark.parametrize(
    ("stamp", "is_aged"),
    [(STAMP, False), ("2026-01-30T11:58:00+00:00", True), ("whenever", True), (None, True)],
)
def test_a_document_ages_by_its_stamp(stamp, is_aged):
    source = {"timestamp": "2026-01-30T12:00:20", "updated_timestamp": stamp}
    answer = {"found": True, "_source": source, "_seq_no": 1, "_primary_term": 1}
    (found,) = requests_of(Scripted([answer])).read([DocumentRef(NOON, "x")])
    assert found.is_aged is is_aged


@pytest.mark.expect_logged_errors
def test_a_document_that_is_no_event_is_named_and_stops_only_its_neighbours(caplog):
    answer = {"found": True, "_source": {"timestamp": "never"}, "_seq_no": 1, "_primary_term": 1}
    (found,) = requests_of(Scripted([answer])).read([DocumentRef(NOON, "x")])
    assert found == Blocked("clicks-2026-01-30", "document_is_no_event", is_lasting=True)
    assert (caplog.records[-1].index, caplog.records[-1].document) == ("clicks-2026-01-30", "x")


@pytest.mark.parametrize("document_id", ["\ud800", "x" * 600 + "\ud800"])
def test_an_id_that_is_no_text_is_refused_alone(document_id):
    """A foreign writer's; alone, and not with its batch."""
    client = Scripted([CREATED])
    answers = requests_of(client).write([write("a"), write(document_id)])
    assert answers[0] == Version(4, 2)
    assert isinstance(answers[1], Refusal)


def test_nothing_is_asked_for_nothing():
    assert requests_of(Scripted()).read([]) == requests_of(Scripted()).write([]) == []


def test_only_what_can_be_sent_is_sent():
    client = Scripted([CREATED])
    answers = requests_of(client).write([write("a", size=object()), write("b"), write("x" * 513)])
    assert answers == [Refusal("not JSON: TypeError"), Version(4, 2), Refusal("id_too_long")]
    assert client.requests[0]["body"].count(b"\n") == 2
