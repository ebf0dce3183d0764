"""All ways in which workers at single engine operations can get in each other's way, with faults between.

A worker is the real writer on a client that gives it recorded answers, and stops it where there is none yet: so
each step runs it from the start again. States that were seen are not explored twice.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.core.double_clicks import Click
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.double_click_requests import STAMP_LIFE
from tests.fixtures.clicks import counted, counted_items, kept_by_thing, kept_items
from tests.unit.processing.cell_engine import START, Engine, Operation, write_of

GIVEN_UP = "given up"
LONG = timedelta(minutes=5)


Batches = Sequence[Sequence[Sequence[Click]]]
"""For each worker the batches that it writes."""


Expected = tuple[dict, dict]
"""What counts, and the items of it."""


class Waiting(BaseException):
    """A worker waits for the first of these operations; the others follow in the same request."""

    def __init__(self, *operations: Operation):
        self.operations = operations


class Worker(NamedTuple):
    """Which batches it writes one after the other, and what the engine has answered so far, both by number."""

    batches: int
    answers: tuple[int, ...] = ()
    is_gone: bool = False


class Faults(NamedTuple):
    """What may still happen: kills and time-outs, and the engine standing still for minutes."""

    failures: int = 0
    stalls: int = 0


class State(NamedTuple):
    """Where everybody is. `late` are writes of requests that nobody waits for any more."""

    engine: Engine
    workers: tuple[Worker, ...]
    faults: Faults
    late: tuple[tuple[Operation, ...], ...] = ()


@dataclass
class Recorded:
    """A client that gives recorded answers, and says what it waits for when there are no more."""

    answers: Sequence[tuple[Any, datetime]]
    position: int = 0
    now: datetime = START
    transport = SimpleNamespace(serializer=SimpleNamespace())

    def clock(self) -> datetime:
        return self.now

    def bulk(self, body: str, filter_path: str) -> dict:
        lines = [json.loads(line) for line in body.splitlines()]
        operations = [write_of(head, source) for head, source in zip(lines[::2], lines[1::2], strict=True)]
        return {"items": [{"index": answer} for answer in self._do(operations)]}

    def mget(self, body: bytes, preference: str, filter_path: str) -> dict:
        return {
            "docs": self._do(
                [Operation("get", document["_index"], document["_id"]) for document in json.loads(body)["docs"]]
            )
        }

    def _do(self, operations: list[Operation]) -> list[dict]:
        answers = []
        for number in range(len(operations)):
            if self.position == len(self.answers):
                raise Waiting(*operations[number:])
            answer, self.now = self.answers[self.position]
            self.position += 1
            if answer == GIVEN_UP:
                raise search.exceptions.ConnectionTimeout("TIMEOUT", "no answer", None)
            answers.append(answer)
        return answers


@dataclass
class Explorer:
    """Explores what a kind of writer does; `make` returns a new one for a client and its clock."""

    make: Callable[[Any, Callable[[], datetime]], Any]
    window: int = 30
    ends: int = 0
    _batches: Batches = ()
    _waiting: dict[Worker, tuple[Operation, ...]] = field(default_factory=dict)
    _answers: list[tuple[Any, datetime]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def explore(self, batches: Batches, faults: Faults) -> int:
        """Go through all schedules of workers with these batches; return how many states there were."""
        expected, start = self._start(batches, faults)
        stack, seen = [start], set()
        while stack:
            state = stack.pop()
            key = _key(state)
            if key in seen:
                continue
            seen.add(key)
            following = list(self._moves(state))
            stack += following
            if self._is_over(state):
                self.ends += 1
                check(state.engine, expected, self.window)
        return len(seen)

    def wander(self, batches: Batches, faults: Faults, seed: int) -> None:
        """Go through one schedule, chosen by chance."""
        rng = random.Random(seed)
        expected, state = self._start(batches, faults)
        while moves := list(self._moves(state)):
            state = rng.choice(moves)
        self.ends += 1
        check(state.engine, expected, self.window)

    def _start(self, batches: Batches, faults: Faults) -> tuple[Expected, State]:
        self._batches = batches
        self._waiting.clear()
        clicks = [click for worker in batches for batch in worker for click in batch]
        workers = tuple(Worker(number) for number in range(len(batches)))
        return (kept_by_thing(clicks, self.window), kept_items(clicks, self.window)), State(Engine(), workers, faults)

    def _is_over(self, state: State) -> bool:
        return not state.late and not any(self._waits_for(worker) for worker in state.workers)

    def _moves(self, state: State) -> Iterator[State]:
        """Yield all that can happen next."""
        for number, worker in enumerate(state.workers):
            if operations := self._waits_for(worker):
                yield self._step(state, number, operations[0])
            if state.faults.failures and not worker.is_gone:
                yield from self._failures(state, number, operations)
        for number, operations in enumerate(state.late):
            engine = state.engine.copy()
            engine.do(operations[0])
            rest = (*state.late[:number], operations[1:], *state.late[number + 1 :])
            yield state._replace(engine=engine, late=tuple(filter(None, rest)))
        if state.faults.stalls and not self._is_over(state):
            engine = state.engine.copy()
            engine.now += LONG
            yield state._replace(engine=engine, faults=state.faults._replace(stalls=state.faults.stalls - 1))

    def _step(self, state: State, number: int, operation: Operation) -> State:
        engine = state.engine.copy()
        answer = engine.do(operation)
        return _with_worker(state._replace(engine=engine), number, self._answered(state, number, answer, engine.now))

    def _failures(self, state: State, number: int, operations: tuple[Operation, ...]) -> Iterator[State]:
        """Yield what can fail: the worker dies, or gives its request up; what was sent is lost, or comes late."""
        faults = state.faults._replace(failures=state.faults.failures - 1)
        worker = state.workers[number]
        # What was not acknowledged is delivered again, to a worker that remembers nothing; also what was all done.
        dead = _with_worker(state._replace(faults=faults), number, worker._replace(is_gone=True))
        dead = dead._replace(workers=(*dead.workers, Worker(worker.batches)))
        yield dead
        if operations:
            given_up = self._answered(state, number, GIVEN_UP, state.engine.now)
            impatient = _with_worker(state._replace(faults=faults), number, given_up)
            yield impatient
            if operations[0].writes:
                yield dead._replace(late=(*state.late, operations))
                yield impatient._replace(late=(*state.late, operations))

    def _answered(self, state: State, number: int, answer: Any, now: datetime) -> Worker:
        name = f"{now}{answer}"
        if name not in self._numbers:
            self._numbers[name] = len(self._answers)
            self._answers.append((answer, now))
        worker = state.workers[number]
        return worker._replace(answers=(*worker.answers, self._numbers[name]))

    def _waits_for(self, worker: Worker) -> tuple[Operation, ...]:
        if worker.is_gone:
            return ()
        if worker not in self._waiting:
            self._waiting[worker] = self._run(worker)
        return self._waiting[worker]

    def _run(self, worker: Worker) -> tuple[Operation, ...]:
        """Return the operations that a worker waits for: none when it is done."""
        client = Recorded([self._answers[number] for number in worker.answers])
        writer = self.make(client, client.clock)
        try:
            for batch in self._batches[worker.batches]:
                _write(writer, batch)
        except Waiting as waiting:
            return waiting.operations
        return ()


def _write(writer: Any, batch: Sequence[Click]) -> None:
    while True:
        try:
            writer.write(batch)
        except EngineUnavailableError:  # the broker delivers the batch again
            continue
        return


def _with_worker(state: State, number: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:number], worker, *state.workers[number + 1 :]))


def _key(state: State) -> tuple:
    documents = frozenset(
        (key, str(value), state.engine.changed_at[key]) for key, value in state.engine.documents.items()
    )
    return documents, state.engine.now, state.workers, state.faults, str(state.late)


def check(engine: Engine, expected: Expected, window: int) -> None:
    """Nothing is lost or counted twice, and no change has come to be seen too long after its stamp."""
    found = counted(engine.sources()), counted_items(engine.sources())
    assert found == expected, f"{found} instead of {expected}"
    for key, (source, _) in engine.documents.items():
        stamp = datetime.fromisoformat(source["updated_timestamp"])
        assert engine.changed_at[key] - stamp <= STAMP_LIFE, f"aggregations may have passed {key} by"
