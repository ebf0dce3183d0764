"""Measure wall and CPU time of some work, CPU time of the servers meanwhile, and the most memory used."""

import cProfile
import gc
import io
import json
import os
import pstats
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")

Measure = dict[str, Any]
"""What was measured: `wall`, `cpu`, `most_mb`, `cpu_<server>`, and with a number of things `n` and `rate`."""


class Meter:
    """Measures pieces of work of this process, and what servers, known by their process ids, do meanwhile."""

    def __init__(self) -> None:
        self.servers: Mapping[str, int] = {}

    @contextmanager
    def __call__(self, things: int | None = None) -> Iterator[Measure]:
        """Give the measure, which is filled at the end of the block."""
        measure: Measure = {}
        gc.collect()
        _forget_peak()
        before = {name: _cpu_of(pid) for name, pid in self.servers.items()}
        cpu, wall = time.process_time(), time.perf_counter()
        yield measure
        measure["wall"] = time.perf_counter() - wall
        measure["cpu"] = time.process_time() - cpu
        measure["most_mb"] = _peak_mb()
        for name, pid in self.servers.items():
            measure[f"cpu_{name}"] = round(_cpu_of(pid) - before[name], 3)
        if things is not None:
            measure["n"] = things
            measure["rate"] = things / measure["wall"]


def added(measures: Iterable[Measure]) -> Measure:
    """Return the measure of pieces of the same work together."""
    pieces = list(measures)
    whole = {key: sum(piece[key] for piece in pieces) for key in pieces[0] if key not in ("most_mb", "rate")}
    return {**whole, "most_mb": max(piece["most_mb"] for piece in pieces), "rate": whole["n"] / whole["wall"]}


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which that share of the values lies; 0 for none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    position = (len(ordered) - 1) * share
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def median(values: Iterable[float | None]) -> float | None:
    """Return the middle one of the values that there are."""
    known = [value for value in values if value is not None]
    return quantile(known, 0.5) if known else None


@contextmanager
def profiled(path: str | None) -> Iterator[Callable[[], Any]]:
    """Give a context manager that profiles its block, as often as it is used; writes to `path` and `path`.txt.

    Of threads that the block starts it is their processor time: what they wait for each other says nothing.
    """
    profiles: list[cProfile.Profile] = []

    def start(*event: Any, timer: Callable[[], float] = time.thread_time) -> None:
        profiles.append(cProfile.Profile(timer))
        profiles[-1].enable()

    @contextmanager
    def part() -> Iterator[None]:
        if path is None:
            yield
            return
        if sys.version_info < (3, 12):  # later ones take note of all threads by themselves
            threading.setprofile(start)
        start(timer=time.perf_counter)
        this = profiles[-1]
        try:
            yield
        finally:
            this.disable()
            threading.setprofile(None)

    yield part
    if path is not None:
        _write(profiles, path)


def serve(commands: Mapping[str, Callable[..., Measure | None]]) -> None:
    """Answer commands, a line of JSON each on standard input, on what was standard output; prints go to errors."""
    reply = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        name = request.pop("command")
        if name == "quit":
            return
        try:
            answer = commands[name](**request) or {}
        except Exception as error:  # told to who asked, who decides
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        reply.write(json.dumps(answer, default=str) + "\n")


def _write(profiles: list[cProfile.Profile], path: str) -> None:
    pstats.Stats(*profiles).dump_stats(path)
    with open(f"{path}.txt", "w", encoding="utf-8") as file:
        for order, lines in (("tottime", 40), ("cumulative", 80)):
            text = io.StringIO()
            pstats.Stats(path, stream=text).sort_stats(order).print_stats(lines)
            file.write(text.getvalue())


def _cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has had; 0 where that cannot be known."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _forget_peak() -> None:
    try:
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")
    except OSError:
        pass  # then it is the most of the whole run


def _peak_mb() -> float:
    with open("/proc/self/status", encoding="utf-8") as file:
        found = next((line for line in file if line.startswith("VmHWM:")), "VmHWM: 0")
    return round(int(found.split()[1]) / 1024, 1)
