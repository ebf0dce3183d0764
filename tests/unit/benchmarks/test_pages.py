"""The benchmark of pages: the addresses that it opens, and what it says of sizes."""

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def pages(monkeypatch):
    pytest.importorskip("invenio_i18n")
    monkeypatch.syspath_prepend(BENCHMARKS)
    import pages

    return pages


@pytest.fixture
def year(pages):
    return pages.Year(records=50, each_day=5, communities=3, months=2)


def test_each_page_is_one_that_the_package_has(pages, year):
    app = pages.create_app(year, "http://127.0.0.1:9", "bench-")
    addresses = app.url_map.bind("example.org")
    opened = [
        addresses.match(page.address(random.Random(1)).partition("?")[0])[0].rpartition(".")[2]
        for page in pages.pages(year)
    ]
    assert opened == ["repository", "record", "community", "ranked_list", "ranked_list"]


def test_records_are_others_each_time_and_the_range_is_always_the_year(pages, year):
    page = next(page for page in pages.pages(year) if page.name == "record")
    chance = random.Random(1)
    addresses = [page.address(chance) for _ in range(20)]
    assert len({*addresses}) > 5
    assert {address.partition("?")[2] for address in addresses} == {"from=2026-09-01&to=2026-10-31"}


def test_a_page_that_is_not_there_ends_the_benchmark(pages):
    answer = SimpleNamespace(status_code=404, get_data=lambda as_text: "no such page")
    with pytest.raises(SystemExit, match=r"/stats/x: 404, not 200: no such page"):
        pages.open_page(SimpleNamespace(get=lambda address, headers: answer), "/stats/x")


@pytest.mark.parametrize(("size", "is_met"), [(79_999, "yes"), (80_000, "no")])
def test_sizes_stand_beside_what_they_should_be(pages, year, size, is_met):
    answer = SimpleNamespace(status_code=200, get_data=lambda: b"x" * size)
    app = SimpleNamespace(test_client=lambda: SimpleNamespace(get=lambda address, headers: answer))
    page_line, style_line = pages.sizes(app, pages.pages(year)[0])
    assert page_line.split()[-5:] == [f"{size:,}", "bytes", "<", "80,000", is_met]
    assert style_line.split()[-1] == "no"
