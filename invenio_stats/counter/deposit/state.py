"""Keep in the document of a month how far its deposit is; one run at a time may send."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from invenio_stats.core.counter_deposit import Deposit
from invenio_stats.core.counter_months import STATES, Month
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.counter.months import shared_month
from invenio_stats.errors import DepositError
from invenio_stats.search.versions import Source

_ATTEMPTS = 10
_LONGEST_PAUSE = 0.2


class DepositState:
    """The deposit of one month, as this run has read and changed it."""

    def __init__(self, client: Any, month: str, now: Callable[[], datetime]):
        """Read the month; DepositError if it is not closed."""
        self._name, self._now, self._owner = month, now, uuid.uuid4().hex
        self._document = shared_month(client, month)
        if self._document.source.get("state") not in STATES:
            raise DepositError(f"{month} is not closed. Close it first: `invenio stats counter close`.")

    @property
    def month(self) -> Month:
        """The month as it was last read."""
        return Month.from_source(self._document.source)

    @property
    def deposit(self) -> Deposit:
        """Its deposit as it was last read or written."""
        return _deposit_in(self._document.source)

    def moment(self) -> str:
        """Return the present moment, as it is stored."""
        return iso_zoned(to_second(self._now()))

    def claim(self) -> None:
        """Keep other runs away until this one ends; DepositError if another run is sending."""

        def claim(deposit: Deposit) -> Deposit:
            if deposit.is_claimed(self._now()):
                raise DepositError(
                    f"{self._name} is being deposited by another run. If that was killed, run the command again after "
                    f"{deposit.until[:19]} UTC; it goes on from there."
                )
            return deposit

        self._write(claim)

    def change(self, **changes: Any) -> None:
        """Store what this run has done or is about to do; DepositError if another run has taken over."""
        self._write(lambda deposit: self._check_owner(deposit)._replace(**changes))

    def finish(self, **changes: Any) -> None:
        """Store the end of this run."""
        self._write(lambda deposit: self._check_owner(deposit)._replace(**changes), is_last=True)

    def release(self) -> None:
        """Let other runs send, after an error; nothing if another run has taken over."""

        def release(source: Source) -> Source | None:
            deposit = _deposit_in(source)
            return _with(source, deposit._replace(owner="", until="")) if deposit.owner == self._owner else None

        self._document.change(release, _ATTEMPTS, _LONGEST_PAUSE)

    def _write(self, make: Callable[[Deposit], Deposit], is_last: bool = False) -> None:
        def write(source: Source) -> Source:
            deposit = make(_deposit_in(source))
            now = self._now()
            return _with(source, deposit._replace(owner="", until="") if is_last else deposit.claim(self._owner, now))

        if not self._document.change(write, _ATTEMPTS, _LONGEST_PAUSE):
            raise DepositError(f"{self._name} is changed by others all the time. Run the command again later.")

    def _check_owner(self, deposit: Deposit) -> Deposit:
        if deposit.owner != self._owner:
            raise DepositError(f"Another run has taken over the deposit of {self._name}; this one ends.")
        return deposit


def _deposit_in(source: Source) -> Deposit:
    return Deposit.from_source(source.get("deposit"))


def _with(source: Source, deposit: Deposit) -> Source:
    return {**source, "deposit": deposit.as_source()}
