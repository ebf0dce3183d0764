"""Robots: what kind of agent made a request, by COUNTER's lists."""

from functools import lru_cache
from typing import Literal

import counter_robots

AgentClass = Literal["browser", "robot", "ai", "machine", "unknown"]


@lru_cache(maxsize=10_000)
def classify(user_agent: str) -> AgentClass:
    """Return the class of an agent; no name at all is a robot, as the list says.

    A tool that is on the list of machines as well as on the list of robots is a machine.
    """
    if not user_agent:
        return "robot"
    if counter_robots.is_machine(user_agent):
        return "machine"
    return "robot" if counter_robots.is_robot(user_agent) else "browser"
