"""Record failures and dropped events of a batch while it is built and stored."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from invenio_stats.broker.dead_letters import RejectedEvent
from invenio_stats.core.moments import BEGINNING


def nothing_is_too_old() -> datetime:
    """Return the earliest possible day: a first complete day with which no event is rejected as too old."""
    return BEGINNING


class AgentKey(NamedTuple):
    """A user agent by which events are automated traffic."""

    agent_id: str
    """Its id in the catalog; an empty text if the event has none."""
    agent_class: str


@dataclass
class Batch:
    """Created by the batch runner, filled in while events are built and stored, and read by the runner at the end."""

    first_complete_day: Callable[[], datetime] = nothing_is_too_old
    """Returns the day before which events are too old; it queries the engine at most once in a run."""
    failures: list[RejectedEvent] = field(default_factory=list)
    """Events that can never be stored, each with its reason; complete when the batch is stored."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Events that a preprocessor dropped, by reason."""
    agents: Counter[AgentKey] = field(default_factory=Counter)
    """Events of robots, AI agents and tools, dropped or flagged, by their agent."""
