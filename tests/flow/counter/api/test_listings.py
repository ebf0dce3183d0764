"""The status of the API, the members of a customer, and the list of reports."""

import re
from datetime import timedelta

import pytest

from invenio_stats.core.counter_months import next_month
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.counter.months import month_ref
from tests.flow.counter.api.conftest import WORLD, month_ago, today

RECORD = "https://registry.countermetrics.org/platform/0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def restate(months, search_client):
    """Return a function that restates a month some days ago."""

    def restate(month, days_ago, reason="a robot was counted"):
        ref = month_ref(month)
        at = iso_zoned(to_second(today() - timedelta(days=days_ago)))
        source = search_client.get(index=ref["_index"], id=ref["_id"])["_source"]
        log = [{"at": source["closed"], "revision": 1, "reason": "", "difference": {}}]
        changed = {
            "state": "restated",
            "revision": 2,
            "changed": at,
            "log": [*log, {"at": at, "revision": 2, "reason": reason, "difference": {}}],
        }
        search_client.index(index=ref["_index"], id=ref["_id"], body={**source, **changed}, refresh=True)
        return f"{at[:19]}Z"

    return restate


def test_the_status_is_public(get, months):
    answer = get("status")
    assert answer.status_code == 200
    assert answer.json == [{"Description": "COUNTER reports of Example Repository", "Service_Active": True}]


def test_the_status_names_the_registry_record(app, monkeypatch, get):
    monkeypatch.setitem(app.config, "STATS_COUNTER_REGISTRY_RECORD", RECORD)
    assert get("status").json[0]["Registry_Record"] == RECORD


def test_restatements_of_three_months_are_alerts(get, restate):
    """The newest first."""
    restate(month_ago(3), 200)
    older = restate(month_ago(2), 80)
    newer = restate(month_ago(1), 2, "one day was missing")
    assert get("status").json[0]["Alerts"] == [
        {"Date_Time": newer, "Alert": f"Usage of {month_ago(1)} was restated: one day was missing"},
        {"Date_Time": older, "Alert": f"Usage of {month_ago(2)} was restated: a robot was counted"},
    ]


@pytest.mark.expect_logged_errors
def test_the_status_says_that_there_are_no_reports(get, search_client, monkeypatch):
    """When the search engine is away, who asks learns it from here."""
    from invenio_search.engine import search

    def fail(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "", None)

    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", fail)
        answer = get("status")
    assert (answer.status_code, answer.json[0]["Service_Active"]) == (200, False)


@pytest.mark.parametrize(
    ("customer", "members"),
    [
        ("all-u", [("University One", "u1"), ("University Two", "u2")]),
        ("u2", [("University Two", "u2")]),
        (WORLD, [("The World", WORLD)]),
    ],
)
def test_members(ask, customer, members):
    answer = ask("members", customer_id=customer).json
    assert [(member["Institution_Name"], member["Customer_ID"]) for member in answer] == members
    assert all(set(member) == {"Institution_Name", "Customer_ID", "Institution_ID"} for member in answer)


def test_members_have_their_identifiers(ask):
    (member,) = ask("members", customer_id="u1").json
    assert member["Institution_ID"] == {"ROR": ["00hx57361"], "Proprietary": ["example:u1"]}


def test_there_is_no_report_before_the_first_month_is_closed(ask, closed_months):
    assert ask("reports").json == []


def test_reports(ask, months):
    """All five, each with the months that can be had."""
    answer = ask("reports", colour="red").json
    assert [(report["Report_ID"], report["Report_Name"]) for report in answer] == [
        ("PR", "Platform Report"),
        ("PR_P1", "Platform Usage"),
        ("IR", "Item Report"),
        ("IR_A1", "Journal Article Requests"),
        ("IR_M1", "Multimedia Item Requests"),
    ]
    for report in answer:
        assert report["Release"] == "5.1"
        assert report["Report_Description"]
        assert report["Path"] == f"/r51/reports/{report['Report_ID'].lower()}"
        assert report["First_Month_Available"] == month_ago(3)
        assert report["Last_Month_Available"] == month_ago(1)
        assert "Month_Details" not in report


def test_the_details_of_months_are_the_newest_first(ask, restate):
    at = restate(month_ago(2), 5)
    for report in ask("reports", include_month_details="True").json:
        details = report["Month_Details"]
        assert list(details) == [month_ago(1), month_ago(2), month_ago(3)]
        assert details[month_ago(2)] == {"Last_Change_Date": at, "Last_Change_Note": "a robot was counted"}
        assert list(details[month_ago(1)]) == ["Last_Change_Date"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", details[month_ago(1)]["Last_Change_Date"])


def test_months_that_are_no_longer_kept_are_not_listed(ask, months):
    """The current calendar year and the 24 months before it are."""
    first = f"{today().year - 2}-01"
    months.close(first)
    months.close(next_month(first, -1))
    assert {report["First_Month_Available"] for report in ask("reports").json} == {first}
