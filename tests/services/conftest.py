"""Services that tests kill and start again: those that `scripts/services` runs."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.services import without_service

SCRIPT = Path(__file__).parent.parent.parent / "scripts/services"


def services(*arguments: str) -> str:
    """Run `scripts/services` and return what it prints."""
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(pid: int) -> bool:
    """Kill a process; say whether it was still at work: nobody may have waited for one that has ended."""
    at_work = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    os.kill(pid, signal.SIGKILL)
    return at_work


class Service:
    """One service of this run."""

    def __init__(self, name: str, variable: str):
        self.name = name
        if f"{variable}={os.environ.get(variable)}" not in services("env"):
            without_service(f"{name} is not one that scripts/services runs: scripts/services start {name}")

    def pid(self) -> int:
        """Return its process id, as `scripts/services status` says it."""
        found = re.search(rf"^{self.name}.*?pid (\d+)", services("status"), re.MULTILINE)
        assert found, services("status")
        return int(found[1])

    def crash(self) -> None:
        services("kill", self.name)

    def start(self) -> None:
        services("start", self.name)

    def restart(self) -> None:
        services("stop", self.name)
        self.start()


@pytest.fixture
def rabbitmq():
    service = Service("rabbitmq", "BROKER_URL")
    yield service
    service.start()


@pytest.fixture
def opensearch():
    service = Service("opensearch", "SEARCH_URL")
    yield service
    service.start()
