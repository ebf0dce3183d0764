"""A month is closed as a whole, once, and in order; what stands in the way is listed."""

from tests.fixtures import counter_usage

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
