"""Help to test an instance: a local stand-in for DataCite's usage reports service. Install the extra `testing`."""

import gzip
import json
import threading
import uuid
from collections import Counter, deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from invenio_stats.counter.deposit.schema import REPORT_SCHEMA

__all__ = ("Fault", "Received", "UsageReportsService", "check_document")

_VALIDATOR = Draft202012Validator(REPORT_SCHEMA)


class Received(NamedTuple):
    """One request, and the status that it got; None if its connection was closed without an answer."""

    method: str
    path: str
    is_compressed: bool
    status: int | None


class Fault(NamedTuple):
    """What happens to one request instead of the right answer."""

    status: int | None = None
    """The status of the answer; None to close the connection without one, as a server does that dies."""
    takes_effect: bool = False
    """Whether the service does what is asked before it fails."""
    seconds: float = 0.0
    """How long the service hangs before that."""
    headers: Mapping[str, str] = {}
    """Such as `{"Retry-After": "2"}`."""


class UsageReportsService:
    """The service, on a free port of 127.0.0.1 while a `with` block runs.

    It behaves as DataCite's: a report is known by `created-by` and month; a second POST of it changes nothing, and adds
    to it if it is compressed; a PUT replaces all of it. It answers 401 without the token, and 422 to a document that
    does not follow the schema, or whose dates are in two months.
    """

    def __init__(self, token: str = "a-token"):
        """Take the token that the service accepts."""
        self.token = token
        self.reports: dict[str, list[dict[str, Any]]] = {}
        """By id: the documents that the report consists of."""
        self.received: list[Received] = []
        self.errors: list[str] = []
        """Why documents were refused with 422."""
        self._faults: deque[Fault | None] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> "UsageReportsService":
        self._closing.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """The address for STATS_COUNTER_DATACITE_URL."""
        if self._server is None:
            raise RuntimeError("The service is not running. Use it in a `with` block.")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, fault: Fault, after: int = 0, times: int = 1) -> None:
        """Let requests fail: as many as `times`, after as many right answers as `after`."""
        self._faults.extend([*[None] * after, *[fault] * times])

    def counts(self, month: str) -> dict[str, Counter[tuple[str, str]]]:
        """Return the counts of a month by DOI, then by metric-type and access-method, summed over all documents."""
        found: dict[str, Counter[tuple[str, str]]] = {}
        for documents in self.reports.values():
            for document in documents:
                if document["report-header"]["reporting-period"]["begin-date"].startswith(month):
                    for dataset in document["report-datasets"]:
                        found.setdefault(_doi(dataset), Counter()).update(_counts(dataset))
        return found

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> "tuple[int, Any] | Fault":
        """Do what a request asks, and return status and content of the answer, or what happens instead of it."""
        is_compressed = headers.get("Content-Encoding") == "gzip"
        with self._lock:
            fault = self._faults.popleft() if self._faults else None
            if fault is None or fault.takes_effect:
                status, content = self._do(method, path, headers.get("Authorization"), body, is_compressed)
            if fault is not None:
                status = fault.status
            self.received.append(Received(method, path, is_compressed, status))
        if fault is None:
            return status, content
        self._closing.wait(fault.seconds)
        return fault

    def _do(
        self, method: str, path: str, authorization: str | None, body: bytes, is_compressed: bool
    ) -> tuple[int, Any]:
        if authorization != f"Bearer {self.token}":
            return 401, {"errors": [{"status": "401", "title": "Bad credentials."}]}
        report_id = path.removeprefix("/reports/")
        if not (path == "/reports" if method == "POST" else report_id in self.reports):
            return 404, {"errors": [{"status": "404", "title": "The resource you are looking for doesn't exist."}]}
        document, errors = _read(gzip.decompress(body) if is_compressed else body)
        if errors:
            self.errors += errors
            return 422, {"errors": [{"status": "422", "title": error} for error in errors]}
        if method == "PUT":
            self.reports[report_id] = [document]
            return 200, _content(report_id, document)
        report_id = self._known(document)
        if report_id is None:
            report_id = str(uuid.uuid4())
            self.reports[report_id] = [document]
        elif is_compressed:
            self.reports[report_id].append(document)
        return 201, _content(report_id, document)

    def _known(self, document: Mapping[str, Any]) -> str | None:
        keys = {report_id: _key(documents[0]) for report_id, documents in self.reports.items()}
        return next((report_id for report_id, key in keys.items() if key == _key(document)), None)


def check_document(document: Any) -> list[str]:
    """Return what is wrong with a document, or one part of it; [] if the service would take it."""
    errors = [f"{error.json_path}: {error.message[-300:]}" for error in _VALIDATOR.iter_errors(document)]
    if not errors and len({day[:7] for day in document["report-header"]["reporting-period"].values()}) > 1:
        errors = ["begin-date and end-date are in different months."]
    return errors


def _read(body: bytes) -> tuple[Any, list[str]]:
    """Return a document, and what is wrong with it."""
    try:
        document = json.loads(body)
    except ValueError:
        return None, ["The document is not JSON."]
    return document, check_document(document)


def _key(document: Mapping[str, Any]) -> tuple[str, str]:
    header = document["report-header"]
    return header["created-by"], header["reporting-period"]["begin-date"][:7]


def _content(report_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return {"report": {"id": report_id, "report-header": document["report-header"]}}


def _doi(dataset: Mapping[str, Any]) -> str:
    return next((entry["value"] for entry in dataset.get("dataset-id", ()) if entry["type"] == "doi"), "")


def _counts(dataset: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for performance in dataset["performance"]:
        for instance in performance["instance"]:
            found[instance["metric-type"], instance["access-method"]] += instance["count"]
    return found


def _handler(service: UsageReportsService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PUT(self) -> None:
            self._answer("PUT")

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            done = service.answer(method, self.path, self.headers, body)
            if isinstance(done, Fault):
                status, content, headers = done.status, {"errors": []}, done.headers
            else:
                (status, content), headers = done, {}
            if status is None:
                self.close_connection = True
                return
            text = json.dumps(content).encode()
            self.send_response_only(status)
            own = {"Date": self.date_time_string(), "Content-Type": "application/json", "Content-Length": len(text)}
            for name, value in {**own, **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(text)

    return Handler
