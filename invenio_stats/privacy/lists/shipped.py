"""The lists that need no setting: those of packages and ours, compiled when the first agent is classified."""

import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import NamedTuple

from invenio_stats.privacy.lists import own
from invenio_stats.privacy.lists.matcher import Matcher


class Shipped(NamedTuple):
    """What is asked about every agent, each time with its text in small letters."""

    name: re.Pattern[str]
    """A whole word of an agent."""
    machines: Matcher
    """Scripts and tools, as the Code of Practice for Research Data counts them."""
    robots: Matcher
    """COUNTER's list of robots: what it names is never counted."""
    newer: Matcher
    """A list that is kept day by day; COUNTER's is years behind."""
    newer_refused: Callable[[str], bool]
    """Those of its patterns that only its own engine can read."""
    marks: re.Pattern[str]
    """What is taken out of an agent before the newer list sees it."""
    browsers: Matcher
    """How browsers introduce themselves."""

    def is_ai(self, lowered: str) -> bool:
        """Say whether an agent names an AI agent: the whole name, not a part of another word."""
        return not own.AI_AGENTS.isdisjoint(self.name.findall(lowered))

    def is_machine(self, lowered: str) -> bool:
        """Say whether an agent is a script or a tool."""
        return self.machines.matches(lowered)

    def is_robot(self, lowered: str) -> bool:
        """Say whether a list of robots has an agent."""
        if self.robots.matches(lowered):
            return True
        bare = self.marks.sub("", lowered)
        return self.newer.matches(bare) or self.newer_refused(bare)

    def is_browser(self, lowered: str) -> bool:
        """Say whether an agent looks like a browser."""
        return self.browsers.matches(lowered)


@cache
def shipped() -> Shipped:
    """Return the lists; two threads that ask at the same first moment each make them, which harms nobody."""
    from is_bot import Bots  # not at the top: it costs 20 ms

    newer = Matcher(Bots().patterns)
    return Shipped(
        name=re.compile(r"[\w-]+"),
        machines=Matcher([*_counter("machine.txt"), *own.MACHINE_SIGNS]),
        robots=Matcher([*_counter("robot.txt"), *own.ROBOT_SIGNS]),
        newer=newer,
        newer_refused=Bots(newer.refused).is_bot if newer.refused else lambda _: False,
        marks=re.compile("|".join(own.BROWSER_MARKS)),
        browsers=Matcher(own.BROWSER_SIGNS),
    )


@cache
def shipped_version() -> str:
    """Return the versions of all lists but the operator's."""
    return f"counter-{version('counter-robots')}+is-bot-{version('is-bot')}+own-{own.OWN_VERSION}"


def _counter(file: str) -> list[str]:
    """Return COUNTER's patterns, one a line; the package offers no other way to them."""
    return resources.files("counter_robots").joinpath("data", file).read_text(encoding="utf-8").splitlines()
