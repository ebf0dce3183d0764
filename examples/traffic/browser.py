"""Simulate one visitor's HTTP client, with its connection, cookies and session."""

import http.client
import socket
from http.cookies import SimpleCookie
from itertools import count
from typing import NamedTuple
from urllib.parse import urlencode

from traffic.model import Step, Visitor

_sessions = count(1)


class Answer(NamedTuple):
    """What the ledger keeps of a response."""

    status: int
    content_range: str | None


class Browser:
    """Sends a visitor's requests over one kept-alive connection; used as a context for one visit."""

    def __init__(self, address: tuple[str, int], visitor: Visitor):
        """Talk to the instance as this visitor."""
        self.visitor = visitor
        self.session: str | None = None
        """Names the signed-in session, once there is one."""
        self.last = 0
        """Where the visitor's last request stands in the ledger."""
        self._address = address
        self._cookies: dict[str, str] = {}

    def __enter__(self) -> "Browser":
        """Connect."""
        self._connection = http.client.HTTPConnection(*self._address, timeout=60)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *error: object) -> None:
        """Hang up."""
        self._connection.close()

    def request(self, step: Step) -> Answer:
        """Make one request and read the whole answer."""
        body = urlencode(step.form).encode() if step.form else None
        self._connection.request(step.method, step.path, body=body, headers=self._headers(step))
        response = self._connection.getresponse()
        response.read()
        if self.visitor.agency == "people":
            self._keep_cookies(response)
        if step.form and response.status == 200:
            self.session = f"session {next(_sessions)}"
        return Answer(response.status, response.getheader("Content-Range"))

    def _headers(self, step: Step) -> dict[str, str]:
        headers = {"X-Forwarded-For": self.visitor.address, "Accept": "*/*", **step.headers}
        if self.visitor.agent is not None:
            headers["User-Agent"] = self.visitor.agent
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if step.form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers

    def _keep_cookies(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie", []):
            for name, cookie in SimpleCookie(header).items():
                self._cookies[name] = cookie.value
