"""Compares this checkout with the public release, side by side: `python benchmarks/compare.py`.

Makes an environment for each once, in ${XDG_CACHE_HOME:-~/.cache}/invenio-stats-bench; starts OpenSearch, RabbitMQ and
Redis of its own (scripts/services), and has both do the same seeded work in turn. Prints for each stage both rates, how
many times better the checkout is by wall and by CPU of the worker, what the machine does at best in the same run, and
the most memory. Exits with 3 where the two did not do the same work. Read ratios: rates are those of the machine.
"""

import argparse
import json
import os
import platform
import signal
import sys
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from comparison import environments, modes, table
from comparison.results import CHECKOUT, PUBLIC, Results, constants
from comparison.run import Run
from comparison.settings import ALIKE
from comparison.stages import STAGES


def main() -> int:
    """Compare, print, and say with the exit code whether both did the same work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    arguments = _arguments()
    mode = _mode(arguments)
    public = environments.public()
    pythons = {PUBLIC: public, CHECKOUT: environments.checkout(public)}
    if arguments.profile:
        Path(arguments.profile).mkdir(parents=True, exist_ok=True)
        pythons.pop(PUBLIC)
    machine = _machine()
    run = Run(mode, pythons, arguments.profile and str(Path(arguments.profile).resolve()), arguments.data)
    results = run(STAGES[name] for name in arguments.only or STAGES)
    machine["load_at_end"] = os.getloadavg()
    _print(results, machine, arguments.profile)
    if arguments.json:
        report = _report(results, machine, mode)
        Path(arguments.json).write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
    return 3 if results.differences else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="little work, under a minute once all is installed")
    kind.add_argument("--sweep", action="store_true", help="growth: up to a million events; takes an hour or more")
    kind.add_argument(
        "--profile", metavar="FOLDER", help="the checkout alone, with cProfile's files of each stage; no times to use"
    )
    parser.add_argument("--only", action="append", choices=STAGES, help="this part only; may be given several times")
    parser.add_argument("--json", metavar="FILE", help="write all measures, and the constants that plan.py reads")
    parser.add_argument("--data", metavar="FOLDER", help="for the data of the services; in memory unless given")
    parser.add_argument("--seed", type=int, default=7, help="of the usage log (7)")
    parser.add_argument("--most", type=int, metavar="EVENTS", help="leave out what has more events, for --sweep")
    parser.add_argument("--rounds", type=int, help="how often each stage is measured; the table has the medians")
    return parser.parse_args()


def _mode(arguments: argparse.Namespace) -> modes.Mode:
    mode = modes.DEFAULT
    if arguments.quick:
        mode = modes.QUICK
    elif arguments.sweep:
        mode = modes.SWEEP
    elif arguments.profile:
        mode = modes.PROFILED
    most = arguments.most or float("inf")
    return replace(
        mode,
        seed=arguments.seed,
        rounds=arguments.rounds or mode.rounds,
        processed=tuple(events for events in mode.processed if events <= most),
        aggregated=tuple(shape for shape in mode.aggregated if shape[0] <= most),
    )


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 2**30),
        "load_at_start": os.getloadavg(),
    }


def _print(results: Results, machine: dict[str, Any], profile: str | None) -> None:
    for line in table.lines(results.rows()):
        print(line)
    print()
    for line in (*table.requests(results), *table.sizes(results)):
        print(line)
    versions = [f"{label} is {fact['version']}" for label, fact in results.facts.items() if label in (PUBLIC, CHECKOUT)]
    print(f"invenio-stats: {', '.join(versions)}.")
    facts = f"{machine['date']}, {machine['cores']} cores, {machine['memory_gb']} GB, Python {machine['python']}"
    loads = [f"{machine[name][0]:.1f}" for name in ("load_at_start", "load_at_end")]
    print(f"{facts}, load {loads[0]} at the start and {loads[1]} at the end; all services are on the same machine.")
    for line in (*ALIKE, *results.notes):
        print(f"- {line}")
    for line in results.differences:
        print(f"NOT THE SAME WORK: {line}")
    if profile:
        print(f"Profiles of the checkout are in {profile}; the times above are those of a profiled run.")
    elif not results.differences:
        print("Both did the same work: events stored, totals and answers are equal.")


def _report(results: Results, machine: dict[str, Any], mode: modes.Mode) -> dict[str, Any]:
    return {
        "machine": machine,
        "mode": asdict(mode),
        "rows": [row._asdict() | {"sides": {k: v._asdict() for k, v in row.sides.items()}} for row in results.rows()],
        "constants": constants(results),
        "alike": ALIKE,
        "notes": results.notes,
        "differences": results.differences,
        "facts": results.facts,
        "limits": results.limits,
        "measures": results.measures,
    }


if __name__ == "__main__":
    sys.exit(main())
