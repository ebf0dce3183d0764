"""How long questions take, by months of history: `python benchmarks/history.py SEARCH_URL [MONTHS...]`.

Stores totals of so many months as aggregations write them, one for each thing and day, and asks the four questions
that InvenioRDM asks for each record, in one request to the REST API. Prints the median and the 95th percentile in
milliseconds. Its indices have a prefix of their own, and go at the end.
"""

import argparse
import random
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from comparison.asking import four
from comparison.measuring import quantile
from comparison.settings import queries
from invenio_rest import InvenioREST
from invenio_search.engine import search
from small_app import make_app

from invenio_stats.core import names
from invenio_stats.core.intervals import floor
from invenio_stats.views import blueprint

END = datetime(2026, 11, 1, tzinfo=timezone.utc)
THINGS = 20_000
WARM = 1000
"""Requests before those that are measured: the engine compiles what it does often."""


def totals(prefix: str, interval: str, day: datetime, each: int) -> Iterator[dict]:
    """Yield so many totals of each type on a day: a few things are used every day, most are not."""
    chance = random.Random(day.isoformat())
    things: set[int] = set()
    while len(things) < each:
        things.add(int(THINGS * chance.random() ** 3))
    for thing in things:
        count = chance.randrange(1, 50)
        item = {"timestamp": f"{day:%Y-%m-%d}T00:00:00", "count": count, "unique_count": count // 2 + 1}
        for event_type, fields in {"file-download": download(thing), "record-view": view(thing)}.items():
            yield {
                "_index": prefix + names.totals_index(event_type, day, interval),
                "_id": names.total_id(f"{thing}", f"{day:%Y-%m-%d}"),
                **item,
                **fields,
                "unique_id": f"{thing}",
                "updated_timestamp": f"{day:%Y-%m-%d}T23:59:00",
            }


def download(thing: int) -> dict:
    """Return the fields of a file: a record has two."""
    return {"bucket_id": f"B{thing // 2}", "file_id": f"F{thing}", "file_key": "paper.pdf", "volume": 1e6}


def view(thing: int) -> dict:
    """Return the fields of a version of a record: it has two."""
    return {"record_id": f"R{thing // 2}", "pid_type": "recid", "pid_value": f"{thing}"}


def fill(client, prefix: str, interval: str, first: datetime, last: datetime, each: int) -> int:
    """Store the totals of some days, the last one not among them; return how many, once the engine has tidied up."""
    days = [first + timedelta(days=number) for number in range((last - first).days)]
    stored = 0
    for day in days:
        stored += search.helpers.bulk(client, totals(prefix, interval, day, each), chunk_size=5000, stats_only=True)[0]
    index = f"{prefix}stats-*"
    client.indices.refresh(index=index)
    while client.indices.stats(index=index, metric="merge")["_all"]["total"]["merges"]["current"]:
        time.sleep(0.1)
    return stored


def ask(client, requests: int) -> list[float]:
    """Ask four questions in each of so many requests; return how many milliseconds each took."""
    times = []
    for _ in range(requests):
        thing = int(THINGS * random.random() ** 3)
        start = time.perf_counter()
        response = client.post("/stats", json=four(download(thing), view(thing)))
        times.append((time.perf_counter() - start) * 1000)
        assert response.status_code == 200, response.get_data(as_text=True)
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("search_url")
    parser.add_argument("months", type=int, nargs="*", default=[1, 3, 12])
    parser.add_argument("--each", type=int, default=1500, help="Totals of each of two types and day.")
    parser.add_argument("--index-interval", choices=("month", "year"), default="month", help="Of the totals' indices.")
    parser.add_argument("--requests", type=int, default=500)
    arguments = parser.parse_args()
    prefix = f"bench-{uuid.uuid4().hex[:8]}-"
    app = make_app(SEARCH_HOSTS=[arguments.search_url], SEARCH_INDEX_PREFIX=prefix, STATS_QUERIES=queries())
    InvenioREST(app)
    app.register_blueprint(blueprint)
    print(f"{'months':>8}{'totals':>11}{'p50 ms':>9}{'p95 ms':>9}")
    with app.app_context():
        client, stored, since, months = app.extensions["invenio-search"].client, 0, END, 0
        try:
            list(app.extensions["invenio-search"].put_templates())
            for wanted in sorted(arguments.months):
                first = since
                while months < wanted:
                    first, months = floor(first - timedelta(days=1), "month"), months + 1
                stored += fill(client, prefix, arguments.index_interval, first, since, arguments.each)
                since = first
                ask(app.test_client(), WARM)
                times = ask(app.test_client(), arguments.requests)
                print(f"{wanted:>8}{stored:>11,}{quantile(times, 0.5):>9.1f}{quantile(times, 0.95):>9.1f}", flush=True)
        finally:
            client.indices.delete(index=f"{prefix}*", ignore=[404])
            client.indices.delete_template(name=f"{prefix}*", ignore=[404])


if __name__ == "__main__":
    main()
