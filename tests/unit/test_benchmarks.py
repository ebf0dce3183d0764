"""The benchmarks that are programs of their own."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "compare.py"


def test_the_comparison_starts_without_any_library():
    """It makes the environments that it measures, so it runs before there is one."""
    done = subprocess.run([sys.executable, "-E", "-S", PROGRAM, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
