"""How fast questions about usage are answered: `python benchmarks/questions.py SEARCH_URL`.

Writes a year of totals directly into the search engine: 20,000 used records, 3,000 a day. Asks each question by REST,
as a visitor, *cold*: the cache of answers, what the process knows of totals, and the engine's caches of requests and
filters are empty, its field data are loaded. Prints milliseconds beside what they should be, requests to the engine for
each question, and how often the largest keys of each shard had to be fetched once more.

With `--keep` the totals stay, and the next run with `--keep` uses them.
"""

import argparse
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from comparison.measuring import quantile
from invenio_cache import current_cache
from invenio_i18n import InvenioI18N
from invenio_rest import InvenioREST
from invenio_search.utils import prefix_index
from small_app import make_app
from usage_year import Records, Year, label, parent_id, written

from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, USAGE_AGGREGATIONS, USAGE_QUERIES
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, answer_all
from invenio_stats.views import blueprint

KEPT_PREFIX = "bench-questions-"
COLD_MS, MANY_MS, KNOWN_MS = 300, 50, 10
"""What is wanted of p95: cold answers, the numbers of 100 records, and 304."""


class Question(NamedTuple):
    """What is asked, in how many milliseconds at most, and by which function."""

    name: str
    wanted_ms: int
    ask: Callable[[Any, random.Random], object]


class Row(NamedTuple):
    """What was measured for a question."""

    name: str
    wanted_ms: int
    times: Sequence[float]
    requests: Sequence[int]
    """To the search engine, for each time that it was asked."""

    @property
    def line(self) -> str:
        """The line of the table."""
        p50, p95 = quantile(self.times, 0.5), quantile(self.times, 0.95)
        counts = ", ".join(f"{number}: {times}" for number, times in sorted(Counter(self.requests).items()))
        is_met = "yes" if p95 < self.wanted_ms else "no"
        return f"{self.name:<38}{p50:>8.1f}{p95:>8.1f}{'< ' + str(self.wanted_ms):>8}{is_met:>5}   {counts}"


HEAD = f"{'question':<38}{'p50 ms':>8}{'p95 ms':>8}{'reach':>8}{'met':>5}   requests to the engine: how often"


def get(client: Any, name: str, **params: Any) -> None:
    """Ask a query by GET."""
    response = client.get(f"/stats/{name}", query_string=params)
    if response.status_code != 200:
        raise SystemExit(f"{name}: {response.get_data(as_text=True)}")


def questions(year: Year) -> list[Question]:
    """Return all questions; records and communities are others each time, popular ones more often."""
    days = {"from": year.first.isoformat(), "to": year.days[-1].isoformat()}

    def record(chance: random.Random) -> int:
        return int(year.records * chance.random() ** 2)

    def of_repository(name: str, **params: Any) -> Callable[[Any, random.Random], object]:
        return lambda client, chance: get(client, f"repository-{name}", **days, **params)

    def of_community(name: str, **params: Any) -> Callable[[Any, random.Random], object]:
        return lambda client, chance: get(
            client, f"community-{name}", community=label(chance.randrange(year.communities)), **days, **params
        )

    def of_record(name: str, **params: Any) -> Callable[[Any, random.Random], object]:
        return lambda client, chance: get(client, f"record-{name}", record=parent_id(record(chance)), **params)

    return [
        Question("repository series by month", COLD_MS, of_repository("series", interval="month")),
        Question("repository totals", COLD_MS, of_repository("total")),
        Question("record totals", COLD_MS, of_record("total", **days)),
        Question("record totals of all time", COLD_MS, of_record("total")),
        Question("community totals", COLD_MS, of_community("total")),
        Question("community top 10", COLD_MS, of_community("records", size=10)),
        Question("repository top 10", COLD_MS, of_repository("records", size=10)),
        Question("repository top 10 by views", COLD_MS, of_repository("records", size=10, by="views")),
        Question("repository top 100", COLD_MS, of_repository("records", size=100)),
        Question("repository communities top 10", COLD_MS, of_repository("communities", size=10)),
        Question("repository countries", COLD_MS, of_repository("countries")),
        Question("repository hosts", COLD_MS, of_repository("hosts")),
        Question("community countries", COLD_MS, of_community("countries")),
        Question("all of a repository's page at once", 2 * COLD_MS, lambda client, chance: page(days)),
        Question("records_stats of 100 records", MANY_MS, lambda client, chance: many(record, chance)),
    ]


def page(days: Mapping[str, str]) -> None:
    """Ask what a page about the repository shows."""
    names = ("total", "series", "records", "communities", "countries", "hosts", "open-ratio")
    answer_all([QueryRequest(name, f"repository-{name}", dict(days)) for name in names])


def many(record: Callable[[random.Random], int], chance: random.Random) -> None:
    """Ask for the numbers of 100 records."""
    current_stats.records_stats([f"i{record(chance):06}" for _ in range(100)])


@contextlib.contextmanager
def requests_counted(client: Any) -> Iterator[list[str]]:
    """Return a list to which the kind of each request to the engine is added."""
    sent: list[str] = []
    perform = client.transport.perform_request

    def count(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        sent.append(url)
        return perform(method, url, *args, **kwargs)

    client.transport.perform_request = count
    try:
        yield sent
    finally:
        client.transport.perform_request = perform


def forget(app: Any, client: Any) -> None:
    """Empty the caches of answers, of the process, and of the engine's requests and filters."""
    current_cache.clear()
    app.extensions.pop("invenio-stats-completeness", None)
    client.indices.clear_cache(index=prefix_index("stats-*"), request=True, query=True)


def measure(app: Any, client: Any, question: Question, rounds: int) -> Row:
    """Ask a question so often, cold; it was asked twice before, so that the engine has its field data."""
    chance, times, requests = random.Random(question.name), [], []
    web = app.test_client()
    with requests_counted(client) as sent:
        for number in range(rounds + 2):
            forget(app, client)
            sent.clear()
            start = time.perf_counter()
            question.ask(web, chance)
            if number >= 2:
                times.append((time.perf_counter() - start) * 1000)
                requests.append(len(sent))
    return Row(question.name, question.wanted_ms, times, requests)


def measure_known(app: Any, client: Any, year: Year, rounds: int) -> Row:
    """Ask for an answer that the client has."""
    web, times, requests = app.test_client(), [], []
    params = {"from": year.first.isoformat(), "to": year.days[-1].isoformat()}
    tag = web.get("/stats/repository-records", query_string=params).headers["ETag"]
    with requests_counted(client) as sent:
        for _ in range(rounds):
            sent.clear()
            start = time.perf_counter()
            response = web.get("/stats/repository-records", query_string=params, headers={"If-None-Match": tag})
            times.append((time.perf_counter() - start) * 1000)
            requests.append(len(sent))
            if response.status_code != 304:
                raise SystemExit(f"The answer is not known to the client: {response.status_code}")
    return Row("304", KNOWN_MS, times, requests)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search_url")
    parser.add_argument("--keep", action="store_true", help="Leave the totals, and use those that were left.")
    parser.add_argument("--rounds", type=int, default=40, help="How often each question is asked.")
    parser.add_argument("--rows", help="Only questions whose name contains this.")
    parser.add_argument("--records", type=int, default=Year().records)
    parser.add_argument("--each-day", type=int, default=Year().each_day)
    parser.add_argument("--months", type=int, default=Year().months)
    parser.add_argument("--communities", type=int, default=Year().communities)
    arguments = parser.parse_args()
    year = Year(arguments.records, arguments.each_day, arguments.communities, arguments.months)
    prefix = KEPT_PREFIX if arguments.keep else f"{KEPT_PREFIX}{time.time_ns():x}-"
    records = Records(year)
    app = make_app(
        SEARCH_HOSTS=[arguments.search_url],
        SEARCH_INDEX_PREFIX=prefix,
        SEARCH_CLIENT_CONFIG={"timeout": 120},
        STATS_QUERY_MAX_SECONDS=None,  # a busy machine is slow, not wrong
        STATS_AGGREGATIONS={**AGGREGATIONS_CONFIG, **USAGE_AGGREGATIONS},
        STATS_QUERIES=USAGE_QUERIES,
    )
    InvenioREST(app)
    InvenioI18N(app)
    app.register_blueprint(blueprint)
    app.extensions["invenio-stats"].access = records  # it has only what these questions need
    app.extensions["invenio-stats"].item_metadata = records.describe
    with app.app_context(), written(app, year, prefix, arguments.keep) as client:
        print(HEAD)
        for question in questions(year):
            if arguments.rows is None or arguments.rows in question.name:
                print(measure(app, client, question, arguments.rounds).line, flush=True)
        if arguments.rows is None or arguments.rows in "304":
            print(measure_known(app, client, year, arguments.rounds).line)


if __name__ == "__main__":
    main()
