"""The processes of an instance: a program that takes orders, and a web server; each stopped by its own id."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Process:
    """A process of an instance, stopped by its own id."""

    def __init__(self, instance: Any, release: str, name: str, command: list, **environment: str):
        self.instance = instance
        self.log = instance.folder / f"{len(list(instance.folder.glob('*.log')))}-{name}-{release}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, command)],
                cwd=instance.folder,
                env=instance.environment(release, **environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if name == "program" else log,
                stderr=log,
                text=True,
            )
        instance.processes.append(self)

    def stop(self) -> None:
        """End it, as a service manager would."""
        if self in self.instance.processes:
            self.instance.processes.remove(self)
            self.process.terminate()
            self.process.communicate(timeout=60)

    def tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text()[-4000:]


class Program(Process):
    """The process that takes orders: `program.call("stats", "status")`."""

    def __init__(self, instance: Any, release: str, **environment: str):
        super().__init__(instance, release, "program", [HERE / "program.py"], **environment)
        self.release = release

    def ready(self) -> "Program":
        """Wait until it takes orders."""
        self._answer()
        version = self.call("release")
        assert (version == "7.0.2") is (self.release == "public"), version
        return self

    def call(self, order: str, *arguments):
        """Have an order carried out; return its result."""
        self.process.stdin.write(json.dumps([order, *arguments]) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def count(self) -> list:
        """Process what waits and bring the totals up to date, by the instance's own schedule."""
        return [self.call("beat", "stats-process-events"), self.call("beat", "stats-aggregate-events")]

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, f"the program ended:\n{self.tail()}"
        answer = json.loads(line)
        assert "error" not in answer, f"{answer['error']}\n{self.tail()}"
        return answer["result"]


class Web(Process):
    """A gunicorn with the whole application, at `url`."""

    def __init__(self, instance: Any, release: str, **environment: str):
        self.port = port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["-m", "gunicorn", "--no-control-socket", "-w", 1, "--threads", 4, "-b", f"127.0.0.1:{port}"]
        command.append("invenio_app.wsgi:application")
        super().__init__(instance, release, "web", command, RDM_SITE_URL=self.url, **environment)

    def ready(self) -> "Web":
        """Wait until it answers."""
        deadline = time.monotonic() + 120
        while not is_open(self.port):
            assert self.process.poll() is None, f"the web server ended:\n{self.tail()}"
            assert time.monotonic() < deadline, f"the web server does not listen:\n{self.tail()}"
            time.sleep(0.2)
        return self


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def is_open(port: int) -> bool:
    """Say whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
