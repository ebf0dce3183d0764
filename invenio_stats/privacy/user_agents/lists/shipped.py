"""The lists that need no setting: those of packages and ours, compiled when the first agent is classified."""

import re
from functools import cache
from importlib import resources
from importlib.metadata import version

from invenio_stats.privacy.user_agents.lists import builtin
from invenio_stats.privacy.user_agents.lists.matcher import Matcher


class Shipped:
    """What is asked about every agent, each time with its text in small letters."""

    def __init__(self) -> None:
        from is_bot import Bots  # not at the top: it costs 20 ms

        self._name = re.compile(r"[\w-]+")
        self._machines = Matcher([*_counter("machine.txt"), *builtin.MACHINE_SIGNS])
        self._robots = Matcher([*_counter("robot.txt"), *builtin.ROBOT_SIGNS])
        # COUNTER's list is years behind; is-bot is kept day by day
        self._newer = Matcher(Bots().patterns)
        self._newer_refused = Bots(self._newer.refused).is_bot if self._newer.refused else lambda _: False
        self._marks = re.compile("|".join(builtin.BROWSER_MARKS))
        self._browsers = Matcher(builtin.BROWSER_SIGNS)

    def is_ai(self, lowered: str) -> bool:
        """Say whether an agent names an AI agent: the whole name, not a part of another word."""
        return not builtin.AI_AGENTS.isdisjoint(self._name.findall(lowered))

    def is_machine(self, lowered: str) -> bool:
        """Say whether an agent is a script or a tool, as the Code of Practice for Research Data counts them."""
        return self._machines.matches(lowered)

    def is_on_counters_list(self, lowered: str) -> bool:
        """Say whether COUNTER's list of robots names an agent; it holds many tools, too."""
        return self._robots.matches(lowered)

    def is_robot(self, lowered: str) -> bool:
        """Say whether a list of robots has an agent. What COUNTER's names is never counted."""
        if self.is_on_counters_list(lowered):
            return True
        if lowered.startswith(builtin.TEST_CLIENT):
            return False
        bare = self._marks.sub("", lowered)
        return self._newer.matches(bare) or self._newer_refused(bare)

    def is_browser(self, lowered: str) -> bool:
        """Say whether an agent looks like a browser."""
        return self._browsers.matches(lowered)


@cache
def shipped() -> Shipped:
    """Return the lists; two threads that ask at the same first moment each make them, which harms nobody."""
    return Shipped()


@cache
def shipped_version() -> str:
    """Return the versions of all lists but the operator's."""
    return f"counter-{version('counter-robots')}+is-bot-{version('is-bot')}+own-{builtin.BUILTIN_VERSION}"


def _counter(file: str) -> list[str]:
    """Return COUNTER's patterns, one a line; the package offers no other way to them."""
    return resources.files("counter_robots").joinpath("data", file).read_text(encoding="utf-8").splitlines()
