"""Classify user agents as people's or automated, by COUNTER's list, is-bot's list, ours and the operator's."""

import hashlib
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

from invenio_stats.core.agent_classes import AgentClass, is_robot
from invenio_stats.privacy.user_agents.lists.matcher import Matcher
from invenio_stats.privacy.user_agents.lists.operator import compile_patterns

if TYPE_CHECKING:
    from invenio_stats.privacy.user_agents.lists.shipped import Match

    LISTS_VERSION: str

MAX_AGENT_CHARACTERS = 1_000
"""Characters of a user agent that are examined. Real ones are shorter; the limit bounds the time of a look-up."""

MAX_AGENTS_CACHED = 10_000
"""User agents whose class is cached: 10 MB if all had the maximal length."""


class Classifier:
    """Returns the class of a user agent, and caches it.

    Built once, with the operator's patterns (more robots) and exceptions (always browsers), which are regular
    expressions that ignore case; ConfigurationError if one is invalid. `listed` are further patterns of robots, a long
    list that was checked when its file was read. The shipped lists are loaded when the first user agent is classified.
    Safe to use from many threads.
    """

    def __init__(
        self, patterns: Iterable[str] = (), exceptions: Iterable[str] = (), listed: Iterable[str] = ()
    ) -> None:
        self._listed = Matcher(listed)
        self._patterns = compile_patterns("STATS_ROBOTS_PATTERNS", patterns)
        self._exceptions = compile_patterns("STATS_ROBOTS_EXCEPTIONS", exceptions)
        self._cached = lru_cache(maxsize=MAX_AGENTS_CACHED)(self._decide)

    def classify(self, user_agent: str | None) -> AgentClass:
        """Return the class of a user agent; None or an empty text is a robot, according to COUNTER's list."""
        return self._cached(str(user_agent or "")[:MAX_AGENT_CHARACTERS])

    def is_robot(self, user_agent: str | None) -> bool:
        """Return True for a robot, an AI agent, or a tool (curl, wget) on COUNTER's list of robots."""
        agent_class = self.classify(user_agent)
        if agent_class != "machine":
            return is_robot(agent_class)
        return bool(_lists().shipped().is_on_counters_list(str(user_agent)[:MAX_AGENT_CHARACTERS].lower()))

    def is_operators(self, user_agent: str) -> bool:
        """Return True if a pattern or an exception of the operator matches a user agent."""
        text = user_agent[:MAX_AGENT_CHARACTERS]
        return any(expression.search(text) for expression in (*self._patterns, *self._exceptions))

    def explain(self, user_agent: str) -> "Match | None":
        """Return the list and pattern by which a user agent is automated; None if it is not.

        It takes milliseconds. Of several patterns the first is returned, in the order in which lists are asked.
        """
        from invenio_stats.privacy.user_agents.lists.shipped import Match  # with the lists

        text = user_agent[:MAX_AGENT_CHARACTERS]
        agent_class = self.classify(text)
        if agent_class in ("browser", "unknown"):
            return None
        if not text.strip():
            return Match("COUNTER", None)
        found: Match | None = _lists().shipped().find(text.lower())
        if agent_class == "robot":
            own = next((expression.pattern for expression in self._patterns if expression.search(text)), None)
            if own is not None:
                return Match("STATS_ROBOTS_PATTERNS", own)
            if found is None:
                return Match("STATS_ROBOTS_FILE", self._listed.find(text.lower()))
        return found

    @cached_property
    def version(self) -> str:
        """The version of all lists together; it changes if one of them changes, including the operator's."""
        own = [[expression.pattern for expression in part] for part in (self._patterns, self._exceptions)]
        own += [self._listed.patterns] if self._listed.patterns else []
        site = f"+site-{hashlib.sha256(repr(own).encode()).hexdigest()[:8]}" if any(own) else ""
        return _lists().shipped_version() + site

    def _decide(self, text: str) -> AgentClass:
        # The operator's exceptions come first, then narrower classes: lists of robots have AI agents and tools, too.
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
        if any(expression.search(text) for expression in self._patterns) or self._listed.matches(lowered):
            return "robot"
        if shipped.is_robot(lowered):
            return "robot"
        return "browser" if shipped.is_browser(lowered) else "unknown"


def classify(user_agent: str | None) -> AgentClass:
    """Return the class of a user agent by the shipped lists alone."""
    return _shipped_classifier().classify(user_agent)


def _lists() -> ModuleType:
    from invenio_stats.privacy.user_agents.lists import (
        shipped,
    )  # imported here, so that importing the package stays fast

    return shipped


@cache
def _shipped_classifier() -> Classifier:
    return Classifier()


def __getattr__(name: str) -> str:
    """Return LISTS_VERSION, the version of the shipped lists, which is computed when it is first used."""
    if name == "LISTS_VERSION":
        return _lists().shipped_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
