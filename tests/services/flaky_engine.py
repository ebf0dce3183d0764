"""An engine that misbehaves: a proxy which is busy, loses answers, and lets only a part of a bulk through."""

import json
import random
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FlakyEngine:
    """The engine behind a proxy; one of five requests that write or read documents fails in some way."""

    def __init__(self, url: str, seed: int):
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.faults = 0
        self.is_calm = False
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.answer(self, url, body)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *args):
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    def calm(self):
        """Behave from now on."""
        self.is_calm = True

    def _fault(self, path: str) -> str | None:
        with self._lock:
            if self.is_calm or not ("_bulk" in path or "_mget" in path) or self._chance.random() > 0.2:
                return None
            self.faults += 1
            kinds = ["busy", "down", "lost", "half"] if "_bulk" in path else ["busy", "down", "lost"]
            return self._chance.choice(kinds)

    def answer(self, handler: BaseHTTPRequestHandler, url: str, body: bytes) -> None:
        """Pass a request on, or not, and its answer, or another."""
        fault = self._fault(handler.path)
        if fault in ("busy", "down"):
            reply(handler, 429 if fault == "busy" else 503, b'{"error": {"type": "rejected"}, "status": 429}')
            return
        if fault == "half":
            body, cut = half_of(body)
        status, answer, kind = ask(url, handler, body)
        if fault == "lost":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "half":
            answer = with_rejected(answer, cut)
        reply(handler, status, answer, kind)


def half_of(body: bytes) -> tuple[bytes, list[str]]:
    """Return the first half of a bulk, and the operations of the other half."""
    lines = body.decode().splitlines()
    pairs = [lines[i : i + 2] for i in range(0, len(lines), 2)]
    if any("delete" in json.loads(pair[0]) for pair in pairs):
        return body, []
    keep = max(1, len(pairs) // 2)
    return ("\n".join(line for pair in pairs[:keep] for line in pair) + "\n").encode(), [p[0] for p in pairs[keep:]]


def with_rejected(answer: bytes, cut: list[str]) -> bytes:
    """Return the answer as if the engine had been too busy for the other half."""
    found = json.loads(answer)
    for line in cut:
        ((operation, ref),) = json.loads(line).items()
        found["items"].append({operation: {**ref, "status": 429, "error": {"type": "rejected_execution_exception"}}})
    found["errors"] = True
    return json.dumps(found).encode()


def ask(url: str, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, str]:
    """Ask the engine itself."""
    headers = {name: value for name, value in handler.headers.items() if name.lower() in ("content-type", "accept")}
    request = urllib.request.Request(url + handler.path, data=body or None, method=handler.command, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read(), response.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers.get("Content-Type", "")


def reply(handler: BaseHTTPRequestHandler, status: int, answer: bytes, kind: str = "application/json") -> None:
    """Send an answer to the client."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind or "application/json")
    handler.send_header("Content-Length", str(len(answer)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(answer)
