"""The lists that come as packages, loaded and compiled when the first agent is classified."""

from collections.abc import Callable
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import NamedTuple

from invenio_stats.privacy.lists.matcher import Matcher
from invenio_stats.privacy.lists.own import BROWSER_MARKS, MACHINE_SIGNS, OWN_VERSION, ROBOT_SIGNS


class Shipped(NamedTuple):
    """What is asked about every agent."""

    machines: Matcher
    """Scripts and tools, as the Code of Practice for Research Data counts them."""
    counter: Matcher
    """COUNTER's list of robots: what it names is never counted."""
    other: Matcher
    """A list that is kept day by day; COUNTER's is years behind."""
    other_refused: Callable[[str], bool]
    """Those of its patterns that only its own engine can read."""

    def is_machine(self, lowered: str) -> bool:
        """Say whether an agent is a script or a tool."""
        return self.machines.matches(lowered) or bool(MACHINE_SIGNS.search(lowered))

    def is_robot(self, lowered: str) -> bool:
        """Say whether a list of robots has an agent."""
        if self.counter.matches(lowered) or ROBOT_SIGNS.search(lowered):
            return True
        bare = BROWSER_MARKS.sub("", lowered)
        return self.other.matches(bare) or self.other_refused(bare)


@cache
def shipped() -> Shipped:
    """Return the lists; two threads that ask at the same first moment each make them, which harms nobody."""
    from is_bot import Bots  # costs 20 ms to import

    other = Matcher(Bots().patterns)
    refused = Bots(other.refused).is_bot if other.refused else lambda _: False
    return Shipped(Matcher(_counter("machine.txt")), Matcher(_counter("robot.txt")), other, refused)


@cache
def shipped_version() -> str:
    """Return the versions of all lists but the operator's."""
    return f"counter-{version('counter-robots')}+is-bot-{version('is-bot')}+own-{OWN_VERSION}"


def _counter(file: str) -> list[str]:
    """Return COUNTER's patterns: one a line, and the package offers no other way to them."""
    return resources.files("counter_robots").joinpath("data", file).read_text(encoding="utf-8").splitlines()
