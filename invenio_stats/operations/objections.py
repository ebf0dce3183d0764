"""Add the numbers of objections that web processes have sent to the ingest counters."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeGuard

from invenio_queues.queue import Queue
from invenio_search.utils import prefix_index

from invenio_stats.broker.consume import Inbox
from invenio_stats.core import names
from invenio_stats.operations.monitoring.ingest_counters import BODY, Counters
from invenio_stats.search.indices import create_index

REASON = "objection"

_MOST = 10**9
"""Events of one message; a number beyond it comes from no web process, and would overflow the counter for ever."""
_LONGEST_NAME_BYTES = 255
"""Bytes of the name of an event type, which is part of the id of a document."""


def count_objections(queue: Queue, client: Any) -> int:
    """Count what is on the queue; return the number of events that were not built.

    Numbers are acknowledged before they are written, so none is counted twice: those of one batch are missing if the
    worker is killed in between.
    """
    create_index(client, prefix_index(names.INGEST), BODY)  # an engine that is away fails here, and nothing is taken
    inbox, counted = Inbox(queue), 0
    while True:
        try:
            sums = _sum_up(inbox.consume())
            inbox.acknowledge()
        finally:
            inbox.release()
        for event_type, days in sums.items():
            counters = Counters(client, event_type)
            for day, number in days.items():
                counters.add(day, {REASON: number})
                counted += number
        if not inbox.has_more:
            return counted


def _sum_up(entries: Iterable[Mapping[str, Any]]) -> dict[str, Counter[date]]:
    """Return the numbers by event type and day; what is no such entry is left out."""
    sums: dict[str, Counter[date]] = {}
    for entry in entries:
        event_type, number = entry.get("event_type"), entry.get("count")
        if _is_name(event_type) and type(number) is int and 0 < number <= _MOST:
            try:
                day = date.fromisoformat(entry.get("date"))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                continue
            sums.setdefault(event_type, Counter())[day] += number
    return sums


def _is_name(value: Any) -> TypeGuard[str]:
    """Return whether a value can be the name of an event type; what is not printable the engine would not take."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= _LONGEST_NAME_BYTES
