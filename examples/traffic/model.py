"""The words of the traffic: visitors make visits, a visit is a list of steps, a step is one request."""

from dataclasses import dataclass, field
from typing import Literal

Agency = Literal["people", "robots", "machines"]
Thing = tuple[str, ...]
"""("record", pid), ("file", bucket, key) or ("search", query)."""


@dataclass(frozen=True)
class Visitor:
    """Somebody with an address and an agent, who may have an account as well."""

    address: str
    agent: str | None
    agency: Agency = "people"
    email: str | None = None


@dataclass(frozen=True)
class Step:
    """One request, and the status that it has to get."""

    kind: str
    path: str
    thing: Thing | None = None
    method: str = "GET"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] | None = None
    again: bool = False
    """A further click on the same thing: it has to come in the same double-click cell as the one before."""
    pause: float = 0.0
    """Seconds to wait before it."""


@dataclass
class Visit:
    """What a visitor does in a row, from a second of the run on."""

    visitor: Visitor
    steps: list[Step]
    start: float = 0.0
    returns: bool = False
    """The steps are made once more, after more than two double-click windows."""


@dataclass(frozen=True)
class Observation:
    """A request that was made, and what was answered."""

    step: Step
    visitor: Visitor
    session: str | None
    """Which signed-in session it belongs to."""
    started: float
    ended: float
    status: int
    content_range: str | None
