"""The state of a reclassification in the engine, with which a killed one is completed."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.completeness.index import shared_document
from invenio_stats.errors import StatsError
from invenio_stats.operations.reclassification.outdated_events import Group
from invenio_stats.search.versions import Source

_ID = "reclassification:"
_ATTEMPTS = 5


class Pending(NamedTuple):
    """Clicks that are being rewritten: some may be, and others not."""

    event_type: str
    index_name: str
    groups: list[Group]


class State(NamedTuple):
    """A reclassification that has begun, and not ended."""

    began: str
    """Moment in ISO format: what has changed since has to be counted again."""
    lists: str
    """Version of the lists by which it began."""
    edges: tuple[str | None, str | None]
    """First and last day."""
    months: Mapping[str, Mapping[str, int]]
    """How much the numbers change, as it was found before it began."""
    days: Mapping[str, Sequence[str]]
    """By event type, the days with changed events."""
    pending: Pending | None = None


def read_state(client: Any) -> State | None:
    """Return the state of a reclassification that has not ended; None if there is none."""
    source = shared_document(client, _ID).source.get("state")
    if not source:
        return None
    pending = source["pending"] and Pending(
        source["pending"][0], source["pending"][1], [Group(*group) for group in source["pending"][2]]
    )
    return State(**{**source, "edges": tuple(source["edges"]), "pending": pending})


def write_state(client: Any, state: State | None) -> None:
    """Keep the state; None when the reclassification has ended. StatsError if two of them run at the same time."""
    before = read_state(client)
    if state is not None and before is not None and before.began != state.began:
        raise StatsError("Another reclassification has begun meanwhile. Let it end, and run the command again.")

    def change(source: Source) -> Source:
        return {"event_type": _ID, "state": None if state is None else state._asdict()}

    if not shared_document(client, _ID).change(change, _ATTEMPTS):
        raise StatsError("Another reclassification is at work. Let it end, and run the command again.")
