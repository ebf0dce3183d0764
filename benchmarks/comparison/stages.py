"""List the measured stages, in the order in which events pass them."""

import os
from pathlib import Path

from comparison import environments, workload
from comparison.results import CHECKOUT, MAX_SINGLE_MESSAGES
from comparison.run import Run
from comparison.services import Worker

_WAYS = {"": 500, MAX_SINGLE_MESSAGES: 10}
"""Events that are published at once: those of a program that has many, or of requests, each in a message of its own."""
_KINDS = {"four queries": "four queries", "histogram": "histogram query", "by file": "query by file"}


def _import(run: Run) -> None:
    for python in run.pythons.values():
        environments.whole(python)  # compiles it
    for number in run.rounds(run.mode.imports, "import"):
        for label in list(run.pythons)[:: 1 if number % 2 == 0 else -1]:
            run.results.add("import", label, environments.whole(run.pythons[label]))
            run.results.add("import, own modules", label, environments.own(run.pythons[label]))
    if run.profile:
        Path(run.profile, "import.txt").write_text(environments.listed(run.pythons[CHECKOUT]), encoding="utf-8")


def _months() -> list[str]:
    return [f"{workload.of_yesterday(0, 0, 0).last_day:%Y-%m}"]


def _warm(run: Run) -> str:
    """Warm the workers up, once; return the path of the log that goes through the queue."""
    path = run.log(workload.of_yesterday(run.mode.events, run.mode.records, run.mode.seed))
    if not run.is_warm:
        arguments = {"path": path, "count": run.mode.warm, "months": _months(), "seconds": run.mode.warm_seconds}
        run.each(lambda side: side("warm", **arguments))
        run.say("all is warm")
        run.is_warm = True
    return path


def _emit(run: Run) -> None:
    mode = run.mode
    path = _warm(run)
    for number in run.rounds(mode.rounds, "emit"):
        run.measure("emit, one a request", number, "emit", path=path, count=mode.emit)
        run.measure("emit, archive of 100", number, "archive", path=path, count=mode.archive)
    for stage, count in (("emit, one a request", mode.emit), ("emit, archive of 100", mode.archive * 100)):
        run.results.compare(
            f"{stage}: events that arrived of {count}",
            {side.label: run.results.value(stage, side.label, "arrived") for side in run.sides},
        )


def _process(run: Run) -> None:
    mode = run.mode
    path = _warm(run)
    for number in run.rounds(mode.rounds, "process"):
        for way, batch in _WAYS.items():
            _through_the_queue(run, way, path, mode.events, number, batch)
        _preprocess(run, path, number)
        run.measure_limits(path)
    facts = run.results.facts
    checkout = next(side for side in run.sides if side.label == CHECKOUT)
    facts["message_bytes"] = checkout("message_bytes", path=path, count=1000)["bytes_each"]
    if not mode.is_quick:
        checkout("publish", path=path, count=mode.events, batch=_WAYS[MAX_SINGLE_MESSAGES])
        facts["broker_bytes_per_message"] = run.services.queue_memory(checkout.label)
        checkout("consume", count=mode.events)
    for size in mode.processed:
        path = run.log(workload.of_yesterday(size, max(mode.records, size // 20), mode.seed))
        with run.without_public(size):
            for way, batch in _WAYS.items():
                _through_the_queue(run, f"{way} {size:,}", path, size, 0, batch)
        run.say(f"{size:,} events through the queue")
    if mode.processed:
        _share(run, checkout)


def _share(run: Run, first: Worker) -> None:
    """Have one worker store what waits on the queues, and then two at once."""
    count = min(100_000, max(run.mode.processed))
    arguments = {"path": run.log(workload.of_yesterday(count, run.mode.records, run.mode.seed)), "count": count}
    second = run.another(first)
    second("warm", months=_months(), seconds=run.mode.warm_seconds, **{**arguments, "count": run.mode.warm})
    rates = []
    for workers in ([first], [first, second]):
        first("empty", months=_months())
        first("publish", **arguments)
        for worker in workers:
            worker.ask("consume", count=count)
        measures = [worker.answer() for worker in workers]
        rates.append(count / max(measure["wall"] for measure in measures))
        cpu = sum(measure["cpu"] for measure in measures) + measures[0]["cpu_search"] + measures[0]["cpu_broker"]
        busy = cpu / measures[0]["wall"]
    single_rate, double_rate = rates
    cores = len(os.sched_getaffinity(0))
    run.results.notes.append(
        f"Two workers on one queue store {double_rate:,.0f} events/s, one {single_rate:,.0f}, "
        f"which is {double_rate / single_rate:.1f} times as many. "
        f"With both, workers, engine and broker had {busy:.1f} of {cores} cores."
    )


def _through_the_queue(run: Run, name: str, path: str, count: int, number: int, batch: int) -> None:
    states = {}
    for side in run.order(number):
        side("empty", months=_months())
        ways = {"publish": {"path": path, "count": count, "batch": batch}, "consume": {"count": count}}
        for stage, arguments in ways.items():
            measure = run.command(side, stage + name, stage, **arguments)
            run.results.add(stage + name, side.label, measure)
        if measure["left"]:
            run.results.differences.append(f"{side.label} left {measure['left']} messages of {count:,} events")
        if number == 0:
            stored = side("stored")
            states[side.label] = stored["state"]
            run.results.facts.setdefault(f"{side.label}_event_bytes", stored["bytes_each"])
    run.results.compare(f"events stored{name}", states)


def _preprocess(run: Run, path: str, number: int) -> None:
    for side in run.order(number):
        measure = run.command(side, "preprocess", "preprocess", path=path, count=run.mode.events)
        from_raw = measure.pop("from_raw")
        run.results.add("preprocess, as they come off the queue", side.label, measure)
        run.results.add("preprocess, from raw events", side.label, from_raw)


def _aggregate(run: Run) -> None:
    _warm(run)
    for events, records in run.mode.aggregated:
        key = f"{events}-{records}"
        name = "" if len(run.mode.aggregated) == 1 else f" {events:,}/{records:,}"
        path = run.log(workload.up_to_now(events, records, run.mode.days, run.mode.seed))
        loaded = run.limits("load", path=path, key=key)
        months = sorted({*loaded["months"], f"{workload.today():%Y-%m}"})
        rounds = run.mode.rounds if events <= 20_000 else min(2, run.mode.rounds)
        with run.without_public(events):
            for number in run.rounds(rounds, f"aggregate{name}"):
                _aggregate_once(run, name, key, loaded["n"], months, number)
            _ask(run, name, path)
        run.limits("forget", key=key)


def _aggregate_once(run: Run, name: str, key: str, count: int, months: list[str], number: int) -> None:
    midnight = workload.today().isoformat()
    for side in run.order(number):
        side("empty", months=months)
        run.limits("clone", key=key, prefix=side.prefix)
    stage = f"aggregate everything{name}"
    run.measure(stage, number, "aggregate", count=count, end_date=midnight)
    limit = run.limits("aggregate", prefix=run.sides[-1].prefix, count=count)
    run.results.add_limit(stage, limit["rate"], "composite, then bulk")
    totals = run.sides[-1]("totals")
    fact = {"stage": stage, "events": count, "totals": totals["totals"], "bytes_each": totals["bytes_each"]}
    run.results.facts.setdefault("aggregations", {})[stage] = fact
    most = 1000 if run.mode.most_public else None
    for side in run.sides:
        run.limits("arrive", key=key, prefix=side.prefix, most=most)
    run.measure(f"aggregate a new day{name}", number, "aggregate")
    run.measure(f"aggregate nothing new{name}", number, "aggregate")
    nothing = run.limits("nothing", prefix=run.sides[-1].prefix)
    run.results.add_limit(f"aggregate nothing new{name}", nothing["wall"], "a search of each type")
    states = run.each(lambda side: side("totals")["state"])
    run.results.compare(f"totals{name}", states)


def _ask(run: Run, name: str, path: str) -> None:
    mode = run.mode
    for number in run.rounds(1 if mode.is_quick else 2, f"ask{name}"):
        answers = {}
        arguments = {"path": path, "count": mode.questions, "seed": number}
        for side in run.order(number):
            found = run.command(side, f"queries{name}", "ask", days=mode.days, **arguments)
            for kind, measure in found["kinds"].items():
                run.results.add(_KINDS[kind] + name, side.label, measure)
            answers[side.label] = found["answers"]
        limit = run.limits("ask", prefix=run.sides[-1].prefix, **arguments)
        run.results.add_limit(f"four queries{name}", limit["wall"], "one multi-search")
        for kind in _KINDS:
            run.results.compare(f"answers: {kind}", {label: found[kind] for label, found in answers.items()})


def _bytes(run: Run) -> None:
    """Measure how much a stored event and a total take, force-merged, without a replica."""
    mode = run.mode
    path = run.log(workload.of_yesterday(mode.kept, mode.kept // 20, mode.seed))
    for side in run.sides:
        side("empty", months=_months())
        side("publish", path=path, count=mode.kept, batch=_WAYS[""])
        side("consume", count=mode.kept)
    _keep_bytes(run, "raw event", "events-")
    path = run.log(workload.up_to_now(mode.kept, mode.kept // 5, mode.days, mode.seed))
    loaded = run.limits("load", path=path, key="bytes")
    for side in run.sides:
        side("empty", months=sorted({*loaded["months"], f"{workload.today():%Y-%m}"}))
        run.limits("clone", key="bytes", prefix=side.prefix)
        side("aggregate", end_date=workload.today().isoformat())
    _keep_bytes(run, "total", "")
    run.limits("forget", key="bytes")


def _keep_bytes(run: Run, what: str, start: str) -> None:
    run.results.facts.setdefault("bytes", {})[what] = run.each(lambda side: side("merged", start=start))
    run.say(f"bytes of a {what}")


STAGES = {"import": _import, "emit": _emit, "process": _process, "aggregate": _aggregate, "bytes": _bytes}
"""By the names that `--only` takes."""
