"""How fast pages of statistics are, and how large: `python benchmarks/pages.py SEARCH_URL`.

Writes a year of totals directly into the search engine: 20,000 used records, 3,000 a day. Opens each page as a visitor
three times: *cold*, when the cache of answers, what the process knows of totals, and the engine's caches of requests
and filters are empty, its field data loaded; *warm*, when the answers are in the cache; and with the `ETag` that the
visitor has, which is a 304. Prints milliseconds and sizes beside what they should be, and how often a list needed a
third request because its leaders are close together.

With `--keep` the totals stay, and the next run with `--keep` uses them; so does `questions.py`. For a trial:
`--records 500 --each-day 50 --months 3 --communities 5 --rounds 5`.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flask import Flask
from invenio_cache import current_cache
from invenio_i18n import InvenioI18N
from questions import HEAD, KEPT_PREFIX, Row, forget, requests_counted
from small_app import make_app
from usage_year import Records, Year, label, parent_id, written

from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, USAGE_AGGREGATIONS, USAGE_QUERIES
from invenio_stats.items import CheckedAccess
from invenio_stats.pages.views import create_blueprint

WANTED_MS = {"cold": 300, "warm": 60, "304": 20}
"""What is wanted of p95."""
PAGE_BYTES, STYLE_SHEET_BYTES = 80_000, 12_000
USUAL_REQUESTS = 2
"""To the search engine, for a page whose lists have clear leaders."""


class Page(NamedTuple):
    """A page, and what its address is for a record or community that is drawn."""

    name: str
    address: Callable[[random.Random], str]


class LibraryRecords(Records):
    """What the instance knows of the records; each has a file, and nobody is more than a visitor."""

    def versions(self, asked: str) -> list[str]:
        """Return the only version."""
        return [f"i{asked[1:]}"]

    def files(self, item_ids: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Return the file of each."""
        return {item: [("data.csv", 1_000_000)] for item in item_ids}

    def is_administrator(self, identity: Any) -> bool:
        """Return False."""
        return False

    def manages_community(self, identity: Any, community_id: str) -> bool:
        """Return False."""
        return False


def pages(year: Year) -> list[Page]:
    """Return the pages that everybody sees; records and communities are others each time, popular ones more often."""
    days = f"from={year.first}&to={year.days[-1]}"

    def record(chance: random.Random) -> str:
        return parent_id(int(year.records * chance.random() ** 2))

    def community(chance: random.Random) -> str:
        return label(chance.randrange(year.communities))

    return [
        Page("repository", lambda chance: f"/stats/?{days}"),
        Page("record", lambda chance: f"/stats/records/{record(chance)}?{days}"),
        Page("community", lambda chance: f"/stats/communities/{community(chance)}?{days}"),
        Page("list of records", lambda chance: f"/stats/lists/records?{days}"),
        Page("list of communities", lambda chance: f"/stats/lists/communities?{days}"),
    ]


def create_app(year: Year, search_url: str, prefix: str) -> Flask:
    """Return an application with the pages of a year."""
    app = make_app(
        SECRET_KEY="of a benchmark",
        SEARCH_HOSTS=[search_url],
        SEARCH_INDEX_PREFIX=prefix,
        SEARCH_CLIENT_CONFIG={"timeout": 120},
        STATS_PAGES_ENABLED=True,
        STATS_QUERY_MAX_SECONDS=None,  # a busy machine is slow, not wrong
        STATS_AGGREGATIONS={**AGGREGATIONS_CONFIG, **USAGE_AGGREGATIONS},
        STATS_QUERIES=USAGE_QUERIES,
    )
    InvenioI18N(app)
    app.register_blueprint(create_blueprint(app))
    records = LibraryRecords(year)
    app.extensions["invenio-stats"].access = CheckedAccess(records)
    app.extensions["invenio-stats"].item_metadata = records.describe
    return app


def open_page(web: Any, address: str, status: int = 200, **headers: str) -> tuple[float, Any]:
    """Open a page; return in how many milliseconds, and the response."""
    start = time.perf_counter()
    response = web.get(address, headers=headers)
    milliseconds = (time.perf_counter() - start) * 1000
    if response.status_code != status:
        raise SystemExit(f"{address}: {response.status_code}, not {status}: {response.get_data(as_text=True)[-500:]}")
    return milliseconds, response


def measure(app: Flask, client: Any, page: Page, rounds: int) -> list[Row]:
    """Open a page so often, cold, warm and known; it was opened twice before, so that the engine has its field data."""
    chance, web = random.Random(page.name), app.test_client()
    times: dict[str, list[float]] = {kind: [] for kind in WANTED_MS}
    requests: dict[str, list[int]] = {kind: [] for kind in WANTED_MS}
    with requests_counted(client) as sent:
        for number in range(rounds + 2):
            address = page.address(chance)
            forget(app, client)
            headers: dict[str, str] = {}
            for kind in WANTED_MS:
                sent.clear()
                milliseconds, response = open_page(web, address, 304 if headers else 200, **headers)
                if kind == "warm":
                    headers = {"If-None-Match": response.headers["ETag"]}
                if number >= 2:
                    times[kind].append(milliseconds)
                    requests[kind].append(len(sent))
    return [Row(f"{page.name}, {kind}", wanted, times[kind], requests[kind]) for kind, wanted in WANTED_MS.items()]


def count_third_requests(app: Flask, client: Any, page: Page, rounds: int) -> int:
    """Return how often a page took more requests than usual, in a process that knows the state of the totals."""
    chance, web = random.Random(page.name), app.test_client()
    found = 0
    open_page(web, page.address(chance))
    with requests_counted(client) as sent:
        for _ in range(rounds):
            current_cache.clear()
            sent.clear()
            open_page(web, page.address(chance))
            found += sum("search" in url for url in sent) > USUAL_REQUESTS
    return found


def sizes(app: Flask, page: Page) -> Iterator[str]:
    """Yield the lines with the sizes of a page and of its style sheet."""
    web = app.test_client()
    _, response = open_page(web, page.address(random.Random(page.name)))
    _, style_sheet = open_page(web, "/stats/static/stats.css")
    for name, found, wanted in (
        (f"HTML of the page {page.name}", response, PAGE_BYTES),
        ("style sheet", style_sheet, STYLE_SHEET_BYTES),
    ):
        size = len(found.get_data())
        yield f"{name:<38}{size:>9,} bytes{f'< {wanted:,}':>10}{'yes' if size < wanted else 'no':>5}"


def report(app: Flask, client: Any, chosen: Sequence[Page], rounds: int) -> Iterator[str]:
    """Yield the lines of the report."""
    yield HEAD.replace("question", "page    ")
    for page in chosen:
        yield from (row.line for row in measure(app, client, page, rounds))
    for page in chosen:
        yield f"{page.name}: a third request {count_third_requests(app, client, page, rounds)} of {rounds} times"
    yield from sizes(app, chosen[0])


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search_url")
    parser.add_argument("--keep", action="store_true", help="Leave the totals, and use those that were left.")
    parser.add_argument("--rounds", type=int, default=40, help="How often each page is opened.")
    parser.add_argument("--records", type=int, default=Year().records)
    parser.add_argument("--each-day", type=int, default=Year().each_day)
    parser.add_argument("--months", type=int, default=Year().months)
    parser.add_argument("--communities", type=int, default=Year().communities)
    arguments = parser.parse_args()
    year = Year(arguments.records, arguments.each_day, arguments.communities, arguments.months)
    prefix = KEPT_PREFIX if arguments.keep else f"bench-pages-{time.time_ns():x}-"
    app = create_app(year, arguments.search_url, prefix)
    with app.app_context(), written(app, year, prefix, arguments.keep) as client:
        for line in report(app, client, pages(year), arguments.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
