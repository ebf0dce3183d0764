"""Services and workers: the processes that a run starts, and stops."""

import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from comparison.environments import ROOT, cache_folder, environment

_MEMORY = Path("/dev/shm")
_NAMES = {"opensearch": "search", "rabbitmq": "broker", "redis": "cache"}
_PREFIX = "invenio-stats-bench-"
_PROGRAM = str(ROOT / "scripts" / "services")
_ROOM = 2_000_000_000
"""Bytes."""
_VARIABLES = {"SEARCH_URL": "search", "BROKER_URL": "broker", "CACHE_REDIS_URL": "cache"}


class Services:
    """What a run needs; nobody else uses it, so nothing is left when it is stopped."""

    def __init__(self, quick: bool, folder: str | None = None):
        """Keep their data in a folder, or else in memory where there is room; `quick` starts a slower engine sooner."""
        path = Path(folder) if folder else _data_folder()
        self.is_in_memory = path == _MEMORY
        _clear(path)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=path))
        options = "--quick --heap 1g" if quick else "--no-quick --heap 1g"
        self._environment = {**os.environ, "SERVICES_DIR": str(self._folder), "OPENSEARCH_OPTIONS": options}
        self.urls: dict[str, str] = {}
        self.pids: dict[str, int] = {}

    def start(self, virtual_hosts: list[str]) -> None:
        """Start them, and make virtual hosts on the broker."""
        lines = self._run("start", *_NAMES).stdout
        self.urls = {_VARIABLES[name]: url for name, url in re.findall(r"export (\w+)=(\S+)", lines)}
        self.pids = {known: int((self._folder / name / "pid").read_text()) for name, known in _NAMES.items()}
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        definitions = {
            "vhosts": [{"name": name} for name in virtual_hosts],
            "permissions": [{"user": "guest", "vhost": name, **rights} for name in virtual_hosts],
        }
        path = self._folder / "definitions.json"
        path.write_text(json.dumps(definitions))
        self._run("ctl", "import_definitions", str(path))

    def urls_of(self, virtual_host: str) -> dict[str, str]:
        """Return the addresses, with a virtual host of the broker."""
        return {**self.urls, "broker": f"{self.urls['broker'].rstrip('/')}/{virtual_host}"}

    def queue_memory(self, virtual_host: str) -> float | None:
        """Return how many bytes of the broker's memory a waiting message takes; None where nothing waits."""
        listed = self._run("ctl", "-q", "list_queues", "-p", virtual_host, "messages", "memory").stdout
        rows = re.findall(r"^(\d+)\s+(\d+)$", listed, re.MULTILINE)
        messages = sum(int(count) for count, _ in rows)
        return sum(int(memory) for _, memory in rows) / messages if messages else None

    def stop(self) -> None:
        """Stop them and delete all that they had."""
        _stop(self._folder)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [_PROGRAM, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"scripts/services {' '.join(arguments)}:\n{done.stderr[-2000:] or done.stdout[-2000:]}")
        return done


def _data_folder() -> Path:
    """Return where data is quickest: no disk then has a part in what is measured."""
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
        return _MEMORY
    cache_folder().mkdir(parents=True, exist_ok=True)
    return cache_folder()


def _clear(path: Path) -> None:
    """Stop and delete what runs have left that were killed."""
    for folder in path.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if folder.stat().st_uid == os.getuid() and not Path("/proc", pid).exists():
            _stop(folder)


def _stop(folder: Path) -> None:
    environment = {**os.environ, "SERVICES_DIR": str(folder)}
    subprocess.run([_PROGRAM, "stop", "--purge"], env=environment, capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


class Worker:
    """One process that runs `comparison.worker` or `comparison.limits`."""

    def __init__(self, label: str, python: str, module: str, log: Path, patience: float):
        """Start it; `patience` is how many seconds a command may take."""
        self.label, self.python = label, python
        self.prefix = ""
        self._patience = patience
        self._log = log
        with log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [python, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
                cwd="/",
                text=True,
            )

    def __call__(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Have a command done, and return its answer; RuntimeError when it failed."""
        self.ask(command, **arguments)
        return self.answer()

    def ask(self, command: str, **arguments: Any) -> None:
        """Send a command, and do not wait."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return the answer to the command that was sent."""
        answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise RuntimeError(f"{self.label}: {answer['error']}\n{self._tail()}")
        return answer

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            try:
                self.ask("quit")
                self._process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        end = time.monotonic() + self._patience
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            what = "ended" if ready else f"gave no answer for {self._patience:.0f} s"
            raise RuntimeError(f"{self.label} {what}\n{self._tail()}")
        return line

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2500:]
