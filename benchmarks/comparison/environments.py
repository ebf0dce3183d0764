"""Create cached environments with the public release and with this checkout, and measure imports in them."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from comparison.measuring import Measure

RELEASE = "7.0.2"
"""The public release that is compared with."""

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

_APPLICATION = (
    "invenio-accounts",
    "invenio-app",
    "invenio-db",
    "invenio-files-rest",
    "invenio-pidstore",
    "invenio-records",
    "invenio-records-ui",
    "redis",
)
"""What an application needs beside the package, the same for both."""


def cache_folder() -> Path:
    """Return the folder where environments and workloads are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "invenio-stats-bench"


def public() -> str:
    """Return the interpreter of an environment with the public release from the package index."""
    return _made(f"public-{RELEASE}", [f"invenio-stats[opensearch2]=={RELEASE}", *_APPLICATION])


def checkout(with_stored: str) -> str:
    """Return the interpreter of an environment with this checkout, its libraries as in the environment beside it."""
    frozen = subprocess.run([with_stored, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    same = [line for line in frozen.splitlines() if "==" in line and not line.startswith("invenio-stats==")]
    where = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    wanted = ["-e", f"{ROOT}[opensearch2]", *_APPLICATION]
    return _made(f"checkout-{where}", wanted, same, stamp_also=(ROOT / "setup.cfg").read_text())


def country_database(python: str) -> str | None:
    """Return the country database that an environment brings, so that both look up the same one."""
    return next((str(path) for path in Path(python).parents[1].rglob("*.mmdb")), None)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of an interpreter that sees its own packages and the benchmarks, and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(ROOT / "benchmarks"), "PYTHONWARNINGS": "ignore", "TZ": "UTC", **more}


def _made(name: str, wanted: list[str], constraints: list[str] | None = None, stamp_also: str = "") -> str:
    """Return the interpreter of an environment, made anew where what it was made from has changed."""
    folder = cache_folder() / name
    python = folder / "bin" / "python"
    stamp = folder / "stamp"
    content = "\n".join([sys.version, *wanted, *(constraints or ()), stamp_also])
    if stamp.exists() and stamp.read_text() == content:
        return str(python)
    print(f"making the environment {name} in {folder} (some minutes)", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder)
    venv.create(folder, with_pip=True)
    limits = folder / "constraints.txt"
    limits.write_text("\n".join(constraints or ()))
    command = [*_installer(str(python)), "-c", str(limits), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The environment {name} cannot be made:\n{(done.stderr or done.stdout)[-3000:]}")
    stamp.write_text(content)
    return str(python)


def _installer(python: str) -> list[str]:
    uv = shutil.which("uv")
    return [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]


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
