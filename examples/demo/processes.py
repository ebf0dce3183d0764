"""Start the demo's processes, each with its log, and end them by their own handles."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_FOREIGN = ("CELERY_", "FLASK_", "GUNICORN_", "INVENIO_")
"""Beginnings of variables that would configure our processes, and belong to somebody else's."""

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens addresses of this machine without asking a proxy."""

_COMPLAINT = re.compile(r"\b(ERROR|CRITICAL|\w+Error|\w+Exception)\b")

PATIENCE = 60.0
"""Seconds that a process may take to start or to stop."""
WORK_PATIENCE = 600.0
"""Seconds that a command may take that goes through all that was used."""


class DemoError(Exception):
    """The demo cannot go on; the text says why, and shows the end of the log that tells more."""


class Processes:
    """Processes that live as long as the `with` block."""

    def __init__(self, logs: Path, env: Mapping[str, str]):
        """Write a log per process into the folder."""
        self.logs = logs
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)} | dict(env)
        self._running: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Processes":
        """Start with none."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop all."""
        for process in self._running.values():
            process.terminate()
        for name in list(self._running):
            self.stop(name)

    def start(self, name: str, *command: str | Path) -> None:
        """Start a process in a group of its own, so that Ctrl-C reaches only the demo, which stops the others."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.logs,
                start_new_session=True,
            )

    def finish(self, *names: str, patience: float = PATIENCE) -> None:
        """Wait until processes have done their work; DemoError when one fails."""
        for name in names:
            process = self._running.pop(name)
            try:
                failed = process.wait(timeout=patience)
            except BaseException as error:
                self._running[name] = process
                if isinstance(error, subprocess.TimeoutExpired):
                    raise self.error(name, f"'{name}' has not ended after {patience:.0f} s") from error
                raise
            if failed:
                raise self.error(name, f"'{name}' failed")

    def run(self, name: str, *command: str | Path, patience: float = WORK_PATIENCE) -> None:
        """Run one command to its end."""
        self.start(name, *command)
        self.finish(name, patience=patience)

    def ask(self, name: str, *command: str | Path) -> tuple[int, str]:
        """Run one command to its end; return its exit code and what it printed on standard output."""
        options: dict[str, Any] = {"env": self.env, "cwd": self.logs, "stdin": subprocess.DEVNULL, "text": True}
        with self._log(name).open("ab") as log:
            try:
                done = subprocess.run(
                    [str(part) for part in command],
                    **options,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                    timeout=WORK_PATIENCE,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise self.error(name, f"'{name}' has not ended after {WORK_PATIENCE:.0f} s") from error
        return done.returncode, done.stdout

    def check(self) -> None:
        """Raise DemoError when a process has ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise self.error(name, f"'{name}' has ended")

    def stop(self, name: str) -> None:
        """End a process and those it has started."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(timeout=PATIENCE / 4)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children, when it could not end them itself
        process.wait()

    def wait_until(self, name: str, ready: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until something is so, as long as all processes live; DemoError shows the log of `name`."""
        end = time.monotonic() + patience
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise self.error(name, f"'{name}' is not ready after {patience:.0f} s")
            time.sleep(0.1)

    def complaints(self, name: str, most: int = 12) -> list[str]:
        """Return the last lines of a process's log that speak of an error, each text once."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        found = {line.rpartition("] ")[2]: line for line in lines if _COMPLAINT.search(line)}
        return list(found.values())[-most:]

    def error(self, name: str, what: str) -> DemoError:
        """Return what happened, with the end of the process's log."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return DemoError("\n".join([f"{what}. The end of its log:", *(f"    {line}" for line in lines[-25:])]))

    def _log(self, name: str) -> Path:
        return self.logs / f"{name.replace(' ', '-')}.log"


def program(name: str) -> Path:
    """Return a command of this Python environment."""
    return Path(sys.executable).parent / name


def write_command(path: Path, command: Path, environment: Mapping[str, str]) -> None:
    """Write a shell script that runs a command in an environment, with the arguments that it is given."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    path.write_text("\n".join(["#!/bin/sh", *exports, f'exec {shlex.quote(str(command))} "$@"', ""]))
    path.chmod(0o700)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    """Say whether somebody answers there, whatever the answer."""
    try:
        with _direct.open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def fetch(url: str, body: Any) -> Any:
    """Send JSON and return the JSON that comes back; DemoError when it is refused."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with _direct.open(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise DemoError(f"{url} answered {error.code}: {error.read(2000).decode(errors='replace')}") from error
