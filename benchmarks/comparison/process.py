"""Process: a worker in an interpreter of its own, told what to do line by line."""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

_BENCHMARKS = str(Path(__file__).resolve().parents[1])


def environment(**more: str) -> dict[str, str]:
    """Return the environment of an interpreter that sees its own packages and the benchmarks, and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": _BENCHMARKS, "PYTHONWARNINGS": "ignore", "TZ": "UTC", **more}


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
