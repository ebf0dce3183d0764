"""Imports: what `import invenio_stats` takes in a new interpreter, and what of it is the package's own."""

import re
import subprocess

from comparison.measuring import Measure
from comparison.process import environment

_PROBE = """
import time
start = time.perf_counter()
import invenio_stats
wall = time.perf_counter() - start
memory = next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]
print(wall, time.process_time(), int(memory) / 1024)
"""
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)")


def whole(python: str) -> Measure:
    """Import the package."""
    wall, cpu, memory = map(float, _run(python, "-c", _PROBE).stdout.split())
    return {"wall": wall, "cpu": cpu, "most_mb": memory}


def own(python: str) -> Measure:
    """Import the package, and count the time of its own modules alone."""
    report = _run(python, "-X", "importtime", "-c", "import invenio_stats").stderr
    times = [int(time) for time, _, name in _LINE.findall(report) if name.split(".")[0] == "invenio_stats"]
    return {"wall": sum(times) / 1e6, "modules": len(times)}


def listed(python: str) -> str:
    """Return what each import took, in microseconds: itself, with what it imports, and its name; the slowest first."""
    report = _run(python, "-X", "importtime", "-c", "import invenio_stats").stderr
    rows = [(int(itself), int(all_of_it), name) for itself, all_of_it, name in _LINE.findall(report)]
    return "\n".join(f"{itself:>8} {all_of_it:>8}  {name}" for itself, all_of_it, name in sorted(rows, reverse=True))


def _run(python: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([python, *arguments], env=environment(), cwd="/", capture_output=True, text=True, check=True)
