"""Prepared events: how a log's events are stored, to aggregate the same ones whoever is measured."""

import hashlib
from typing import Any, NamedTuple

from comparison.workload import Logged


class Prepared(NamedTuple):
    """One event as it is stored."""

    kind: str
    month: str
    document_id: str
    document: dict[str, Any]


def prepare(event: Logged) -> Prepared:
    """Return an event as an indexer would have stored it, a second after it happened."""
    raw, moment = event.raw, event.raw["timestamp"]
    person = ("ip_address", "user_agent", "user_id", "session_id")
    document = {name: value for name, value in raw.items() if name not in person}
    who = raw["user_id"] or f"{raw['ip_address']}|{raw['user_agent']}"
    visitor = _hash(f"{moment[:10]}{who}")
    thing = (raw["bucket_id"], raw["file_id"]) if event.kind == "file-download" else (raw["pid_type"], raw["pid_value"])
    unique_id = "_".join(thing)
    document.update(
        unique_id=unique_id,
        visitor_id=visitor,
        unique_session_id=_hash(f"{moment[:13]}{who}"),
        country=None,
        is_robot=event.category != "human",
        is_machine=event.category == "machine",
        updated_timestamp=f"{moment}.500000+00:00",
    )
    cell = f"{moment[:18]}0"
    identity = hashlib.sha1(f"{unique_id}{visitor}".encode(), usedforsecurity=False).hexdigest()
    return Prepared(event.kind, moment[:7], f"{cell}-{identity}", document)


def _hash(text: str) -> str:
    return hashlib.sha224(text.encode()).hexdigest()
