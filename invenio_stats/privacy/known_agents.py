"""Known agents: what an agent's text tells, worked out once for each and remembered."""

from functools import lru_cache
from typing import NamedTuple

from flask import current_app

from invenio_stats.privacy.agents import agent_id, reduce_agent
from invenio_stats.privacy.robots import LOOKED_AT, REMEMBERED, AgentClass, Classifier

_KEY = "invenio-stats-agents"


class Agent(NamedTuple):
    """What is kept of an agent."""

    agent_id: str
    text: str
    """Reduced: it tells the kind of agent, and nothing of a person."""
    agent_class: AgentClass
    lists_version: str


class _KnownAgents:
    def __init__(self, classifier: Classifier):
        self._classifier = classifier
        self.describe = lru_cache(maxsize=REMEMBERED)(self._describe)

    def _describe(self, text: str) -> Agent:
        reduced = reduce_agent(text)
        return Agent(agent_id(reduced), reduced, self._classifier.classify(text), self._classifier.version)


def describe(user_agent: str | None) -> Agent:
    """Return what is kept of an agent, by the instance's lists; no agent is an empty one."""
    known: _KnownAgents = current_app.extensions.get(_KEY) or _make()
    return known.describe((user_agent or "")[:LOOKED_AT])


def _make() -> _KnownAgents:
    """Build the classifier of the current application; ConfigurationError names a pattern that cannot be read."""
    config = current_app.config
    classifier = Classifier(config.get("STATS_ROBOTS_PATTERNS") or (), config.get("STATS_ROBOTS_EXCEPTIONS") or ())
    return current_app.extensions.setdefault(_KEY, _KnownAgents(classifier))
