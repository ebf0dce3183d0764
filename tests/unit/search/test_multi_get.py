"""Reading by id: what the engine cannot say is an error, and not a document that is not there."""

import json

import pytest
from invenio_search.engine import search

from invenio_stats.errors import StatsError
from invenio_stats.search import multi_get
from invenio_stats.search.multi_get import read, read_one

REF = {"_index": "stats-locks", "_id": "a"}


class Engine:
    """Answers with these documents."""

    def __init__(self, *documents):
        self.documents = documents

    def mget(self, body):
        assert json.loads(body) == {"docs": [REF] * len(self.documents)}
        return {"docs": list(self.documents)}


def test_documents_come_in_the_order_of_their_refs():
    documents = {"found": True, "_source": {}}, {"found": False}, {"error": {"type": "index_not_found_exception"}}
    assert read(Engine(*documents), [REF] * 3) == list(documents)


UNAVAILABLE = {"error": {"type": "no_shard_available_action_exception"}}


@pytest.fixture
def pauses(monkeypatch):
    """Return the pauses that were made; none takes any time."""
    made = []
    monkeypatch.setattr(multi_get.time, "sleep", made.append)
    return made


def test_a_shard_that_is_not_started_yet_is_asked_again(pauses):
    """As the shard of an index that another worker has created a moment ago."""
    engine = Engine(UNAVAILABLE)
    answers = iter([[UNAVAILABLE], [UNAVAILABLE], [{"found": False}]])
    engine.mget = lambda body: {"docs": next(answers)}
    assert read(engine, [REF]) == [{"found": False}]
    assert pauses == [0.1, 0.2]


@pytest.mark.parametrize(
    ("kind", "waited"), [("no_shard_available_action_exception", 3.1), ("illegal_argument_exception", 0)]
)
def test_what_cannot_be_read_is_an_error(pauses, kind, waited):
    """Else a run would begin anew, and give up the leases of others."""
    with pytest.raises(StatsError, match=f"cannot read a document: {kind}"):
        read(Engine({"error": {"type": kind}}), [REF])
    assert sum(pauses) == pytest.approx(waited)


@pytest.mark.parametrize("failures", [1, 4, 6])
def test_one_document_of_a_shard_that_is_not_started_yet_is_asked_for_again(pauses, failures):
    """The last failure is the client's exception, as it comes for any other reason at once."""
    engine = Engine()
    answers = iter([search.exceptions.TransportError(503, "unavailable")] * failures + [{"found": False}])

    def get(index, id, ignore):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    engine.get = get
    if failures == 6:
        with pytest.raises(search.exceptions.TransportError):
            read_one(engine, "stats-locks", "a")
    else:
        assert read_one(engine, "stats-locks", "a") == {"found": False}
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6][:failures]


def test_another_failure_of_one_document_is_told_at_once(pauses):
    engine = Engine()

    def get(index, id, ignore):
        raise search.exceptions.TransportError(403, "forbidden")

    engine.get = get
    with pytest.raises(search.exceptions.TransportError):
        read_one(engine, "stats-locks", "a")
    assert pauses == []
