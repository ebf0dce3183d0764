"""Cache the class and the reduced text of user agents, and collect those to be sent to the catalog."""

import logging
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timezone
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from flask import current_app

from invenio_stats.core.agent_classes import AgentClass
from invenio_stats.errors import ConfigurationError
from invenio_stats.privacy.user_agents.classifier import MAX_AGENT_CHARACTERS, MAX_AGENTS_CACHED, Classifier
from invenio_stats.privacy.user_agents.lists.file import RobotsFile

logger = logging.getLogger(__name__)

FILE_NAME = "stats-robots.json"
"""Name of the file of robots in the instance's directory, if STATS_ROBOTS_FILE is not set."""

_KEY = "invenio-stats-agents"


class Agent(NamedTuple):
    """The catalog's description of a user agent."""

    agent_id: str
    text: str
    """The reduced text: it tells the kind of user agent and identifies no person."""
    agent_class: AgentClass
    lists_version: str
    is_robot: bool = False
    """From the whole text: a tool has the class "machine" whether or not COUNTER's list of robots has it."""
    reduced_class: AgentClass | None = None
    """The class of the reduced text, if the shipped lists give it another one than the whole text."""


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


_renew_lock()
os.register_at_fork(after_in_child=_renew_lock)  # another thread of the parent may hold it
_noted: dict[str, date] = {}
_waiting: dict[str, Agent] = {}


class _KnownAgents:
    def __init__(self, classifier: Classifier, file: RobotsFile | None = None):
        self.classifier = classifier
        self.file = file
        self.describe = lru_cache(maxsize=MAX_AGENTS_CACHED)(self._describe)

    def _describe(self, text: str) -> Agent:
        from invenio_stats.privacy.user_agents.reduction import (
            agent_id,  # imported here: compiling its patterns takes a millisecond
            reduce_agent,
        )

        reduced = reduce_agent(text)
        classifier = self.classifier
        agent_class, reduced_class = classifier.classify(text), classifier.classify(reduced)
        is_own = classifier.is_operators(text) or classifier.is_operators(reduced)
        return Agent(
            agent_id(reduced),
            reduced,
            agent_class,
            classifier.version,
            classifier.is_robot(text),
            None if is_own or reduced_class == agent_class else reduced_class,
        )


def describe(user_agent: str | None) -> Agent:
    """Return the description of a user agent by the instance's lists; None is described like an empty text."""
    known = _current() if current_app else _by_shipped_lists()
    return known.describe(str(user_agent or "")[:MAX_AGENT_CHARACTERS])


def current_classifier() -> Classifier:
    """Return the classifier of the current application, by the lists in force."""
    return _current().classifier


@cache
def _by_shipped_lists() -> _KnownAgents:
    """Return the cache that is used without an application, and so without an operator's patterns."""
    return _KnownAgents(Classifier())


def note(agent: Agent) -> None:
    """Queue a user agent for the catalog, at most once a day in this process."""
    today = datetime.now(timezone.utc).date()
    if _noted.get(agent.agent_id) == today:
        return
    with _lock:
        if len(_noted) >= MAX_AGENTS_CACHED:
            _noted.clear()
        _noted[agent.agent_id] = today
        _waiting[agent.agent_id] = agent


def take_noted() -> list[Agent]:
    """Return the user agents that are to be sent, and forget them; `put_back` those that could not be sent."""
    if not _waiting:
        return []
    with _lock:
        agents = list(_waiting.values())
        _waiting.clear()
    return agents


def put_back(agents: Iterable[Agent]) -> None:
    """Queue user agents again that could not be sent."""
    with _lock:
        _waiting.update((agent.agent_id, agent) for agent in agents)


def load_lists() -> None:
    """Build the classifier of the current application; a ConfigurationError names an invalid pattern or file."""
    _load()


def robots_file_path() -> Path:
    """Return the path of the file of robots, which may not be there; ConfigurationError for a setting that is none."""
    path = current_app.config.get("STATS_ROBOTS_FILE") or FILE_NAME
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise ConfigurationError(
            f"STATS_ROBOTS_FILE is {path!r}. Set it to the path of a file, as a string, or to None."
        )
    return Path(current_app.instance_path, path)


def listed_patterns() -> tuple[str, ...]:
    """Return the patterns of the file of robots in force."""
    file = _current().file
    return () if file is None else file.patterns


@contextmanager
def as_if_listed(patterns: Iterable[str]) -> Iterator[None]:
    """Within the block, this process classifies as if these were the patterns of the file of robots."""
    before = _current()
    current_app.extensions[_KEY] = _KnownAgents(_build_classifier(patterns))
    try:
        yield
    finally:
        current_app.extensions[_KEY] = before


def _current() -> _KnownAgents:
    """Return the cache of the current application, by the lists in force."""
    known: _KnownAgents = current_app.extensions.get(_KEY) or _load()
    if known.file is None or not known.file.is_replaced():
        return known
    try:
        return _load()
    except ConfigurationError as error:
        # No request fails for it. The file is not looked at again until it is another one.
        logger.error("The file of robots cannot be used; the patterns before stay", extra={"error": str(error)})
        return known


def _load() -> _KnownAgents:
    file = RobotsFile(robots_file_path())
    known = _KnownAgents(_build_classifier(file.patterns), file)
    current_app.extensions[_KEY] = known
    return known


def _build_classifier(listed: Iterable[str]) -> Classifier:
    config: Any = current_app.config
    patterns, exceptions = config.get("STATS_ROBOTS_PATTERNS", ()), config.get("STATS_ROBOTS_EXCEPTIONS", ())
    return Classifier(patterns, exceptions, listed)
