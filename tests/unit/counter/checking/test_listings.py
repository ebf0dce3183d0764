"""Answers of the API that are no reports: what is wrong with them is found."""

import copy

import jsonschema
import pytest

from invenio_stats.core.counter_exceptions import KINDS, CounterException
from invenio_stats.counter.checking.listings import check_listing
from invenio_stats.counter.checking.reports import check_document
from invenio_stats.counter.checking.schemas import all_schemas

RECORD = "https://registry.countermetrics.org/platform/00000000-0000-4000-8000-000000000000"
GOOD = {
    "status": [
        {
            "Description": "COUNTER API of Example Repository",
            "Service_Active": True,
            "Registry_Record": RECORD,
            "Note": "Usage is ready on the 4th of a month.",
            "Alerts": [{"Date_Time": "2026-07-03T04:05:06Z", "Alert": "2026-03 was restated."}],
        }
    ],
    "members": [
        {"Institution_Name": "One", "Customer_ID": "c1", "Institution_ID": {"ROR": ["00hx57361"]}},
        {"Institution_Name": "Two", "Customer_ID": "c2", "Requestor_ID": "r", "Notes": "n"},
    ],
    "reports": [
        {
            "Report_Name": "Item Report",
            "Report_ID": "IR",
            "Release": "5.1",
            "Report_Description": "Usage of each item.",
            "Path": "/r51/reports/ir",
            "First_Month_Available": "2026-01",
            "Last_Month_Available": "2026-03",
            "Month_Details": {
                "2026-03": {"Last_Change_Date": "2026-04-03T00:00:00Z"},
                "2026-01": {"Last_Change_Date": "2026-05-03T00:00:00Z", "Last_Change_Note": "late events"},
            },
        }
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_answer_has_no_findings(name):
    assert check_listing(name, GOOD[name]) == []


def test_before_the_first_month_there_are_no_reports():
    assert check_listing("reports", []) == []


@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        ("status", lambda entry: entry.pop("Service_Active"), "schema"),
        ("status", lambda entry: entry.update(Service_Active="yes"), "schema"),
        ("status", lambda entry: entry.update(Registry_Record=""), "schema"),
        ("status", lambda entry: entry.update(Alerts=[]), "schema"),
        ("status", lambda entry: entry["Alerts"][0].update(Date_Time="2026-07-03"), "schema"),
        ("status", lambda entry: entry.update(Colour="red"), "schema"),
        ("members", lambda entry: entry.pop("Customer_ID"), "schema"),
        ("members", lambda entry: entry.pop("Institution_Name"), "schema"),
        ("members", lambda entry: entry.update(Institution_ID={"GRID": ["x"]}), "schema"),
        ("members", lambda entry: entry.update(Institution_ID={"ISNI": ["0000000121464381"]}), "identifier"),
        ("reports", lambda entry: entry.update(Report_Name="Platform Report"), "schema"),
        ("reports", lambda entry: entry.update(Report_ID="TR"), "schema"),
        ("reports", lambda entry: entry.update(Release="5"), "schema"),
        ("reports", lambda entry: entry.pop("First_Month_Available"), "schema"),
        ("reports", lambda entry: entry.update(First_Month_Available="2026-01-01"), "schema"),
        ("reports", lambda entry: entry.update(First_Month_Available="2026-04", Month_Details={}), "period"),
        ("reports", lambda entry: entry["Month_Details"].update({"2026-04": {"Last_Change_Date": "x"}}), "schema"),
        (
            "reports",
            lambda entry: entry["Month_Details"].update({"2026-02": {"Last_Change_Date": "2026-04-03T00:00:00Z"}}),
            "month-order",
        ),
        ("reports", lambda entry: entry.update(Last_Month_Available="2026-02"), "outside-period"),
    ],
)
def test_a_breach_is_found(name, change, rule):
    broken = copy.deepcopy(GOOD[name])
    change(broken[0])
    assert rule in {finding.rule for finding in check_listing(name, broken)}


@pytest.mark.parametrize("code", KINDS)
def test_an_exception_is_as_the_table_has_it(code):
    found = CounterException(code, "data" if KINDS[code].needs_data else "").as_dict()
    assert check_document("exception", found) == []
    for change in ({"Message": "Another"}, {"Code": 9999}, {"Severity": "Error"}):
        assert check_document("exception", {**found, **change})
    if KINDS[code].needs_data:
        del found["Data"]
        assert check_document("exception", found)


@pytest.mark.parametrize("name", all_schemas())
def test_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(all_schemas()[name])
