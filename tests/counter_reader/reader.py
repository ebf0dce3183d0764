"""Print the sums of COUNTER reports as celus-nigiri reads them: `python reader.py DIRECTORY`, one file for each report.

It runs in the environment of requirements.txt, without the package and its tests.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from celus_nigiri.counter51 import Counter51IRM1Report, Counter51IRReport, Counter51PRReport

READERS = {
    "PR": Counter51PRReport,
    "PR_P1": Counter51PRReport,
    "IR": Counter51IRReport,
    "IR_A1": Counter51IRReport,
    "IR_M1": Counter51IRM1Report,
}


def read(path):
    """Return the sums by item, metric and month, and what the reader complains of."""
    reader = READERS[path.stem]()
    sums = Counter()
    for record in reader.file_to_records(str(path)):
        item_id = dict(record.item_ids.items()).get("Proprietary") if record.item_ids else None
        sums[f"{item_id or ''} {record.metric} {record.start:%Y-%m}"] += record.value
    complaints = [*reader.errors, *reader.warnings, *reader.infos]
    return {"sums": dict(sums), "complaints": [str(complaint) for complaint in complaints]}


if __name__ == "__main__":
    json.dump({path.stem: read(path) for path in sorted(Path(sys.argv[1]).glob("*.json"))}, sys.stdout)
