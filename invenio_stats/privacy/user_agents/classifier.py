"""Robots: what kind of agent made a request, by COUNTER's list, a list kept day by day, ours and the operator's."""

import hashlib
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from invenio_stats.privacy.user_agents.lists.operator import compiled

if TYPE_CHECKING:
    LISTS_VERSION: str

AgentClass = Literal["browser", "robot", "ai", "machine", "unknown"]
"""Browser and unknown count as people; robot and ai are `is_robot`, machine is `is_machine`.

A machine that COUNTER's list of robots names is both; its class alone does not tell: `Classifier.is_robot`.
"""

LOOKED_AT = 1_000
"""Characters of an agent that are looked at: real ones are shorter, and the time a look-up takes stays bounded."""

REMEMBERED = 10_000
"""Agents whose class is remembered: 10 MB if all were as long as they may be."""


class Classifier:
    """Says what kind of agent a text names, and remembers the answer.

    Built once, with the operator's own patterns (more robots) and exceptions (browsers whatever the lists say),
    which are regular expressions that ignore case; ConfigurationError when one cannot be read. The lists that come
    as packages are loaded at the first question. May be asked by many threads at once.
    """

    def __init__(self, patterns: Iterable[str] = (), exceptions: Iterable[str] = ()) -> None:
        self._patterns = compiled("STATS_ROBOTS_PATTERNS", patterns)
        self._exceptions = compiled("STATS_ROBOTS_EXCEPTIONS", exceptions)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._decide)

    def classify(self, user_agent: str | None) -> AgentClass:
        """Return the class of an agent; no name at all is a robot, as COUNTER's list says."""
        return self._remembered(str(user_agent or "")[:LOOKED_AT])

    def is_robot(self, user_agent: str | None) -> bool:
        """Say whether an agent is a robot, an AI agent, or a tool (curl, wget) on COUNTER's list of robots."""
        agent_class = self.classify(user_agent)
        if agent_class != "machine":
            return is_robot(agent_class)
        return bool(_lists().shipped().is_on_counters_list(str(user_agent)[:LOOKED_AT].lower()))

    @cached_property
    def version(self) -> str:
        """Name the lists that gave the class: it changes when one of them does, the operator's included."""
        own = [[expression.pattern for expression in part] for part in (self._patterns, self._exceptions)]
        site = f"+site-{hashlib.sha256(repr(own).encode()).hexdigest()[:8]}" if any(own) else ""
        return _lists().shipped_version() + site

    def _decide(self, text: str) -> AgentClass:
        if any(expression.search(text) for expression in self._exceptions):
            return "browser"
        lowered = text.lower()
        if not lowered.strip():
            return "robot"
        shipped = _lists().shipped()
        if shipped.is_ai(lowered):
            return "ai"
        if shipped.is_machine(lowered):
            return "machine"
        if any(expression.search(text) for expression in self._patterns) or shipped.is_robot(lowered):
            return "robot"
        return "browser" if shipped.is_browser(lowered) else "unknown"


def is_robot(agent_class: str) -> bool:
    """Say whether a class is that of robots, AI agents among them."""
    return agent_class in ("robot", "ai")


def is_machine(agent_class: str) -> bool:
    """Say whether a class is that of scripts and tools, such as curl."""
    return agent_class == "machine"


def is_person(agent_class: str) -> bool:
    """Say whether a class counts as people."""
    return agent_class in ("browser", "unknown")


def classify(user_agent: str | None) -> AgentClass:
    """Return the class of an agent by the shipped lists alone."""
    return _shipped_classifier().classify(user_agent)


def _lists() -> ModuleType:
    from invenio_stats.privacy.user_agents.lists import shipped  # importing the package does not pay for it

    return shipped


@cache
def _shipped_classifier() -> Classifier:
    return Classifier()


def __getattr__(name: str) -> str:
    """Give LISTS_VERSION, the version of the shipped lists: looked up when somebody asks, not at import."""
    if name == "LISTS_VERSION":
        return _lists().shipped_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
