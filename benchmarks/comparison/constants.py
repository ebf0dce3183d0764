"""Constants: what one event, one total and one message cost the checkout, as `plan.py` reads it."""

from typing import Any

from comparison.results import CHECKOUT, Results


def constants(results: Results) -> dict[str, float]:
    """Return what was measured; what was not is left out, and `plan.py` says which it misses."""
    facts = results.facts
    broker = [_each(results, stage, "cpu_broker") for stage in ("publish", "consume")]
    found = {
        "web_seconds_per_event": _each(results, "emit, one a request", "cpu"),
        "worker_events_per_second": results.value("consume", CHECKOUT, "rate"),
        "worker_seconds_per_event": _each(results, "consume", "cpu"),
        "engine_seconds_per_event": _each(results, "consume", "cpu_search"),
        "broker_seconds_per_event": None if None in broker else sum(part or 0 for part in broker),
        "event_bytes": facts.get(f"{CHECKOUT}_event_bytes"),
        "message_bytes": facts.get("message_bytes"),
        "broker_bytes_per_message": facts.get("broker_bytes_per_message"),
        **_of_totals(results, list(facts.get("aggregations", {}).values())),
    }
    return {name: float(f"{value:.6g}") for name, value in found.items() if value is not None}


def _of_totals(results: Results, aggregations: list[dict[str, Any]]) -> dict[str, float]:
    """Return what a total costs, and an event of one: told apart by two runs with other shares of both."""
    if not aggregations:
        return {}
    walls, engine = ([results.value(one["stage"], CHECKOUT, key) or 0 for one in aggregations] for key in _KEYS)
    shares = [one["events"] / one["totals"] for one in aggregations]
    few, many = shares.index(min(shares)), shares.index(max(shares))
    of_total, of_event = walls[few] / aggregations[few]["totals"], 0.0
    if few != many:
        of_total, of_event = _solve(aggregations[few], walls[few], aggregations[many], walls[many])
    return {
        "aggregator_seconds_per_total": of_total,
        "aggregator_seconds_per_event": of_event,
        "engine_seconds_per_total": engine[few] / aggregations[few]["totals"],
        "totals_per_event": 1 / shares[few],
        "total_bytes": aggregations[few]["bytes_each"],
    }


_KEYS = ("wall", "cpu_search")


def _solve(few: dict[str, Any], wall: float, many: dict[str, Any], other_wall: float) -> tuple[float, float]:
    """Return seconds by total and by event, so that both runs took what they took; none of them below 0."""
    determinant = few["totals"] * many["events"] - many["totals"] * few["events"]
    of_total = (wall * many["events"] - other_wall * few["events"]) / determinant
    of_event = (other_wall * few["totals"] - wall * many["totals"]) / determinant
    if of_event < 0 or of_total < 0:  # the runs differ by less than what else the machine did
        return wall / few["totals"], 0.0
    return of_total, of_event


def _each(results: Results, stage: str, key: str) -> float | None:
    value, count = results.value(stage, CHECKOUT, key), results.value(stage, CHECKOUT, "n")
    return value / count if value is not None and count else None
