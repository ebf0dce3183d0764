"""Count the user agents whose events are excluded as automated, for each day and event type.

An agent is named by its id in the user-agent catalog, which has no link to a person.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from functools import partial
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.frequent_keys import Summary, merge
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.operations.monitoring.ingest_counters import BODY
from invenio_stats.processing.batch import AgentKey
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import read
from invenio_stats.search.versions import SharedDocument, Source

MAX_AGENTS = 200
"""Agents that are kept for each day and event type."""
MAX_CLICKS_HELD = 10_000
"""Clicks of a run that are not written yet: as many are missing if the worker is killed."""

_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 0.05

AgentSummary = Summary[AgentKey]

_FIRST_DAY = date(2020, 1, 1)
"""No agents were counted before: a document is read for each day, and a range may begin in the year 1."""
_AHEAD = timedelta(days=366)
"""How far the clock of a worker may have been ahead."""


class ExcludedAgents:
    """The counts of one event type in one run. Several workers may count at the same time."""

    def __init__(self, client: Any, event_type: str):
        """Take the client and the event type; nothing is read yet."""
        self._client = client
        self._event_type = event_type
        self._held: dict[date, Counter[AgentKey]] = {}

    def add(self, day: date, clicks: Mapping[AgentKey, int]) -> None:
        """Add the clicks of a batch; they are written when there are many. Errors are those of `write`."""
        if clicks:
            self._held.setdefault(day, Counter()).update(clicks)
        if sum(held.total() for held in self._held.values()) > MAX_CLICKS_HELD:
            self.write()

    def write(self) -> None:
        """Write what is held, with two requests for each day.

        EngineUnavailableError if every attempt conflicts with other workers. After an error it is unknown what was
        written, so the numbers are not written again.
        """
        held, self._held = self._held, {}
        for day, clicks in held.items():
            index = prefix_index(names.INGEST)
            create = partial(create_index, self._client, index, BODY)
            document = SharedDocument(self._client, index, _id(day, self._event_type), create)
            change = partial(_add, day, self._event_type, Summary(clicks, 0))
            if not document.change(change, _MAX_ATTEMPTS, _MAX_PAUSE_SECONDS):
                raise EngineUnavailableError(f"Other workers keep changing the agents of {self._event_type!r}.")


def read_agents(client: Any, first: date, last: date, event_types: Iterable[str]) -> AgentSummary:
    """Return the agents that were excluded most often from one day to another, inclusive, of some event types."""
    today = datetime.now(timezone.utc).date()
    first, last = max(first, _FIRST_DAY), min(last, today + _AHEAD)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    ids = [_id(day, event_type) for event_type in event_types for day in days]
    if not ids:
        return Summary({}, 0)
    found = read(client, [{"_index": prefix_index(names.INGEST), "_id": document_id} for document_id in ids])
    summaries = [_summary(document.get("_source", {})) for document in found]
    counts: Counter[AgentKey] = Counter()
    for summary in summaries:
        counts.update(summary.counts)
    return Summary(counts, sum(summary.missed for summary in summaries))


def _add(day: date, event_type: str, seen: AgentSummary, source: Source) -> Source:
    """Return the document with what this run has seen. It has no reason, by which counters are found."""
    summary = merge(_summary(source), seen, MAX_AGENTS)
    by_clicks = sorted(summary.counts.items(), key=lambda counted: (-counted[1], counted[0]))
    return {
        "date": day.isoformat(),
        "event_type": event_type,
        "agents": [{**agent._asdict(), "clicks": clicks} for agent, clicks in by_clicks],
        "missed": summary.missed,
    }


def _summary(source: Source) -> AgentSummary:
    counts = {AgentKey(agent["agent_id"], agent["agent_class"]): agent["clicks"] for agent in source.get("agents", ())}
    return Summary(counts, source.get("missed", 0))


def _id(day: date, event_type: str) -> str:
    return f"{day.isoformat()}:{event_type}:agents"
