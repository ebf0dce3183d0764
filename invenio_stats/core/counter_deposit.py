"""Describe the deposit of a month's dataset usage: with whom, and how far it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse

SENDING, DEPOSITED = "sending", "deposited"

CLAIM = timedelta(minutes=15)
"""How long a run keeps others away after its last sign of life: longer than one request with the pause before it."""


class DepositAccount:
    """An account of DataCite's usage reports service. Its token is in no text that shows the object."""

    def __init__(self, url: str, token: str, name: str):
        """Take the service's address without a slash at its end, the token, and the account's name."""
        self.url, self.token, self.name = url, token, name

    def __repr__(self) -> str:
        return f"DepositAccount({self.url!r}, '***', {self.name!r})"


class Deposit(NamedTuple):
    """The field `deposit` in the document of a month; what is empty is absent there."""

    state: str = ""
    """`sending`, `deposited`, or "" if nothing was ever sent."""
    revision: int = 0
    """The month's revision that is or was sent."""
    id: str = ""
    """The service's id of the report."""
    is_tried: bool = False
    """True as soon as the service may have the report, whether or not its id is known."""
    part: int = 0
    """Number of parts that the service has, while they are sent; in the end, of all."""
    is_adding: bool = False
    """True while the service may have one part more than that."""
    checksum: str = ""
    """Of the datasets in these parts."""
    datasets: int = 0
    """How many were deposited."""
    at: str = ""
    """When the deposit was complete."""
    owner: str = ""
    """The run that is sending; "" if it has ended."""
    until: str = ""
    """When other runs may take over from it."""

    @classmethod
    def from_source(cls, source: Mapping[str, Any] | None) -> "Deposit":
        """Return the stored state."""
        return cls(**{field: value for field, value in (source or {}).items() if field in cls._fields})

    def as_source(self) -> dict[str, Any]:
        """Return what to store."""
        return {field: value for field, value in self._asdict().items() if value}

    def is_of(self, revision: int) -> bool:
        """Return True if this revision of the month is deposited."""
        return self.state == DEPOSITED and self.revision == revision

    def is_claimed(self, now: datetime) -> bool:
        """Return True while another run may be sending; no run claims more than CLAIM, unless its clock is wrong."""
        return bool(self.owner) and now < parse(self.until) <= now + 2 * CLAIM

    def claim(self, owner: str, now: datetime) -> "Deposit":
        """Return the state with a sign of life of a run."""
        return self._replace(owner=owner, until=iso_zoned(now + CLAIM))

    def parts_to_keep(self, revision: int) -> int:
        """Return how many parts need not be sent again if their datasets are the same; 0 to start over."""
        can_continue = self.state == SENDING and self.revision == revision and self.id and not self.is_adding
        return self.part if can_continue else 0
