"""Compare-and-set: nobody writes over what he has not read, and nobody tries for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invenio_search.engine import search

from invenio_stats.search.versions import (
    SharedDocument,
    Version,
    build_guard,
    choose_operation,
    retry_conflicts,
    version_of,
)


class OneDocument:
    """An engine with one document, which others change whenever `interfere` says so."""

    def __init__(self, interfere=lambda: None):
        self.interfere = interfere
        self.has_index = False
        self.source, self.seq_no = None, -1
        self.requests = []

    def create_index(self):
        self.requests.append("create index")
        self.has_index = True

    def put(self, source):
        self.source, self.seq_no, self.has_index = source, self.seq_no + 1, True

    def get(self, index, id, ignore):
        assert (index, id, ignore) == ("shared", "x", [404])
        self.requests.append("get")
        if not self.has_index:
            return {"error": {"type": "index_not_found_exception"}, "status": 404}
        if self.source is None:
            return {"found": False}
        return {"found": True, "_source": self.source, "_seq_no": self.seq_no, "_primary_term": 1}

    def index(self, index, id, body, op_type=None, if_seq_no=None, if_primary_term=None):
        self.requests.append("index")
        assert self.has_index
        self.interfere()
        if (op_type == "create") is not (self.source is None) or (if_seq_no is not None and if_seq_no != self.seq_no):
            raise search.exceptions.ConflictError(409, "version_conflict_engine_exception", {})
        self.put(body)
        return {"_seq_no": self.seq_no, "_primary_term": 1}


def shared(engine, found=None):
    return SharedDocument(engine, "shared", "x", engine.create_index, found)


def add(source):
    return {"count": source.get("count", 0) + 1}


def test_a_document_that_is_not_there_is_created():
    assert (choose_operation(None), build_guard(None)) == ("create", {})


def test_a_version_is_written_over_by_its_numbers():
    version = Version.of({"_seq_no": 7, "_primary_term": 3, "found": True})
    assert choose_operation(version) == "index"
    assert build_guard(version) == {"if_seq_no": 7, "if_primary_term": 3}


def test_only_what_was_found_has_a_version():
    assert version_of({"found": True, "_seq_no": 0, "_primary_term": 1}) == Version(0, 1)
    assert version_of({"found": False}) is None
    assert version_of({"error": {"type": "index_not_found_exception"}}) is None


def test_the_index_is_made_before_the_first_write_and_once():
    engine = OneDocument()
    document = shared(engine)
    assert document.change(add, 1)
    assert document.change(add, 1)
    assert engine.source == document.source == {"count": 2}
    assert engine.requests == ["get", "create index", "index", "index"]


def test_what_was_just_read_is_not_read_again():
    engine = OneDocument()
    engine.put({"count": 5})
    found = engine.get("shared", "x", [404])
    engine.requests.clear()
    assert shared(engine, found).change(add, 1)
    assert (engine.source, engine.requests) == ({"count": 6}, ["index"])


def test_after_a_conflict_the_document_is_read_and_made_again():
    engine = OneDocument()
    document = shared(engine)
    engine.put({"count": 10})
    assert document.change(add, 2)
    assert engine.source == {"count": 11}
    assert engine.requests == ["get", "create index", "index", "get", "index"]


def test_nothing_is_written_where_nothing_is_to_be_changed():
    engine = OneDocument()
    assert shared(engine).change(lambda source: None, 1)
    assert engine.requests == ["get"]


def test_who_is_too_slow_each_time_is_told_and_has_changed_nothing():
    engine = OneDocument()
    engine.put({"count": 0})
    engine.interfere = lambda: engine.put({"count": engine.source["count"] + 100})
    assert not shared(engine).change(add, 3)
    assert engine.source == {"count": 300}
    assert engine.requests == ["get", "index", "get", "index", "get", "index"]


@given(st.lists(st.booleans(), max_size=12))
def test_no_change_of_anybody_is_lost(interference):
    """Two that count together: whoever wins, the sum is right."""
    script = iter(interference)
    engine = OneDocument()
    engine.put({"count": 0})
    others = 0

    def interfere():
        nonlocal others
        if next(script, False):
            others += 1
            engine.put({"count": engine.source["count"] + 1})

    engine.interfere = interfere
    document = shared(engine)
    assert all(document.change(add, 20) for _ in range(3))
    assert engine.source == {"count": 3 + others}


@pytest.mark.parametrize(
    ("attempts", "left", "steps"),
    [pytest.param(5, 0, 3, id="done before the last attempt"), pytest.param(2, 1, 2, id="not done after the last")],
)
def test_only_what_is_pending_is_done_again(attempts, left, steps):
    seen = []

    def step(pending):
        seen.append(list(pending))
        return pending[1:]

    assert len(retry_conflicts(["a", "b", "c"], step, attempts)) == left
    assert seen == [["a", "b", "c"], ["b", "c"], ["c"]][:steps]


def test_nothing_pending_takes_no_step():
    assert retry_conflicts([], pytest.fail, 5) == []


def test_pauses_come_between_attempts_only(monkeypatch):
    """A first attempt waits for nobody, and after the last there is nothing to wait for."""
    pauses = []
    monkeypatch.setattr("invenio_stats.search.versions.time.sleep", pauses.append)
    assert retry_conflicts("x", lambda pending: pending, 3, longest_pause=0.05) == "x"
    assert len(pauses) == 2
    assert all(0 <= pause <= 0.05 for pause in pauses)
