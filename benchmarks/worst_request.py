"""What the largest requests cost a web process: `python benchmarks/worst_request.py SEARCH_URL [--unlimited]`.

Stores totals of ten years and of 30,000 files, and sends to the REST API 100 daily histograms, ten queries with a group
for each file, and a body of 60 MB. Prints for each the status, the seconds, the processor time and the most memory of
this process, and the message of an error. `--unlimited` is without the limits of bytes and buckets, `--seconds` sets
that of time. Its indices have a prefix of their own, and go at the end.
"""

import argparse
import json
import logging
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from comparison.measuring import Meter
from flask_babel import Babel
from invenio_rest import InvenioREST
from invenio_search.engine import search
from small_app import make_app

from invenio_stats.queries import DateHistogramQuery, TermsQuery
from invenio_stats.views import blueprint

FIRST = datetime(2017, 1, 1, tzinfo=timezone.utc)
DAYS = 3650
FILES = 30_000
UNLIMITED = {
    "STATS_QUERY_MAX_BODY_BYTES": 2**30,
    "STATS_QUERY_MAX_BUCKETS": None,
}
QUERIES = {
    "histogram": {"cls": DateHistogramQuery, "params": {"index": "stats-days"}},
    "files": {"cls": TermsQuery, "params": {"index": "stats-files", "aggregated_fields": ["file_key"]}},
}
MAPPING = {"properties": {"timestamp": {"type": "date"}, "file_key": {"type": "keyword"}, "count": {"type": "integer"}}}


def totals(prefix: str) -> Iterator[dict]:
    """Yield a total for each day, and one for each file."""
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        yield {"_index": f"{prefix}stats-days", "timestamp": f"{day:%Y-%m-%d}T00:00:00", "count": 1}
    for number in range(FILES):
        file = {"file_key": f"file-{number:05}", "timestamp": "2026-01-01T00:00:00", "count": 1}
        yield {"_index": f"{prefix}stats-files", **file}


def bodies() -> dict[str, bytes]:
    """Return the requests; no two queries in one are equal."""
    histograms = {
        str(number): {
            "stat": "histogram",
            "params": {"start_date": f"2016-01-01T00:{number // 60:02}:{number % 60:02}"},
        }
        for number in range(100)
    }
    dated = {
        key: {"stat": "histogram", "params": {**entry["params"], "end_date": "2026-12-31"}}
        for key, entry in histograms.items()
    }
    groups = {str(number): {"stat": "files", "params": {"start_date": f"{2000 + number}"}} for number in range(10)}
    return {
        "100 daily histograms, ten years": json.dumps(histograms).encode(),
        "the same with both dates": json.dumps(dated).encode(),
        "10 queries with 30,000 groups": json.dumps(groups).encode(),
        "a body of 60 MB": b'{"a": {"stat": "files", "params": {"a": [' + b"[], " * 15_000_000 + b"[]]}}}",
    }


def main() -> None:
    """Measure each request once, after a small one."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("search_url")
    arguments.add_argument("--unlimited", action="store_true", help="without the limits of bytes and buckets")
    arguments.add_argument("--seconds", type=float, default=30, help="the limit of time; 0 for none")
    options = arguments.parse_args()
    logging.disable(logging.WARNING)
    prefix = f"worst-{uuid.uuid4().hex[:8]}-"
    app = make_app(
        SEARCH_HOSTS=[options.search_url],
        SEARCH_CLIENT_CONFIG={"timeout": 600},
        SEARCH_INDEX_PREFIX=prefix,
        STATS_QUERIES=QUERIES,
        STATS_QUERY_MAX_SECONDS=options.seconds or None,
        **(UNLIMITED if options.unlimited else {}),
    )
    Babel(app)
    InvenioREST(app)
    app.register_blueprint(blueprint)
    engine = app.extensions["invenio-search"].client
    try:
        for name in ("stats-days", "stats-files"):
            engine.indices.create(index=f"{prefix}{name}", body={"mappings": MAPPING})
        search.helpers.bulk(engine, totals(prefix), refresh=True, request_timeout=120)
        measure(app)
    finally:
        engine.indices.delete(index=f"{prefix}*")


def measure(app) -> None:
    """Send the requests and print what each cost."""
    client, meter = app.test_client(), Meter()
    client.post("/stats", json={"a": {"stat": "histogram", "params": {"interval": "year"}}})
    for name, body in bodies().items():
        with meter() as measured:
            response = client.post("/stats", data=body, content_type="application/json")
        message = response.json["message"] if response.status_code != 200 else ""
        numbers = f"{measured['wall']:8.2f} s{measured['cpu']:8.2f} s CPU{measured['most_mb']:8.0f} MB"
        print(f"{name:34}{response.status_code:6}{numbers}  {message}")
        del response


if __name__ == "__main__":
    main()
