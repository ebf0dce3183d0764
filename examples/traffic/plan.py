"""Plan who visits, what they do, and when; the same seed gives the same plan."""

import random
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

from traffic import agents
from traffic.habits import Habits
from traffic.model import Step, Visit, Visitor

RETURNING = 25
"""Visits that are made twice, with more than two double-click windows in between."""

FLOOD_SECONDS = 0.05
"""Between the requests of a robot that floods the instance."""

_SHARES: dict[str, int] = {
    "reader": 52,
    "impatient": 12,
    "member": 7,
    "resumer": 6,
    "checker": 5,
    "stray": 6,
    "robot": 9,
    "machine": 3,
}


class Plan:
    """All visits of a run."""

    def __init__(self, catalogue: dict[str, Any], seed: int, requests: int, seconds: float):
        """Spread about so many requests over the seconds."""
        self.choice = random.Random(seed)
        self.habits = Habits(catalogue, self.choice)
        self._agents = agents.browsers(self.choice)
        self._taken: set[tuple[str, str | None]] = set()
        self._addresses: list[str] = []
        self.users: list[str] = [user["email"] for user in catalogue["users"]]
        self.requests = 0
        """How many requests the visits come to."""
        self.visits = self._spread(list(self._visits(requests)), seconds)

    def _visits(self, requests: int) -> Iterator[Visit]:
        returning = min(RETURNING, requests // 40)
        kinds = chain(repeat("returning", returning), self._kinds())
        while self.requests < requests:
            visit = self._visit(next(kinds))
            self.requests += len(visit.steps) * (2 if visit.returns else 1)
            yield visit

    def _kinds(self) -> Iterator[str]:
        yield from _SHARES  # each kind at least once, however short the run
        while True:
            yield from self.choice.choices(list(_SHARES), list(_SHARES.values()), k=100)

    def _visit(self, kind: str) -> Visit:
        if kind == "returning":
            return Visit(self._person(), self.habits.reader(), returns=True)
        if kind == "member":
            email = self.choice.choice(self.users)
            return Visit(self._person(email), self.habits.member(email))
        if kind == "robot":
            agent = self.choice.choice([*agents.ROBOTS, "", None])
            return Visit(Visitor(self._address(), agent, "robots"), self.habits.crawler("robot"))
        if kind == "machine":
            agent = self.choice.choice(agents.MACHINES)
            return Visit(Visitor(self._address(), agent, "machines"), self.habits.crawler("machine"))
        habit: Callable[[], list] = getattr(self.habits, kind)
        return Visit(self._person(), habit())

    def _person(self, email: str | None = None) -> Visitor:
        """Return somebody new; some share an address with others, and many share an agent."""
        while True:
            shares = self._addresses and self.choice.random() < 0.15
            address = self.choice.choice(self._addresses) if shares else self._address()
            agent = next(self._agents)
            if (address, agent) not in self._taken:
                self._taken.add((address, agent))
                return Visitor(address, agent, email=email)

    def _address(self) -> str:
        """Return a new address, of the range that is quarantined for tests."""
        while True:
            address = f"198.{self.choice.randint(18, 19)}.{self.choice.randint(0, 255)}.{self.choice.randint(1, 254)}"
            if address not in self._addresses:
                self._addresses.append(address)
                return address

    def _spread(self, visits: list[Visit], seconds: float) -> list[Visit]:
        """Give each visit its second: those that come twice first, the rest at random."""
        for visit in visits:
            visit.start = 0.0 if visit.returns else self.choice.uniform(0.0, seconds)
        return sorted(visits, key=lambda visit: visit.start)


def plan_flood(catalogue: dict[str, Any], start: float) -> Visit:
    """Return the visit of a robot that asks for the page of each open record, four times."""
    records = [record for record in catalogue["records"] if record["access_status"] == "open"]
    paths = [(record["id"], f"/records/{record['id']}") for record in records * 4]
    steps = [Step("robot: flood", path, ("record", record), pause=FLOOD_SECONDS) for record, path in paths]
    return Visit(Visitor("198.19.255.254", agents.ROBOTS[0], "robots"), steps, start)
