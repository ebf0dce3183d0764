"""celus-nigiri, which libraries harvest reports with, reads the same numbers from our reports as are in the months.

It needs an environment of its own, because it holds versions of requests and click. It reads JSON only.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from invenio_stats.core.counter_months import METRICS
from invenio_stats.items.metadata import ItemMetadata
from tests.fixtures.closed_months import ARTICLE, DATASET, use
from tests.flow.counter.reports.conftest import COUNTER_SETTINGS
from tests.flow.counter.reports.making import make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
REQUESTS = ("Total_Item_Requests", "Unique_Item_Requests")
IMAGE = ItemMetadata("Picture", data_type="Image")
MONTHS = {
    "2026-05": [
        use("a", 4, 2),
        use("a", 3, 3, country="DE", access_type="Controlled", institution="c1"),
        use("a", 5, 5, access_method="TDM"),
        use("d", 5, 0, data_type="Dataset", yop="2021"),
        use("x", 1, 0, data_type="Unspecified", yop="0001"),
    ],
    "2026-06": [use("a", 1, 1), use("p", 2, 2, data_type="Image", yop="9999")],
}
SEARCHES = [
    {"access_method": "", "country": "", "institution": "", "count": 4},
    {"access_method": "TDM", "country": "", "institution": "", "count": 3},
]


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, **COUNTER_SETTINGS}


@pytest.fixture(scope="module")
def reader_python(tmp_path_factory):
    """Python of an environment with the reader; the test is skipped if it cannot be made, and fails on CI."""
    folder = tmp_path_factory.mktemp("reader")
    steps = [
        [_find_python(), "-m", "venv", str(folder)],
        [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")],
    ]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, env=environment)
        if done.returncode:
            reason = f"{' '.join(step)}: {(done.stderr or done.stdout).strip()[-500:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
    return f"{folder}/bin/python"


def _find_python() -> str:
    """Return Python 3.12 if there is one, for which all its requirements have wheels; else that of the tests."""
    known = [shutil.which("python3.12"), *map(str, Path.home().glob(".pyenv/versions/3.12*/bin/python"))]
    for python in filter(None, known):
        if subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            return python
    return sys.executable


def expected(report_id):
    """Return the sums of a report by item, metric and month, counted from the months."""
    sums = Counter()
    for month, usages in MONTHS.items():
        for usage in usages:
            if _is_in(report_id, usage):
                item = f"example:{usage.item_id}" if report_id.startswith("IR") else ""
                for metric in METRICS if report_id in ("PR", "IR") else REQUESTS:
                    sums[f"{item} {metric} {month}"] += getattr(usage, METRICS[metric])
    if report_id in ("PR", "PR_P1"):
        sums[" Searches_Platform 2026-05"] = 7 if report_id == "PR" else 4
    return {key: number for key, number in sums.items() if number}


def _is_in(report_id, usage):
    if report_id in ("PR", "IR"):
        return True
    types = {"IR_A1": ["Article"], "IR_M1": ["Image"]}.get(report_id, [usage.data_type])
    return usage.access_method == "Regular" and usage.data_type in types


def test_the_reports_are_read_back(closed_months, search_client, reader_python, tmp_path):
    closed_months.put_items({"a": ARTICLE, "d": DATASET, "p": IMAGE, "x": None})
    for month, usages in MONTHS.items():
        closed_months.close(month, usages, SEARCHES if month == "2026-05" else ())
    attributes = ("Authors", "Publication_Date", "Article_Version", "YOP", "Access_Type", "Access_Method")
    options = {
        "PR": {"attributes": ("Access_Method",)},
        "IR": {"attributes": attributes, "include_parents": True},
    }
    for report_id in ("PR", "PR_P1", "IR", "IR_A1", "IR_M1"):
        (tmp_path / f"{report_id}.json").write_bytes(make(search_client, report_id, **options.get(report_id, {})))
    done = subprocess.run(
        [reader_python, "-I", str(HERE / "reader.py"), str(tmp_path)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert {report_id: report["complaints"] for report_id, report in found.items() if report["complaints"]} == {}
    assert {report_id: report["sums"] for report_id, report in found.items()} == {
        report_id: expected(report_id) for report_id in ("PR", "PR_P1", "IR", "IR_A1", "IR_M1")
    }
