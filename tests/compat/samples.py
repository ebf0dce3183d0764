"""Provide raw events as builders create them, and the names under which they are found again."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
ROBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"
MACHINE = "Wget/1.21.3"

THIS_MONTH = datetime.now(timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
LAST_MONTH = (THIS_MONTH - timedelta(days=1)).replace(day=1)
"""The last full month: its days have indices of their own."""

DOWNLOADS = "events-stats-file-download"
VIEWS = "events-stats-record-view"

FILE = SimpleNamespace(bucket_id="B1", file_id="F1", key="paper.pdf", file=SimpleNamespace(size=9))
PID = SimpleNamespace(pid_type="recid", pid_value="1")
RECORD = SimpleNamespace(id="R1")


def on(day: int, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    """Return a moment on a day of the last month."""
    return LAST_MONTH.replace(day=day, hour=hour, minute=minute, second=second)


def naive(moment: datetime) -> str:
    """Write a moment as builders do: without zone, to the second."""
    return moment.replace(tzinfo=None, microsecond=0).isoformat()


def visitor(**changes) -> dict:
    """Return what a builder knows of the person behind a request."""
    return {
        "referrer": None,
        "ip_address": "192.0.2.1",
        "user_agent": BROWSER,
        "user_id": None,
        "session_id": None,
        **changes,
    }


def download(moment: datetime, **changes) -> dict:
    """Return a raw download."""
    thing = {"bucket_id": "B1", "file_id": "F1", "file_key": "paper.pdf", "size": 9}
    return {"timestamp": naive(moment), **thing, **visitor(**changes), **changes}


def view(moment: datetime, **changes) -> dict:
    """Return a raw view."""
    thing = {"record_id": "R1", "pid_type": "recid", "pid_value": "1"}
    return {"timestamp": naive(moment), **thing, **visitor(**changes), **changes}


class StubQueue:
    """Any object with `routing_key` and `consume()`, as test suites downstream hand it to an indexer."""

    def __init__(self, *events, routing_key="stats-file-download"):
        self.events = events
        self.routing_key = routing_key

    def consume(self):
        """Give all events at once."""
        return iter([dict(event) for event in self.events])


def refuse(query_name, params):
    """Permit nothing."""
    return type("Refused", (), {"can": lambda self: False})()
