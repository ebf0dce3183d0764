"""Compile the lists of COUNTER, is-bot and this package when the first user agent is classified."""

import re
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import NamedTuple

from invenio_stats.privacy.user_agents.lists import builtin
from invenio_stats.privacy.user_agents.lists.matcher import Matcher


class Match(NamedTuple):
    """What made a user agent a robot, an AI agent or a tool."""

    list_name: str
    """`COUNTER`, `is-bot`, `invenio-stats` for our own list, or the name of a setting."""
    pattern: str | None
    """The pattern or word as the list has it; None if only the list itself knows."""


class Shipped:
    """The compiled lists; each method takes the text of a user agent in lower case."""

    def __init__(self) -> None:
        from is_bot import Bots  # not at the top: importing it takes 20 ms

        self._name = re.compile(r"[\w-]+")
        self._machines = Matcher([*_counter("machine.txt"), *builtin.MACHINE_SIGNS])
        self._robots = Matcher([*_counter("robot.txt"), *builtin.ROBOT_SIGNS])
        # COUNTER's list is updated rarely, is-bot's list almost daily
        self._newer = Matcher(Bots().patterns)
        self._newer_refused = Bots(self._newer.refused).is_bot if self._newer.refused else lambda _: False
        self._marks = re.compile("|".join(builtin.BROWSER_MARKS))
        self._browsers = Matcher(builtin.BROWSER_SIGNS)

    def find(self, lowered: str) -> Match | None:
        """Return the list, and its pattern, by which a user agent is automated, in the order of `Classifier`."""
        ai = next((name for name in self._name.findall(lowered) if name in builtin.AI_AGENTS), None)
        if ai is not None:
            return Match("invenio-stats", ai)
        for matcher, signs in ((self._machines, builtin.MACHINE_SIGNS), (self._robots, builtin.ROBOT_SIGNS)):
            pattern = matcher.find(lowered)
            if pattern is not None:
                return Match("invenio-stats" if pattern in signs else "COUNTER", pattern)
        if not self.is_robot(lowered):
            return None
        return Match("is-bot", self._newer.find(self._marks.sub("", lowered)))

    def is_ai(self, lowered: str) -> bool:
        """Return True if the user agent contains the name of an AI agent as a whole word."""
        return not builtin.AI_AGENTS.isdisjoint(self._name.findall(lowered))

    def is_machine(self, lowered: str) -> bool:
        """Return True if the user agent is a script or tool (a machine in the Code of Practice for Research Data)."""
        return self._machines.matches(lowered)

    def is_on_counters_list(self, lowered: str) -> bool:
        """Return True if COUNTER's list of robots matches the user agent; it lists many tools as well."""
        return self._robots.matches(lowered)

    def is_robot(self, lowered: str) -> bool:
        """Return True if a list of robots matches the user agent. COUNTER's list takes precedence over exceptions."""
        if self.is_on_counters_list(lowered):
            return True
        if lowered.startswith(builtin.TEST_CLIENT):
            return False
        bare = self._marks.sub("", lowered)
        return self._newer.matches(bare) or self._newer_refused(bare)

    def is_browser(self, lowered: str) -> bool:
        """Return True if the user agent looks like a browser."""
        return self._browsers.matches(lowered)


@cache
def shipped() -> Shipped:
    """Return the compiled lists. Two threads that ask first at the same time may both compile them, without harm."""
    return Shipped()


@cache
def shipped_version() -> str:
    """Return the versions of all lists except the operator's."""
    return f"counter-{version('counter-robots')}+is-bot-{version('is-bot')}+own-{builtin.BUILTIN_VERSION}"


def _counter(file: str) -> list[str]:
    """Return COUNTER's patterns, read from the package's data file because it has no function that returns them."""
    return resources.files("counter_robots").joinpath("data", file).read_text(encoding="utf-8").splitlines()
