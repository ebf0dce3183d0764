"""Collect the measures of every stage, and compute their medians and one row for each stage."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from comparison.measuring import Measure, median

PUBLIC, CHECKOUT = "public", "checkout"

MAX_SINGLE_MESSAGES = ", one a message"
"""Ends the name of a stage whose events have a message each."""


class Side(NamedTuple):
    """The medians of one side in one stage."""

    value: float | None
    """Events a second, or seconds."""
    cpu: float | None
    """Seconds of the worker, for all of it; of each question, where it is questions."""
    cpu_search: float | None
    cpu_broker: float | None
    most_mb: float | None
    """Peak memory."""


class Row(NamedTuple):
    """One stage."""

    stage: str
    is_rate: bool
    sides: dict[str, Side]
    ratio: float | None
    """How many times better the checkout is, by wall."""
    cpu_ratio: float | None
    limit: float | None
    limit_name: str


@dataclass
class Results:
    """What a run found."""

    measures: dict[str, dict[str, list[Measure]]] = field(default_factory=lambda: defaultdict(_lists))
    limits: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    """Where the sides did not do the same work."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What is needed to plan with, beside the stages."""

    def add(self, stage: str, label: str, measure: Measure) -> None:
        """Keep a measure of a stage."""
        self.measures[stage][label].append(measure)

    def add_limit(self, stage: str, value: float, name: str) -> None:
        """Keep what the machine does in a stage at best."""
        self.limits[stage].append((value, name))

    def compare(self, what: str, states: dict[str, Any]) -> None:
        """Note the first thing in which the two sides' states differ."""
        found = _difference(states[PUBLIC], states[CHECKOUT]) if len(states) == 2 else None
        if found:
            self.differences.append(f"{what}{found}")

    def value(self, stage: str, label: str, key: str) -> float | None:
        """Return the median of something in a stage."""
        return median(measure.get(key) for measure in self.measures.get(stage, {}).get(label, ()))

    def rows(self) -> list[Row]:
        """Return a row for each stage, in the order in which they were measured."""
        rows = [self._row(stage) for stage in self.measures]
        known = {row.stage: row for row in rows}
        for stage, consume in known.items():
            publish = known.get(stage.replace("consume", "publish"))
            if stage.startswith("consume") and publish is not None:
                total = _sum(stage.replace("consume", "publish + consume"), publish, consume)
                rows.insert(rows.index(consume) + 1, total)
        return rows

    def _row(self, stage: str) -> Row:
        labels = [label for label in (PUBLIC, CHECKOUT) if label in self.measures[stage]]
        is_rate = self.value(stage, labels[0], "rate") is not None
        sides = {}
        for label in labels:
            keys = ("rate" if is_rate else "wall", "cpu", "cpu_search", "cpu_broker", "most_mb")
            sides[label] = Side(*(self.value(stage, label, key) for key in keys))
        found = self.limits.get(stage, [])
        limit = (max if is_rate else min)(found) if found else (None, "")
        return Row(stage, is_rate, sides, *_ratios(sides, is_rate), *limit)


def _lists() -> dict[str, list[Measure]]:
    return defaultdict(list)


def _ratios(sides: dict[str, Side], is_rate: bool) -> tuple[float | None, float | None]:
    if len(sides) < 2:
        return None, None
    public, checkout = sides[PUBLIC], sides[CHECKOUT]
    ratio = _over(checkout.value, public.value) if is_rate else _over(public.value, checkout.value)
    return ratio, _over(public.cpu, checkout.cpu)


def _sum(stage: str, first: Row, second: Row) -> Row:
    """Return the row of two stages that events go through one after the other."""
    sides = {}
    for label in first.sides.keys() & second.sides.keys():
        earlier, later = first.sides[label], second.sides[label]
        rate = 1 / (1 / earlier.value + 1 / later.value) if earlier.value and later.value else None
        cpus = [_plus(earlier[number], later[number]) for number in (1, 2, 3)]
        sides[label] = Side(rate, *cpus, max(earlier.most_mb or 0, later.most_mb or 0))
    return Row(stage, True, sides, *_ratios(sides, is_rate=True), None, "")


def _difference(public: Any, checkout: Any, name: str = "") -> str | None:
    """Return where two states differ first, and how; None where they are the same."""
    if public == checkout or ("unique" in name and _is_estimate(public, checkout)):
        return None
    if isinstance(public, dict) and isinstance(checkout, dict) and public.keys() == checkout.keys():
        parts = ((f", {key}", str(key), public[key], checkout[key]) for key in public)
    elif isinstance(public, list) and isinstance(checkout, list) and len(public) == len(checkout):
        pairs = zip(public, checkout, strict=True)
        parts = ((f" {number}", name, *pair) for number, pair in enumerate(pairs))
    else:
        return f": {PUBLIC} {public}, {CHECKOUT} {checkout}"
    return next((f"{at}{found}" for at, key, *pair in parts if (found := _difference(*pair, key))), None)


def _is_estimate(public: Any, checkout: Any) -> bool:
    """Say whether a distinct count may be the engine's estimate of another: collisions make it smaller."""
    are_numbers = isinstance(public, int | float) and isinstance(checkout, int | float)
    return are_numbers and public < checkout <= public * 1.001


def _over(first: float | None, second: float | None) -> float | None:
    return first / second if first and second else None


def _plus(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def constants(results: Results) -> dict[str, float]:
    """Return what was measured; what was not is left out, and `plan.py` says which it misses."""
    facts, consume = results.facts, f"consume{MAX_SINGLE_MESSAGES}"
    broker = [_each(results, stage, "cpu_broker") for stage in (f"publish{MAX_SINGLE_MESSAGES}", consume)]
    found = {
        "web_seconds_per_event": _each(results, "emit, one a request", "cpu"),
        "worker_events_per_second": results.value(consume, CHECKOUT, "rate"),
        "worker_seconds_per_event": _each(results, consume, "cpu"),
        "engine_seconds_per_event": _each(results, consume, "cpu_search"),
        "broker_seconds_per_event": None if None in broker else sum(part or 0 for part in broker),
        "event_bytes": facts.get(f"{CHECKOUT}_event_bytes"),
        "message_bytes": facts.get("message_bytes"),
        "broker_bytes_per_message": facts.get("broker_bytes_per_message"),
        **_of_totals(results, list(facts.get("aggregations", {}).values())),
    }
    return {name: float(f"{value:.6g}") for name, value in found.items() if value is not None}


def _of_totals(results: Results, aggregations: list[dict[str, Any]]) -> dict[str, float]:
    """Return what a total costs, and an event of one: distinguished by two runs with other shares of both."""
    if not aggregations:
        return {}
    walls, engine = (
        [results.value(aggregation["stage"], CHECKOUT, key) or 0 for aggregation in aggregations] for key in _KEYS
    )
    shares = [aggregation["events"] / aggregation["totals"] for aggregation in aggregations]
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
