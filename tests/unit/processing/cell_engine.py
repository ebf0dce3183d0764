"""A search engine reduced to what cells ask of it: documents by id, each with a version."""

import copy
import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, NamedTuple

START = datetime(2026, 3, 1, tzinfo=timezone.utc)


class Operation(NamedTuple):
    """What the engine does at once: reads, creates, or replaces one document."""

    kind: str
    index: str
    document_id: str
    source: Any = None
    seq_no: int | None = None

    @property
    def writes(self) -> bool:
        return self.kind != "get"


class Engine:
    """The documents, the clock, and when each document last changed in more than its stamp."""

    def __init__(self):
        self.documents: dict[tuple[str, str], tuple[dict, int]] = {}
        self.changed_at: dict[tuple[str, str], datetime] = {}
        self.indices: set[str] = set()
        self.now = START

    def copy(self) -> "Engine":
        twin = copy.copy(self)
        twin.documents, twin.changed_at, twin.indices = dict(self.documents), dict(self.changed_at), set(self.indices)
        return twin

    def sources(self) -> list[dict]:
        return [source for source, _ in self.documents.values()]

    def do(self, operation: Operation) -> dict:
        key = operation.index, operation.document_id
        if not operation.writes:
            return self._get(key)
        self.indices.add(operation.index)
        source, seq_no = self.documents.get(key, (None, None))
        if seq_no != operation.seq_no:  # None: it is to be created
            return {"status": 409, "error": {"type": "version_conflict_engine_exception"}}
        if source is None or content(source) != content(operation.source):
            self.changed_at[key] = self.now
        # Counted for each document, unlike the engine's: what does not touch the same document commutes.
        self.documents[key] = operation.source, (seq_no or 0) + 1
        return {"status": 200 if source else 201, "_seq_no": (seq_no or 0) + 1, "_primary_term": 1}

    def _get(self, key: tuple[str, str]) -> dict:
        if key[0] not in self.indices:
            return {"error": {"type": "index_not_found_exception"}}
        if key not in self.documents:
            return {"found": False}
        source, seq_no = self.documents[key]
        return {"found": True, "_source": source, "_seq_no": seq_no, "_primary_term": 1}


def content(source: dict) -> dict:
    """Return a document without its stamp."""
    return {name: value for name, value in source.items() if name != "updated_timestamp"}


class Client:
    """The engine as a client of it shows it; a request's operations are done one after the other."""

    transport = SimpleNamespace(serializer=SimpleNamespace())

    def __init__(self, engine: Engine):
        self.engine = engine
        self.requests: list[str] = []
        self.conflicts = 0

    def clock(self) -> datetime:
        self.engine.now += timedelta(milliseconds=1)
        return self.engine.now

    def bulk(self, body: str, filter_path: str) -> dict:
        self.requests.append("bulk")
        lines = [json.loads(line) for line in body.splitlines()]
        operations = [write_of(head, source) for head, source in zip(lines[::2], lines[1::2], strict=True)]
        items = [{operation.kind: answer} for operation, answer in zip(operations, self._do(operations), strict=True)]
        self.conflicts += sum(answer["status"] == 409 for item in items for answer in item.values())
        return {"items": items}

    def mget(self, body: bytes, preference: str, filter_path: str) -> dict:
        self.requests.append("mget")
        assert preference == "_primary"
        return {
            "docs": self._do(
                [Operation("get", document["_index"], document["_id"]) for document in json.loads(body)["docs"]]
            )
        }

    def _do(self, operations: list[Operation]) -> list[dict]:
        return [self.engine.do(operation) for operation in operations]


def write_of(head: dict, source: dict) -> Operation:
    """Return the operation of two lines of a bulk."""
    ((kind, target),) = head.items()
    assert (kind == "index") == ("if_seq_no" in target)
    return Operation(kind, target["_index"], target["_id"], source, target.get("if_seq_no"))
