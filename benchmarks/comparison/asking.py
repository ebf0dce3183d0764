"""Measure requests to the REST API, and compare the numbers in the answers."""

import random
import time
from datetime import timedelta
from typing import Any

from comparison.application import bench, meter
from comparison.measuring import Measure, profiled, quantile
from comparison.workload import events_of, today

Questions = dict[str, Any]


def ask(path: str, days: int, count: int, seed: int, profile: str | None = None) -> Measure:
    """Ask each kind of question so many times; return times and answers of each kind."""
    client = bench.app.test_client()
    results: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    with profiled(profile) as part:
        for name, bodies in _questions(path, days, count, seed).items():
            client.post("/stats", json=bodies[0])
            times: list[float] = []
            answers[name] = []
            with meter() as measure:
                for body in bodies:
                    start = time.perf_counter()
                    with part():
                        response = client.post("/stats", json=body)
                    times.append(time.perf_counter() - start)
                    if response.status_code != 200:
                        raise RuntimeError(f"{name}: {response.status_code} {response.get_data(as_text=True)[:300]}")
                    answers[name].append(_numbers(response.get_json()))
            for key in [key for key in measure if key.startswith("cpu")]:
                measure[key] /= count
            results[name] = {**measure, "wall": quantile(times, 0.5), "p99_ms": quantile(times, 0.99) * 1000}
    return {"kinds": results, "answers": answers}


def _questions(path: str, days: int, count: int, seed: int) -> dict[str, list[Questions]]:
    choose = random.Random(seed)
    events = list(events_of(path, 20_000))
    downloads = [event.raw for event in events if event.kind == "file-download"]
    views = [event.raw for event in events if event.kind == "record-view"]
    span = {"start_date": (today() - timedelta(days=days)).date().isoformat(), "end_date": today().date().isoformat()}
    kinds: dict[str, list[Questions]] = {"four queries": [], "histogram": [], "by file": []}
    for _ in range(count):
        download, view = choose.choice(downloads), choose.choice(views)
        kinds["four queries"].append(four(download, view))
        file = {"bucket_id": download["bucket_id"], "file_key": download["file_key"]}
        params = {**file, **span, "interval": "day"}
        kinds["histogram"].append({"q": {"stat": "bucket-file-download-histogram", "params": params}})
        params = {"bucket_id": download["bucket_id"]}
        kinds["by file"].append({"q": {"stat": "bucket-file-download-total", "params": params}})
    return kinds


def four(download: dict[str, Any], view: dict[str, Any]) -> Questions:
    """Return the questions that InvenioRDM asks for each record."""
    bucket = {"bucket_id": download["bucket_id"]}
    return {
        "views": {"stat": "record-view", "params": {"pid_value": view["pid_value"]}},
        "views of all": {"stat": "record-view-all-versions", "params": {"record_id": view["record_id"]}},
        "downloads": {"stat": "record-download", "params": bucket},
        "downloads of all": {"stat": "record-download-all-versions", "params": bucket},
    }


def _numbers(answer: Any) -> Any:
    """Return the numbers of an answer, those of groups in the order of their keys; days without any are left out."""
    if isinstance(answer, dict):
        found = {name: _numbers(value) for name, value in answer.items() if name not in ("start_date", "end_date")}
        return {name: value for name, value in sorted(found.items()) if value not in (None, 0, [], {})}
    if isinstance(answer, list):
        return sorted(
            (_numbers(bucket) for bucket in answer if isinstance(bucket, dict) and bucket.get("value") != 0), key=str
        )
    return answer if isinstance(answer, (int, float)) and not isinstance(answer, bool) else None
