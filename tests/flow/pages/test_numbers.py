"""A number is the same on the page, in its table, in its files, in the API, and as it was stored."""

import csv
import io
from typing import NamedTuple

import openpyxl
import pytest

from tests.flow.pages import site

pytestmark = pytest.mark.usefixtures("seeded")
METRICS = {"downloads": "Downloads", "views": "Views"}


class Scope(NamedTuple):
    """A page, the query for its key numbers, and the stored totals that it counts."""

    path: str
    user: str | None
    query: str
    params: dict
    stored: list
    """Fields of totals, of which one has to fit."""
    metrics: tuple = ("downloads", "views")
    """What its chart shows."""


SCOPES = [
    Scope("/stats/", None, "repository-total", {}, [{}]),
    Scope("/stats/records/r1-v2", None, "record-total", {"record": "r1"}, [{"parent_id": "r1"}]),
    Scope(
        "/stats/records/r1-v2?versions=this",
        None,
        "record-total",
        {"record": "r1-v2", "versions": "this"},
        [{"item_id": "r1-v2"}],
    ),
    Scope("/stats/communities/coast", None, "community-total", {"community": "coast"}, [{"labels": "c1"}]),
    Scope(
        "/stats/me",
        site.UPLOADER,
        "user-total",
        {"user": site.UPLOADER},
        [{"parent_id": f"r{number}"} for number in range(1, 5)],
        ("downloads",),
    ),
]


def number(text):
    return int(text.replace(",", ""))


def read_files(get, root, user):
    """Return the rows of each file of the chart, by format; dictionaries by column."""
    title = root.all("figure")[0].only("h2").text
    links = {name: root.only("a", aria_label=f"Download {title}: {name}")["href"] for name in ("CSV", "Excel", "JSON")}
    sheet = openpyxl.load_workbook(io.BytesIO(get(links["Excel"], user).data)).worksheets[0]
    head, *rows = sheet.iter_rows(values_only=True)
    return {
        "CSV": list(csv.DictReader(io.StringIO(get(links["CSV"], user).text))),
        "Excel": [dict(zip(head, row, strict=True)) for row in rows],
        "JSON": get(links["JSON"], user).json["points"],
    }


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: f"{scope.query}-{len(scope.params)}")
def test_a_number_is_the_same_everywhere(get, page, scope):
    root = page(scope.path, scope.user)
    keys = {
        item.only("dt").text: number(item.all("dd")[0].text) for item in root.only("dl", cls="st-keys").all("div")[:2]
    }
    head, *rows, foot = root.table(root.all("figure")[0].only("h2").text)
    files = read_files(get, root, scope.user)
    first, last = (field["value"] for field in root.only("form").all("input", type="date"))
    ends = "&".join(f"{name}={value}" for name, value in {**scope.params, "from": first, "to": last}.items())
    answer = get(f"/api/stats/{scope.query}?{ends}", scope.user).json
    for metric, name in METRICS.items():
        stored = sum(site.plain_sum(metric, first, last, **fields) for fields in scope.stored)
        assert stored > 10_000
        assert keys[name] == answer[metric] == stored
        if metric in scope.metrics:
            column = head.index(name)
            assert sum(number(row[column]) for row in rows) == number(foot[column]) == stored
            for rows_of_file in files.values():
                assert sum(int(row[metric]) for row in rows_of_file) == stored


@pytest.mark.parametrize("scope", [SCOPES[0], SCOPES[1], SCOPES[3]], ids=lambda scope: scope.query)
def test_rows_of_rankings_add_up_with_their_rest(page, scope):
    """All countries, also those that are not shown, are all downloads; all sites are all views."""
    for path, column, metric in (("countries", "Downloads", "downloads"), ("hosts", "Views", "views")):
        ends = "&".join(f"{name}={value}" for name, value in {**scope.params, "period": "12m"}.items())
        root = page(f"/stats/lists/{path}?{ends}")
        head, *rows = root.table(root.only("caption").text)
        first, last = (field["value"] for field in root.only("form").all("input", type="date"))
        stored = sum(site.plain_sum(metric, first, last, **fields) for fields in scope.stored)
        assert sum(number(row[head.index(column)]) for row in rows) == stored


def test_versions_add_up_and_unique_numbers_are_no_more(page):
    root = page("/stats/records/r1")
    head, *rows, foot = root.table("Versions")
    for name in ("Downloads", "Views"):
        column = head.index(name)
        assert sum(number(row[column]) for row in rows) == number(foot[column])
    _head, *files, sums = root.table("Files")
    assert all(number(row[3]) <= number(row[2]) for row in [*files, sums] if row[3])
