"""Run the stages in order, each side in turn and the next time in the opposite order."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from comparison import environments, workload
from comparison.measuring import Measure
from comparison.modes import Mode
from comparison.results import CHECKOUT, MAX_SINGLE_MESSAGES, PUBLIC, Results
from comparison.services import Services, Worker

_PATIENCE = 3600.0
_STORE = "bulk of the same, 2 x 2,000"


class Run:
    """One comparison, or the checkout alone where there is no interpreter of the public release."""

    def __init__(self, mode: Mode, pythons: dict[str, str], profile: str | None = None, data: str | None = None):
        """Compare these interpreters.

        :param profile: folder for the profiles of the checkout's stages.
        :param data: folder for the data of the services.
        """
        self.mode = mode
        self.results = Results()
        self.sides: list[Worker] = []
        self.is_warm = False
        self.pythons = pythons
        self.profile = profile
        self._data = data
        self._started = time.monotonic()
        self._folder = environments.cache_folder()

    def __call__(self, stages: Iterable[Callable[["Run"], None]]) -> Results:
        """Do all stages, and stop whatever was started."""
        with ExitStack() as stack:
            self._stack = stack
            self._start(stack)
            for stage in stages:
                stage(self)
        return self.results

    def say(self, text: str) -> None:
        """Tell somebody who waits how far it is."""
        print(f"[{time.monotonic() - self._started:6.1f} s] {text}", file=sys.stderr, flush=True)

    def rounds(self, count: int, name: str) -> Iterator[int]:
        """Yield the numbers of rounds, as long as there is time for another."""
        for number in range(count):
            begun = time.monotonic()
            yield number
            now = time.monotonic()
            self.say(f"{name}: round {number + 1}")
            if number + 1 < count and now + (now - begun) > self._started + self.mode.seconds:
                self.results.notes.append(f"{name}: {number + 1} of {count} rounds, for the time.")
                return

    def order(self, number: int) -> list[Worker]:
        """Return the sides in the order of a round."""
        return self.sides if number % 2 == 0 else self.sides[::-1]

    def measure(self, stage: str, number: int, command: str, only: str | None = None, **arguments: Any) -> None:
        """Have each side do a stage in turn, and keep what was measured."""
        for side in self.order(number):
            if only in (None, side.label):
                self.results.add(stage, side.label, self.command(side, stage, command, **arguments))

    def command(self, side: Worker, stage: str, command: str, **arguments: Any) -> Measure:
        """Have one side do something, profiled where that is wanted."""
        if self.profile and side.label == CHECKOUT:
            arguments["profile"] = f"{self.profile}/{stage.replace(' ', '-').replace(',', '')}.prof"
        return side(command, **arguments)

    def measure_limits(self, path: str) -> None:
        """Measure what broker and engine do at best with the events that this checkout has just stored."""
        count = self.mode.events
        for name, measure in self.limits("broker", path=path, count=count).items():
            stage = f"publish{MAX_SINGLE_MESSAGES}" if name.startswith("bare") else "emit, one a request"
            self.results.add_limit(stage, measure["rate"], name)
        limit = self.limits("store", prefix=self.sides[-1].prefix, count=count)["rate"]
        for stage in ("consume", f"consume{MAX_SINGLE_MESSAGES}"):
            self.results.add_limit(stage, limit, _STORE)

    def log(self, log: workload.Log) -> str:
        """Return the path of a log, written where it is not there."""
        return workload.kept(self._folder, log)

    def each(self, work: Callable[[Worker], Any]) -> dict[str, Any]:
        """Return something of each side by its label."""
        return {side.label: work(side) for side in self.sides}

    @contextmanager
    def without_public(self, size: int) -> Iterator[None]:
        """Leave the public release out where the size is beyond what it is to be measured with."""
        all_sides = self.sides
        if self.mode.most_public is not None and size > self.mode.most_public:
            self.sides = [side for side in all_sides if side.label != PUBLIC]
        try:
            yield
        finally:
            self.sides = all_sides

    def another(self, side: Worker) -> Worker:
        """Start one more process of a side, with the same queues and indices."""
        worker = self._worker(self._stack, side.label, side.python, "comparison.worker", self._folder / "logs", "-2")
        worker("open", urls=self.services.urls_of(side.label), pids=self.services.pids, prefix=side.prefix)
        return worker

    def _start(self, stack: ExitStack) -> None:
        """Start the processes, which import meanwhile, and the services."""
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.sides = [
            self._worker(stack, label, python, "comparison.worker", logs) for label, python in self.pythons.items()
        ]
        self.limits = self._worker(stack, "limits", self.pythons[CHECKOUT], "comparison.limits", logs)
        self.services = Services(self.mode.is_quick, self._data)
        stack.callback(self.services.stop)
        self.services.start([*self.pythons, "limits"])
        storage = "memory: no confirmation waits for a disk" if self.services.is_in_memory else "files on disk"
        self.results.notes.append(f"The services keep their data in {storage}.")
        self.say("services are up")
        database = environments.country_database(self.pythons.get(PUBLIC, self.pythons[CHECKOUT]))
        for worker in [*self.sides, self.limits]:
            more = {} if worker is self.limits else {"country_database": database}
            urls = self.services.urls_of(worker.label)
            worker.ask("open", urls=urls, pids=self.services.pids, prefix=worker.prefix, **more)
        for side in self.sides:
            self.results.facts[side.label] = side.answer()
        self.limits.answer()
        self.say("applications are up")

    @staticmethod
    def _worker(stack: ExitStack, label: str, python: str, module: str, logs: Path, number: str = "") -> Worker:
        worker = Worker(label, python, module, logs / f"{label}{number}.log", _PATIENCE)
        worker.prefix = f"{label}-"
        stack.callback(worker.stop)
        return worker
