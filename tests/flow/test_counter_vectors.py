"""COUNTER's examples over HTTP: from requests to a plain Invenio instance to the usage of items and the Item Report.

Pages and files are those of Invenio's modules, and so are the statuses of their responses. Only the clock of the web
process is set: what an event says of its time.
"""

import datetime as times
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from invenio_stats import utils
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core.counter_months import METRICS
from invenio_stats.counter.checking.reports import check_report
from invenio_stats.counter.closing.month_lease import MonthLease
from invenio_stats.counter.closing.revisions import Reason, RevisionMaker
from invenio_stats.counter.closing.sources import find_sources
from invenio_stats.counter.service.requestors import add_requestor
from invenio_stats.operations.runner import aggregate_one, process_one
from tests.conftest import create_light_app
from tests.fixtures import plain_library
from tests.fixtures.plain_library import OFFLOADED, add_files, change_access, create_library, prepare
from tests.fixtures.usage import COUNTER
from tests.flow.test_processors import BROWSER, TODAY

MONTH = (TODAY.replace(day=1, hour=0, minute=0, second=0) - times.timedelta(days=1)).replace(day=1)
"""The first day of a month that is over; the day before belongs to another one."""
DAY = MONTH - times.timedelta(days=1)
DOCUMENTATION = Path(__file__).parent.parent.parent / "docs/counter.rst"
OPEN_RANGE = {"Range": "bytes=0-3"}
LATER_RANGE = {"Range": "bytes=4-7"}


class Click(NamedTuple):
    """A request at a moment, and the status of its response."""

    moment: str | int
    """hh:mm:ss, or seconds after ten o'clock."""
    path: str = "f"
    """Name of a file, or path of a page."""
    status: int = 200
    day: int = 0
    """Days after DAY."""
    headers: dict = {}  # noqa: RUF012 - it is never changed
    method: str = "GET"
    address: str = "192.0.2.1"
    session: str | None = None
    """Session id of a signed-in user."""
    agent: str = BROWSER
    access: str | None = None
    """Access status of the record from now on."""
    batch: bool = False
    """Whether the events so far are stored before."""


def files(*moments, **fields):
    return [Click(moment, **fields) for moment in moments]


def pairs(number, seconds, network):
    """Return pairs of clicks, each from an address of its own."""
    return [
        Click(60 * pair + click, address=f"{network}.{pair}") for pair in range(1, number + 1) for click in (0, seconds)
    ]


PAGE = "/records/A"
CURL = "curl/8.5.0"

VECTORS = {
    # The examples of the code of practice.
    "29 seconds apart": (files("10:01:00", "10:01:29"), {0: (1, 1, 1, 1)}),
    "35 seconds apart": (files("10:01:00", "10:01:35"), {0: (2, 2, 1, 1)}),
    "a chain": (files(0, 25, 50), {0: (1, 1, 1, 1)}),
    "a chain in another order, in three batches": (
        [Click(50), Click(0, batch=True), Click(25, batch=True)],
        {0: (1, 1, 1, 1)},
    ),
    "a chain and one more": (files(0, 25, 50, 90), {0: (2, 2, 1, 1)}),
    "the page, then the file": ([Click(0, PAGE), Click(10)], {0: (2, 1, 1, 1)}),
    "two files, 5 seconds apart": ([Click(0), Click(5, "g")], {0: (2, 2, 1, 1)}),
    "in two hours, 40 seconds apart": (files("10:59:40", "11:00:20"), {0: (2, 2, 2, 2)}),
    "a session id, three hours apart": (files("10:00:00", "13:00:00", session="s"), {0: (2, 2, 1, 1)}),
    "404 then 200": ([Click(0, "none", 404), Click(5)], {0: (1, 1, 1, 1)}),
    "across the end of a month": ([Click("23:59:50"), Click("00:00:10", day=1)], {1: (1, 1, 1, 1)}),
    "Controlled, then Open": (
        [Click(0, access="restricted"), Click(0, day=1, access="open")],
        {0: (1, 1, 1, 1), 1: (1, 1, 1, 1)},
    ),
    "fifteen pairs 20 seconds apart, fifteen 35 seconds apart": (
        [*pairs(15, 20, "192.0.2"), *pairs(15, 35, "203.0.113")],
        {0: (45, 45, 30, 30)},
    ),
    # Statuses and redirects.
    "30 seconds apart": (files(0, 30), {0: (1, 1, 1, 1)}),
    "31 seconds apart": (files(0, 31), {0: (2, 2, 1, 1)}),
    "304": ([Click(0, headers={"If-None-Match": "*"}, status=304)], {0: (1, 1, 1, 1)}),
    "206 from byte 0": ([Click(0, headers=OPEN_RANGE, status=206)], {0: (1, 1, 1, 1)}),
    "206 of a later range": ([Click(0, headers=LATER_RANGE, status=206)], {}),
    "a file in three ranges": (
        [Click(second, headers=part, status=206) for second, part in enumerate((OPEN_RANGE, LATER_RANGE, LATER_RANGE))],
        {0: (1, 1, 1, 1)},
    ),
    "416": ([Click(0, headers={"Range": "bytes=90-"}, status=416)], {}),
    "HEAD": ([Click(0, method="HEAD")], {}),
    "302 to the file's storage": ([Click(0, "offloaded", 302)], {0: (1, 1, 1, 1)}),
    "302 to another page, then the page": ([Click(0, "/records/C", 302), Click(2, PAGE)], {0: (1, 0, 1, 0)}),
    "404 of a page": ([Click(0, "/records/none", 404)], {}),
    "410 of a deleted page": ([Click(0, "/records/B", 410)], {}),
    "an error while the file is sent, then the file": ([Click(0, "lost", 500), Click(5)], {0: (1, 1, 1, 1)}),
    "a robot": ([Click(0, agent=CURL), Click(0, PAGE, agent="")], {}),
    "two visitors": ([Click(0), Click(0, address="192.0.2.2")], {0: (2, 2, 2, 2)}),
    "one visitor with two agents": ([Click(0), Click(0, agent=BROWSER.replace("126", "115"))], {0: (2, 2, 2, 2)}),
    "one user at two addresses": (
        [Click(0, session="s"), Click(20, session="s", address="192.0.2.2")],
        {0: (1, 1, 1, 1)},
    ),
}


def create_app(**config):
    """Return the application of this module, as pytest-invenio asks for it."""
    return create_library(create_light_app, **config)


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


@pytest.fixture(scope="module")
def app_config(app_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    return {
        **app_config,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/library.db",
        "LIBRARY_FOLDER": str(folder),
        "STATS_COUNTER_PLATFORM": "Example Repository",
        "STATS_COUNTER_PLATFORM_ID": "example",
    }


@pytest.fixture(scope="module")
def library(app):
    """Paths of files by their names, in an instance whose database is filled."""
    from invenio_files_rest.models import FileInstance

    prepare(Path(app.config["LIBRARY_FOLDER"]))
    paths = dict.fromkeys(("f", "g", "none", "lost"), add_files("A", "f", "g", "lost"))
    paths["offloaded"] = add_files("A", "offloaded", location=OFFLOADED)
    lost = FileInstance.query.order_by(FileInstance.created).all()[2]
    Path(lost.uri).unlink()
    yield {name: f"{path}/{name}" for name, path in paths.items()}
    plain_library.BUCKETS.clear()


@pytest.fixture
def web_clock(monkeypatch):
    """The time that the web process stamps events with."""
    clock = SimpleNamespace(now=DAY)

    class Replaced(times.datetime):
        @classmethod
        def now(cls, tz=None):
            return clock.now

    monkeypatch.setattr(utils, "datetime", SimpleNamespace(datetime=Replaced, timezone=times.timezone))
    return clock


@pytest.fixture
def make_request(base_app, library, web_clock):
    """Return `make_request(click)`: make the request."""

    def send(click):
        web_clock.now = DAY + times.timedelta(days=click.day) + since_midnight(click.moment)
        if click.access:
            change_access("A", click.access)
        visitor = base_app.test_client()
        if click.session:
            with visitor.session_transaction() as session:
                session.update(_user_id="7", sid_s=click.session)
        response = visitor.open(
            library.get(click.path, click.path),
            method=click.method,
            headers={"User-Agent": click.agent, **click.headers},
            environ_base={"REMOTE_ADDR": click.address},
        )
        response.get_data()
        assert response.status_code == click.status
        response.close()
        while plain_library.OPENED:
            plain_library.OPENED.pop().close()

    return send


@pytest.fixture
def totals(make_request, queues, put_templates, refresh, stored_totals):
    """Return `totals(clicks)`: the usage of item A, by the number of days after DAY."""

    def store():
        for event_type in ("record-view", "file-download"):
            process_one(event_type)
        refresh()

    def count(clicks):
        for click in clicks:
            if click.batch:
                store()
            make_request(click)
        store()
        aggregate_one("item-usage-agg")
        found = {total["timestamp"][:10]: total for total in stored_totals("stats-item-usage").values()}
        assert {total["item_id"] for total in found.values()} <= {"A"}
        days = {f"{DAY + times.timedelta(days=number):%Y-%m-%d}": number for number in range(2)}
        return {days[day]: total for day, total in found.items()}

    return count


def since_midnight(moment):
    hours, minutes, seconds = (10, 0, moment) if isinstance(moment, int) else map(int, moment.split(":"))
    return times.timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.expect_logged_errors  # of the file that is lost
@pytest.mark.parametrize("vector", VECTORS)
def test_requests_are_counted_as_counter_says(totals, vector):
    clicks, expected = VECTORS[vector]
    counted = {day: tuple(total[name] for name in COUNTER) for day, total in totals(clicks).items()}
    assert counted == expected


@pytest.fixture
def report_numbers(base_app, search_client, totals, index_prefix):
    """Return `report_numbers(clicks)`: what an Item Report says of item A, by the number of days after DAY."""
    months = [f"{DAY + times.timedelta(days=number):%Y-%m}" for number in range(2)]
    search_client.indices.delete(index=f"{index_prefix}stats-counter-*", ignore=[404])
    base_app.extensions.pop("invenio-stats-counter-requestors", None)

    def ask(clicks):
        totals(clicks)
        for month in months:
            lease = MonthLease(search_client, month, times.timedelta(minutes=1), now)
            RevisionMaker(search_client, find_sources(), month, now).make(lease, Reason(""))
        requestor = add_requestor(search_client, "harvester", ["all"], now(), has_key=False, has_countries=False)
        params = {
            "customer_id": "0000000000000000",
            "requestor_id": requestor.requestor_id,
            "begin_date": months[0],
            "end_date": months[1],
        }
        address = "/api/counter/r51/reports/ir"
        answer = base_app.test_client().get(address, query_string=params, base_url="https://localhost", buffered=True)
        assert check_report(answer.json) == []
        items = [item for group in answer.json["Report_Items"] for item in group["Items"]]
        assert [item["Item_ID"]["Proprietary"] for item in items] == ["example:A"] * len(items)
        found = {}
        for performance in (row["Performance"] for item in items for row in item["Attribute_Performance"]):
            for metric, numbers in performance.items():
                for month, number in numbers.items():
                    found.setdefault(months.index(month), dict.fromkeys(METRICS, 0))[metric] += number
        return {number: tuple(metrics.values()) for number, metrics in found.items()}

    return ask


def now():
    return times.datetime.now(times.timezone.utc)


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("vector", VECTORS)
def test_the_item_report_has_the_same_numbers(report_numbers, vector):
    """From a request to a number in the report's JSON."""
    clicks, expected = VECTORS[vector]
    assert report_numbers(clicks) == expected


def test_each_access_type_has_its_row(totals):
    clicks, _ = VECTORS["Controlled, then Open"]
    rows = {day: [row["access_type"] for row in total["rows"]] for day, total in totals(clicks).items()}
    assert rows == {0: ["Controlled"], 1: ["Open"]}


def test_the_kept_click_of_a_chain_is_its_last(totals, search_client, index_prefix):
    totals(VECTORS["a chain in another order, in three batches"][0])
    alias = f"{index_prefix}events-stats-file-download"
    (hit,) = search_client.search(index=alias)["hits"]["hits"]
    assert hit["_source"]["timestamp"] == (DAY + since_midnight(50)).replace(tzinfo=None).isoformat()


def test_the_documentation_has_each_vector():
    """With the numbers that are tested."""
    rows = re.findall(r"^   \* - (.+)\n     - (.+)$", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE)
    assert {vector: written(expected) for vector, (_, expected) in VECTORS.items()} == {
        vector: numbers for vector, numbers in rows if vector in VECTORS
    }


def written(expected):
    if not expected:
        return "nothing"
    return "; ".join(
        f"{', '.join(map(str, numbers))}{' on the next day' if day else ''}" for day, numbers in expected.items()
    )
