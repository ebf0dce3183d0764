"""Which classes of agents are robots, machines and people."""

from typing import Literal

AgentClass = Literal["browser", "robot", "ai", "machine", "unknown"]
"""Browser and unknown count as people; robot and ai are `is_robot`, machine is `is_machine`."""


def is_robot(agent_class: str) -> bool:
    """Say whether a class is that of robots, AI agents among them."""
    return agent_class in ("robot", "ai")


def is_machine(agent_class: str) -> bool:
    """Say whether a class is that of scripts and tools, such as curl."""
    return agent_class == "machine"


def is_person(agent_class: str) -> bool:
    """Say whether a class counts as people."""
    return agent_class in ("browser", "unknown")
