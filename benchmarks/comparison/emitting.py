"""Measure the cost of events for a request, one or a hundred, and of publishing in batches."""

import time
from itertools import islice
from types import SimpleNamespace
from typing import Any

from flask import Response, request_finished, request_started

from comparison.application import bench, meter
from comparison.measuring import Measure, added, profiled, quantile
from comparison.workload import TYPES, Logged, catalogue_of, events_of, sorted_by_type

_PIECE = 20_000
"""Events that are in memory at once."""


def emit(path: str, count: int, profile: str | None = None) -> Measure:
    """Emit one event in each request."""
    things = _Things(path)
    return _emit([[event] for event in events_of(path, count)], things, profile)


def archive(path: str, count: int, files: int = 100, profile: str | None = None) -> Measure:
    """Emit the download of each file of an archive, in one request."""
    things = _Things(path)
    downloads = [event for event in events_of(path) if event.kind == "file-download"][:files]
    return _emit([downloads] * count, things, profile)


def publish(path: str, count: int, batch: int = 500, profile: str | None = None) -> Measure:
    """Publish raw events in batches, until the broker has them; the time that it takes to read them does not count."""
    events = events_of(path, count)
    pieces: list[Measure] = []
    published = 0
    with profiled(profile) as part:
        while piece := list(islice(events, _PIECE)):
            raw = sorted_by_type(piece)
            with meter(len(piece)) as measure:
                with part():
                    _publish(raw, batch)
                published += len(piece)
                bench.wait_for(published)
            pieces.append(measure)
    return added(pieces)


def _publish(raw: dict[str, list[dict[str, Any]]], batch: int) -> None:
    for kind, events in raw.items():
        for first in range(0, len(events), batch):
            bench.stats.publish(kind, events[first : first + batch])


class _Things:
    """The records and files of a log, as signals contain them."""

    def __init__(self, path: str):
        self._records: dict[str, dict[str, Any]] = {}
        self._files: dict[str, dict[str, Any]] = {}
        for entry in catalogue_of(path):
            pid = SimpleNamespace(pid_type=entry["pid_type"], pid_value=entry["pid_value"])
            self._records[entry["record_id"]] = {"pid": pid, "record": SimpleNamespace(id=entry["record_id"])}
            for file in entry["files"]:
                obj = SimpleNamespace(
                    bucket_id=entry["bucket_id"],
                    file_id=file["file_id"],
                    key=file["file_key"],
                    file=SimpleNamespace(size=file["size"]),
                )
                self._files[file["file_id"]] = {"obj": obj}

    def of(self, event: Logged) -> dict[str, Any]:
        return self._files[event.raw["file_id"]] if "file_id" in event.raw else self._records[event.raw["record_id"]]


def _emit(requests: list[list[Logged]], things: _Things, profile: str | None) -> Measure:
    """Emit the events of each request; only the emission is timed, with what happens when the request ends."""
    emitters = {kind: bench.stats.get_event_emitter(kind) for kind in TYPES}
    times: list[float] = []
    cpu = 0.0
    with profiled(profile) as part, meter() as whole:
        for events in requests:
            calls = [(emitters[event.kind], things.of(event)) for event in events]
            with _request(events[0].raw), part():
                cpu -= time.process_time()
                start = time.perf_counter()
                request_started.send(bench.app)
                for emitter, arguments in calls:
                    emitter(bench.app, **arguments)
                request_finished.send(bench.app, response=Response())
                times.append(time.perf_counter() - start)
                cpu += time.process_time()
    count = sum(map(len, requests))
    arrived = sum(map(len, bench.taken(count).values()))
    wall = sum(times)
    milliseconds = {f"p{share}_ms": quantile(times, share / 100) * 1000 for share in (50, 99)}
    return {**whole, "wall": wall, "cpu": cpu, "n": count, "rate": count / wall, "arrived": arrived, **milliseconds}


def _request(raw: dict[str, Any]) -> Any:
    headers = {"User-Agent": raw["user_agent"], **({"Referer": raw["referrer"]} if raw["referrer"] else {})}
    context = bench.app.test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": raw["ip_address"]})
    return _SignedIn(context)


class _SignedIn:
    """A request in which it is known already who is signed in, as it is when an event is emitted."""

    def __init__(self, context: Any):
        self._context = context

    def __enter__(self) -> None:
        from flask_login import current_user

        self._context.__enter__()
        _ = current_user.is_authenticated

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)
