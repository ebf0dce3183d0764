"""Define the classes of user agents, and which of them are robots, machines and people."""

from typing import Literal

AgentClass = Literal["browser", "robot", "ai", "machine", "unknown"]
"""Browser and unknown count as people; robot and ai are `is_robot`, machine is `is_machine`."""


def is_robot(agent_class: str) -> bool:
    """Return True for the classes of robots, which include AI agents."""
    return agent_class in ("robot", "ai")


def is_machine(agent_class: str) -> bool:
    """Return True for the class of scripts and tools, such as curl."""
    return agent_class == "machine"


def is_person(agent_class: str) -> bool:
    """Return True for the classes that count as people."""
    return agent_class in ("browser", "unknown")
