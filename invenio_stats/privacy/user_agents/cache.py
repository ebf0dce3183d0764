"""Known agents: what an agent's text tells, worked out once for each and remembered."""

import threading
from collections.abc import Iterable
from datetime import date, datetime, timezone
from functools import cache, lru_cache
from typing import NamedTuple

from flask import current_app

from invenio_stats.privacy.user_agents.classifier import LOOKED_AT, REMEMBERED, AgentClass, Classifier

_KEY = "invenio-stats-agents"


class Agent(NamedTuple):
    """What is kept of an agent."""

    agent_id: str
    text: str
    """Reduced: it tells the kind of agent, and nothing of a person."""
    agent_class: AgentClass
    lists_version: str
    is_robot: bool = False
    """Of the whole text: the class does not tell it of tools."""


_lock = threading.Lock()
_noted: dict[str, date] = {}
_waiting: dict[str, Agent] = {}


class _KnownAgents:
    def __init__(self, classifier: Classifier):
        self._classifier = classifier
        self.describe = lru_cache(maxsize=REMEMBERED)(self._describe)

    def _describe(self, text: str) -> Agent:
        from invenio_stats.privacy.user_agents.reduction import (
            agent_id,  # its patterns take a millisecond to compile
            reduce_agent,
        )

        reduced = reduce_agent(text)
        asked = self._classifier
        return Agent(agent_id(reduced), reduced, asked.classify(text), asked.version, asked.is_robot(text))


def describe(user_agent: str | None) -> Agent:
    """Return what is kept of an agent, by the instance's lists; no agent is an empty one."""
    known = (current_app.extensions.get(_KEY) or load_lists()) if current_app else _by_shipped_lists()
    return known.describe(str(user_agent or "")[:LOOKED_AT])


@cache
def _by_shipped_lists() -> _KnownAgents:
    """Return what can be told where there is no application, and so no lists of its own."""
    return _KnownAgents(Classifier())


def note(agent: Agent) -> None:
    """Remember to send an agent to the dictionary, once a day from this process."""
    today = datetime.now(timezone.utc).date()
    if _noted.get(agent.agent_id) == today:
        return
    with _lock:
        if len(_noted) >= REMEMBERED:
            _noted.clear()
        _noted[agent.agent_id] = today
        _waiting[agent.agent_id] = agent


def take_noted() -> list[Agent]:
    """Return the agents that are to be sent, and take them as sent."""
    if not _waiting:
        return []
    with _lock:
        agents = list(_waiting.values())
        _waiting.clear()
    return agents


def put_back(agents: Iterable[Agent]) -> None:
    """Take agents as not sent after all."""
    with _lock:
        _waiting.update((agent.agent_id, agent) for agent in agents)


def load_lists() -> _KnownAgents:
    """Build the classifier of the current application; ConfigurationError names a pattern that cannot be read."""
    config = current_app.config
    classifier = Classifier(config.get("STATS_ROBOTS_PATTERNS", ()), config.get("STATS_ROBOTS_EXCEPTIONS", ()))
    return current_app.extensions.setdefault(_KEY, _KnownAgents(classifier))
