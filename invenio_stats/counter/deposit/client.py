"""Send reports to DataCite's usage reports service by HTTP, with retries where a request can be repeated."""

import logging
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import requests

from invenio_stats.core.counter_deposit import DepositAccount
from invenio_stats.core.moments import utc
from invenio_stats.counter.deposit.refusals import explain_refusal
from invenio_stats.errors import DepositError

logger = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before each further attempt of a request that can be repeated."""
MAX_PAUSE_SECONDS = 300.0
"""Longest pause that the service may ask for; with a longer one, the deposit ends and is continued another time."""
TIMEOUT_SECONDS = (10.0, 300.0)
"""Seconds to connect, and seconds without an answer: a part has up to 50,000 datasets."""


class UncertainOutcomeError(Exception):
    """A request that must not be repeated may have taken effect or not."""

    def __init__(self, reason: str, pause: float = 0.0):
        """Take the reason, and the seconds that the service asks to wait."""
        super().__init__(reason)
        self.reason, self.pause = reason, pause


class _Bearer(requests.auth.AuthBase):
    """Puts the token into a request only when it is sent; as the authentication it replaces that of a netrc file."""

    def __init__(self, token: str):
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class UsageReportsClient:
    """The service, for one account. DepositError if it refuses a request, or does not answer at any attempt.

    Attributes can be replaced: `pauses`, `timeout`, `sleep`, and `on_retry`, which is called before each further
    attempt.
    """

    pauses: Sequence[float] = PAUSES
    timeout: tuple[float, float] = TIMEOUT_SECONDS

    def __init__(self, account: DepositAccount, session: requests.Session | None = None):
        """Take the account; and a session, if not one of its own."""
        self._account = account
        self._session = session or requests.Session()
        self.sleep: Callable[[float], object] = time.sleep
        self.on_retry: Callable[[], object] = lambda: None

    def create(self, document: bytes, is_compressed: bool) -> str:
        """POST a report that the service does not have; return its id. UncertainOutcomeError if it may have it now."""
        answer = self._send("POST", "", document, is_compressed, is_repeatable=False)
        report_id = _report_id(answer)
        if report_id is None:
            raise UncertainOutcomeError("the answer has no id of a report")
        return report_id

    def find(self, document: bytes) -> str:
        """POST a report that the service may have; return its id.

        A report that is there stays as it is, because the document is not compressed.
        """
        report_id = _report_id(self._send("POST", "", document, is_compressed=False, is_repeatable=True))
        if report_id is None:
            raise DepositError("The usage reports service gave no id of the report. Check STATS_COUNTER_DATACITE_URL.")
        return report_id

    def replace(self, report_id: str, document: bytes, is_compressed: bool) -> None:
        """PUT a report: it replaces all that the service had under this id, other parts included."""
        self._send("PUT", f"/{report_id}", document, is_compressed, is_repeatable=True)

    def add(self, document: bytes) -> None:
        """POST a further part, compressed: the service adds it. UncertainOutcomeError if it may have done so or not."""
        self._send("POST", "", document, is_compressed=True, is_repeatable=False)

    def _send(
        self, method: str, path: str, document: bytes, is_compressed: bool, is_repeatable: bool
    ) -> requests.Response:
        reason = ""
        for pause in (*self.pauses, None):
            answer, reason = self._attempt(method, path, document, is_compressed)
            if answer is not None and answer.status_code < 300:
                return answer
            is_busy = answer is not None and answer.status_code == 429  # it has certainly done nothing
            if answer is not None and answer.status_code < 500 and not is_busy:
                text = explain_refusal(answer.status_code, answer.text or answer.reason, self._account, document)
                raise DepositError(text, answer.status_code)
            wait = _retry_after(answer)
            if wait > MAX_PAUSE_SECONDS:
                raise DepositError(
                    f"The usage reports service answered {reason} and wants no request for {wait:.0f} seconds. Run the "
                    "command again after that; it goes on from there."
                )
            if not (is_repeatable or is_busy):
                raise UncertainOutcomeError(reason, wait)
            if pause is None:
                break
            facts = {"reason": reason, "seconds": max(pause, wait)}
            logger.warning("A request to the usage reports service failed and is repeated", extra=facts)
            self.sleep(max(pause, wait))
            self.on_retry()
        raise DepositError(
            f"The usage reports service did not take a request in {len(self.pauses) + 1} attempts: {reason}. Run the "
            "command again later; it goes on from there."
        )

    def _attempt(
        self, method: str, path: str, document: bytes, is_compressed: bool
    ) -> tuple[requests.Response | None, str]:
        """Return the answer, if there is one, and what to say of it."""
        kind = "application/gzip" if is_compressed else "application/json"
        headers = {"Content-Type": kind, "Accept": "application/json"}
        if is_compressed:
            headers["Content-Encoding"] = "gzip"
        try:
            answer = self._session.request(
                method,
                f"{self._account.url}/reports{path}",
                data=document,
                headers=headers,
                auth=_Bearer(self._account.token),
                timeout=self.timeout,
                allow_redirects=False,  # a redirected POST would become a GET
            )
        except requests.RequestException as error:
            return None, type(error).__name__  # its text may have the request's headers
        return answer, f"{answer.status_code}"


def _report_id(answer: requests.Response) -> str | None:
    """Return the id that an answer gives; None if it is not a UUID."""
    try:
        report_id: Any = answer.json()["report"]["id"]
        return str(UUID(report_id))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _retry_after(answer: requests.Response | None) -> float:
    """Return the seconds that the service asks to wait, by the time of its own clock; 0 if it does not."""
    value = "" if answer is None else answer.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        until, now = (parsedate_to_datetime(text) for text in (value, answer.headers["Date"]))  # type: ignore[union-attr]
        return max(0.0, (utc(until) - utc(now)).total_seconds())
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0.0
