"""A month is closed as a whole, once, and in order; what stands in the way is listed."""

from collections import Counter

import pytest

from invenio_stats.core.counter_months import METRICS
from invenio_stats.core.moments import parse
from invenio_stats.counter.checking.reports import check_report
from invenio_stats.counter.item_documents import to_document
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from tests.fixtures import counter_usage
from tests.flow.counter.reports.making import make_json, make_tsv, make_xlsx

JANUARY = {
    ("i1", "Open", "Regular", "DE", "c1"): ("Article", "2020", 3, 1, 2, 1),
    ("i2", "Open", "Regular", "", ""): ("Dataset", "2021", 1, 1, 1, 1),
    ("i2", "Open", "TDM", "", ""): ("Dataset", "2021", 1, 1, 1, 1),
}
FEBRUARY = {
    ("i3", "Open", "Regular", "", ""): ("Article", "2019", 1, 0, 1, 0),
    ("i4", "Controlled", "Regular", "", ""): ("Unspecified", "0001", 1, 1, 1, 1),
}


def test_the_months_that_are_due_are_closed(two_months, work, close, usage_of, search_client, clock):
    work()
    outcomes = close()
    assert {month: (outcome.is_closed, outcome.obstacles) for month, outcome in outcomes.items()} == {
        "2026-01": (True, []),
        "2026-02": (True, []),
    }
    assert usage_of("2026-01") == JANUARY
    assert usage_of("2026-02") == FEBRUARY
    month = counter_usage.read_month(search_client, "2026-01")
    assert month.state == "closed"
    assert month.revision == 1
    assert month.closed == month.changed == clock.now.isoformat()
    assert month.sums == {
        "Total_Item_Investigations": 5,
        "Total_Item_Requests": 3,
        "Unique_Item_Investigations": 4,
        "Unique_Item_Requests": 3,
        "Searches_Platform": 2,
    }
    assert month.searches == ({"access_method": "Regular", "country": "DE", "institution": "", "count": 2},)
    assert month.has_searches
    assert month.days == {"2026-01-05": 1, "2026-01-20": 2, "2026-01-31": 2}
    assert month.lists_version.startswith("counter-")
    assert [entry["revision"] for entry in month.log] == [1]
    assert close() == {}


def test_late_events_change_nothing(two_months, work, close, usage_of, restated, search_client, clock):
    work()
    close()
    two_months.view("i2", "2026-01-10", "late")
    clock.forward(hours=1)
    work()
    assert close() == {}
    assert usage_of("2026-01") == JANUARY
    result = restated("2026-01", is_dry=True)
    assert (result.revision, result.difference) == (
        2,
        (1, {"Total_Item_Investigations": 1, "Unique_Item_Investigations": 1}),
    )
    assert usage_of("2026-01") == JANUARY
    assert restated("2026-01").difference == result.difference
    changed = {**JANUARY, ("i2", "Open", "Regular", "", ""): ("Dataset", "2021", 2, 1, 2, 1)}
    assert usage_of("2026-01") == changed
    month = counter_usage.read_month(search_client, "2026-01")
    assert (month.state, month.revision, [entry["reason"] for entry in month.log]) == (
        "restated",
        2,
        ["", "late events"],
    )


@pytest.mark.parametrize("report_id", ["IR", "IR_A1", "IR_M1", "PR", "PR_P1"])
def test_closed_months_are_in_all_reports(two_months, work, close, restated, search_client, clock, report_id):
    """Also after a restatement: the names by which months are read are not those of their indices."""
    work()
    close()
    report = make_json(search_client, report_id, "2026-01", "2026-02", now=clock.now)
    assert check_report(report) == []
    restated("2026-01")
    assert make_json(search_client, report_id, "2026-01", "2026-02", now=clock.now) == report
    if report_id in ("IR", "PR"):
        sums = Counter()
        for group in report["Report_Items"]:
            for item in group.get("Items", [group]):
                for usage in item["Attribute_Performance"]:
                    sums.update({metric: sum(months.values()) for metric, months in usage["Performance"].items()})
        assert [sums[metric] for metric in METRICS] == [7, 4, 6, 4]


BROKEN = {
    "an author without a name": ItemMetadata("X", authors=(Author(None),)),
    "a journal without a title": ItemMetadata(
        "X", data_type="Article", container=Container(None, "Journal", "1234-5679")
    ),
    "a container without a type": ItemMetadata("X", data_type="Dataset", container=Container("C", None, "1234-5679")),
    "no identifier of this length": ItemMetadata("X", doi=f"10.1234/{'x' * 40_000}"),
    "no title": ItemMetadata(None),
    "authors in a generator": ItemMetadata("X", authors=(author for author in [Author("Doe")])),
    "characters of no file": ItemMetadata("a\ufffeb\ud800\x00", data_type="Sound", publisher="\uffff"),
}


@pytest.mark.parametrize("metadata_of_one", BROKEN.values(), ids=BROKEN)
def test_broken_metadata_stop_no_month_and_no_report(
    two_months, metadata, work, close, restated, search_client, clock, usage_of, metadata_of_one
):
    metadata["i1"] = metadata_of_one
    work()
    assert all(outcome.is_closed for outcome in close().values())
    restated("2026-01")
    assert usage_of("2026-01")["i1", "Open", "Regular", "DE", "c1"][2:] == (3, 1, 2, 1)
    options = {"include_parents": True, "attributes": ("Authors",), "now": clock.now}
    report = make_json(search_client, "IR", "2026-01", "2026-02", **options)
    assert check_report(report) == []
    assert len(make_xlsx(search_client, "IR", "2026-01", "2026-02", **options)) == len(
        make_tsv(search_client, "IR", "2026-01", "2026-02", **options)
    )


def test_very_long_ids_that_differ_at_the_end(usage, metadata, work, close, search_client, clock):
    clock.now = parse("2026-03-20T12:00:00")
    items = [f"{'x' * 32_000}{number}" for number in range(3)]
    for number, item in enumerate(items):
        metadata[item] = ItemMetadata("\N{EURO SIGN}" * 2_000, doi=f"10.1234/{item}")
        for session in range(number + 1):
            usage.view(item, "2026-01-10", f"s{session}")
    work()
    close()
    report = make_json(search_client, "IR", "2026-01", "2026-01", now=clock.now)
    assert check_report(report) == []
    numbers = {
        item["Item_ID"]["Proprietary"]: item["Attribute_Performance"][0]["Performance"]["Total_Item_Investigations"]
        for item in report["Report_Items"][0]["Items"]
    }
    assert numbers == {f"example:{item}": {"2026-01": number + 1} for number, item in enumerate(items)}
    keys = [to_document(item, metadata[item]) for item in items]
    assert max(len(keys[0][name].encode()) for name in ("order_key", "doi")) < 32_766
