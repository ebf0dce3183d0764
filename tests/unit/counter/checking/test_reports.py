"""A report that breaks a rule of COUNTER is found out; one that keeps them all is not."""

import copy

import pytest

from invenio_stats.counter.checking.reports import check_report
from tests.unit.counter.checking.documents import good_reports, header, item, performance

GOOD = good_reports()


@pytest.mark.parametrize("name", GOOD)
def test_a_good_report_has_no_findings(name):
    assert check_report(GOOD[name]) == []


def _first(report):
    """Return the first item of a report of items, or its platform."""
    group = report["Report_Items"][0]
    return group["Items"][0] if "Items" in group else group


def _usage(report):
    return _first(report)["Attribute_Performance"][0]


def _numbers(report):
    return _usage(report)["Performance"]


MUTATIONS = [
    # name, report, what is done to it, the rule that finds it
    ("a zero", "IR", lambda r: _numbers(r)["Total_Item_Requests"].update({"2026-06": 0}), "schema"),
    ("an empty metric", "IR", lambda r: _numbers(r).update(Total_Item_Requests={}), "schema"),
    ("an empty performance", "IR", lambda r: _numbers(r).clear(), "schema"),
    ("an item without usage", "IR", lambda r: _first(r)["Attribute_Performance"].clear(), "schema"),
    ("a group without items", "IR", lambda r: r["Report_Items"][0]["Items"].clear(), "schema"),
    ("a fraction", "IR", lambda r: _numbers(r)["Total_Item_Requests"].update({"2026-05": 1.5}), "schema"),
    (
        "a month outside the period",
        "IR",
        lambda r: [counts.update({"2026-07": 1}) for counts in _numbers(r).values()],
        "outside-period",
    ),
    (
        "a second month beside Granularity Totals",
        "IR with parents",
        lambda r: [counts.update({"2026-06": 1}) for counts in _numbers(r).values()],
        "outside-period",
    ),
    (
        "the same attributes twice",
        "IR",
        lambda r: _first(r)["Attribute_Performance"].append(performance(number=7, Data_Type="Article")),
        "two-attribute-sets",
    ),
    (
        "an item twice",
        "IR",
        lambda r: r["Report_Items"][0]["Items"].append(item("a", performance(Data_Type="Other"))),
        "two-items",
    ),
    (
        "an item in two groups",
        "IR with parents",
        lambda r: r["Report_Items"][1]["Items"].append(copy.deepcopy(_first(r))),
        "two-items",
    ),
    (
        "two groups without parent",
        "IR with parents",
        lambda r: r["Report_Items"].append({"Items": [item("z", performance(Data_Type="Other"))]}),
        "two-groups",
    ),
    (
        "two groups of one parent",
        "IR with parents",
        lambda r: r["Report_Items"].append(
            {**r["Report_Items"][0], "Items": [item("z", performance(Data_Type="Article"))]}
        ),
        "two-groups",
    ),
    ("a parent on a Dataset", "IR with parents", lambda r: _usage(r).update(Data_Type="Dataset"), "wrong-parent"),
    (
        "a Book as parent of an article",
        "IR with parents",
        lambda r: r["Report_Items"][0].update(Data_Type="Book"),
        "wrong-parent",
    ),
    (
        "a parent that is not listed",
        "IR with parents",
        lambda r: r["Report_Header"].update(Report_Attributes={"Granularity": "Totals"}),
        "parent-not-listed",
    ),
    ("a parent without identifier", "IR with parents", lambda r: r["Report_Items"][0].update(Item_ID={}), "schema"),
    ("a parent with Data_Type in IR_A1", "IR_A1", lambda r: r["Report_Items"][0].update(Data_Type="Journal"), "schema"),
    (
        "a parent in IR_M1",
        "IR_M1",
        lambda r: r["Report_Items"][0].update(Title="T", Item_ID={"DOI": "10.1234/x"}),
        "schema",
    ),
    *(
        (f"the Data_Type {name} of an item", report, lambda r, name=name: _usage(r).update(Data_Type=name), "schema")
        for name in ("Book", "Conference", "Journal", "Newspaper_or_Newsletter", "Reference_Work")
        for report in ("IR", "PR")
    ),
    ("the Data_Type Platform of an item", "IR", lambda r: _usage(r).update(Data_Type="Platform"), "schema"),
    (
        "an empty report without an exception",
        "empty",
        lambda r: r["Report_Header"].pop("Exceptions"),
        "empty-without-exception",
    ),
    (
        "3030 with usage",
        "IR",
        lambda r: r["Report_Header"].update(GOOD["empty"]["Report_Header"]),
        "no-usage-with-usage",
    ),
    ("an exception without its Data", "not ready", lambda r: r["Report_Header"]["Exceptions"][0].pop("Data"), "schema"),
    ("another message", "empty", lambda r: r["Report_Header"]["Exceptions"][0].update(Message="No usage"), "schema"),
    (
        "an error that is no part of a header",
        "empty",
        lambda r: r["Report_Header"]["Exceptions"][0].update(Code=3020),
        "schema",
    ),
    ("empty Exceptions", "IR", lambda r: r["Report_Header"].update(Exceptions=[]), "schema"),
    (
        "an exception twice",
        "not ready",
        lambda r: r["Report_Header"]["Exceptions"].append({**r["Report_Header"]["Exceptions"][0], "Data": "2026-05"}),
        "two-exceptions",
    ),
    ("a Unique above its Total", "IR", lambda r: _numbers(r)["Unique_Item_Requests"].update({"2026-05": 3}), "above"),
    (
        "requests above investigations",
        "IR",
        lambda r: _numbers(r)["Total_Item_Requests"].update({"2026-05": 3}),
        "above",
    ),
    ("a Total without its Unique", "IR", lambda r: _numbers(r).pop("Unique_Item_Requests"), "total-without-unique"),
    (
        "a Total without its Unique in IR_M1",
        "IR_M1",
        lambda r: _numbers(r).pop("Unique_Item_Requests"),
        "total-without-unique",
    ),
    ("an attribute that is not listed", "IR", lambda r: _usage(r).update(YOP="2020"), "not-listed"),
    ("metadata that is not listed", "IR", lambda r: _first(r).update(Publication_Date="2020-01-01"), "not-listed"),
    (
        "a listed attribute that is missing",
        "IR with all attributes",
        lambda r: _usage(r).pop("Country_Code"),
        "not-listed",
    ),
    ("a filtered Data_Type", "IR with filters", lambda r: _usage(r).update(Data_Type="Other"), "filtered"),
    ("a filtered year", "IR with filters", lambda r: _usage(r).update(YOP="2011"), "filtered"),
    (
        "a filtered metric",
        "IR with filters",
        lambda r: _numbers(r).update(Total_Item_Requests={"2026-05": 1}),
        "filtered",
    ),
    ("authors in IR_M1", "IR_M1", lambda r: _first(r).update(Authors=[{"Name": "Doe"}]), "schema"),
    ("an Access_Method in PR_P1", "PR_P1", lambda r: _usage(r).update(Access_Method="Regular"), "schema"),
    ("a metric of titles in IR", "IR", lambda r: _numbers(r).update(Unique_Title_Requests={"2026-05": 1}), "schema"),
    ("searches of a Dataset", "PR", lambda r: _numbers(r).update(Searches_Platform={"2026-05": 1}), "platform-type"),
    ("two platforms", "PR", lambda r: r["Report_Items"].append(copy.deepcopy(r["Report_Items"][0])), "two-platforms"),
    (
        "Report_Attributes in a view",
        "IR_A1",
        lambda r: r["Report_Header"].update(Report_Attributes={"Granularity": "Totals"}),
        "schema",
    ),
    ("empty Report_Attributes", "IR", lambda r: r["Report_Header"].update(Report_Attributes={}), "schema"),
    ("another field in the header", "IR", lambda r: r["Report_Header"].update(Customer_ID="c1"), "schema"),
    *(
        (f"a header without {name}", "IR", lambda r, name=name: r["Report_Header"].pop(name), "schema")
        for name in header("IR")
    ),
    *(
        (
            f"{report} with the filter {name} in another order",
            report,
            lambda r, name=name: r["Report_Header"]["Report_Filters"][name].reverse(),
            "schema",
        )
        for report, name in (("PR_P1", "Metric_Type"), ("IR_A1", "Metric_Type"), ("IR_M1", "Data_Type"))
    ),
    ("a fraction in Created", "IR", lambda r: r["Report_Header"].update(Created="2026-07-03T04:05:06.1Z"), "schema"),
    ("an offset in Created", "IR", lambda r: r["Report_Header"].update(Created="2026-07-03T04:05:06+00:00"), "schema"),
    (
        "an end inside a month",
        "IR",
        lambda r: r["Report_Header"]["Report_Filters"].update(End_Date="2026-06-29"),
        "period",
    ),
    (
        "a begin inside a month",
        "IR",
        lambda r: r["Report_Header"]["Report_Filters"].update(Begin_Date="2026-05-02"),
        "schema",
    ),
    (
        "an end before the begin",
        "empty",
        lambda r: r["Report_Header"]["Report_Filters"].update(End_Date="2026-04-30"),
        "period",
    ),
    ("an own id without namespace", "IR", lambda r: _first(r)["Item_ID"].update(Proprietary="a"), "schema"),
    ("an item without own id", "IR", lambda r: _first(r)["Item_ID"].clear(), "schema"),
    ("a DOI with resolver", "IR", lambda r: _first(r)["Item_ID"].update(DOI="https://doi.org/10.1/a"), "schema"),
    (
        "an ISBN with hyphens in wrong places",
        "IR",
        lambda r: _first(r)["Item_ID"].update(ISBN="978-31-6148-410-0"),
        "identifier",
    ),
    ("an ISBN without hyphens", "IR", lambda r: _first(r)["Item_ID"].update(ISBN="9783161484100"), "schema"),
    (
        "an ISSN with a wrong check digit",
        "IR",
        lambda r: _first(r)["Item_ID"].update(Print_ISSN="0378-5954"),
        "identifier",
    ),
    ("a relative URI", "IR", lambda r: _first(r)["Item_ID"].update(URI="/records/a"), "schema"),
    (
        "a ROR as address",
        "IR",
        lambda r: _first(r).update(Publisher_ID={"ROR": ["https://ror.org/00hx57361"]}),
        "schema",
    ),
    (
        "an ORCID as address",
        "IR with all attributes",
        lambda r: _first(r)["Authors"][0].update(ORCID="https://orcid.org/0000-0002-1825-0097"),
        "schema",
    ),
    (
        "an ORCID with a wrong check digit",
        "IR with all attributes",
        lambda r: _first(r)["Authors"][0].update(ORCID="0000-0002-1825-0098"),
        "identifier",
    ),
    ("a name of one character", "IR with all attributes", lambda r: _first(r)["Authors"][1].update(Name="R"), "schema"),
    (
        "four authors",
        "IR with all attributes",
        lambda r: _first(r).update(Authors=[{"Name": f"Author {n}"} for n in range(4)]),
        "schema",
    ),
    ("a year as date", "IR with all attributes", lambda r: _first(r).update(Publication_Date="2020"), "schema"),
    (
        "a day that does not exist",
        "IR with all attributes",
        lambda r: _first(r).update(Publication_Date="2021-02-29"),
        "identifier",
    ),
    (
        "an Article_Version of another list",
        "IR with all attributes",
        lambda r: _first(r).update(Article_Version="v1"),
        "schema",
    ),
    (
        "an unknown country that is empty",
        "IR with all attributes",
        lambda r: _usage(r).update(Country_Code=""),
        "schema",
    ),
    (
        "an institution without namespace",
        "IR",
        lambda r: r["Report_Header"].update(Institution_ID={"Proprietary": ["c1"]}),
        "schema",
    ),
    ("a year of three digits", "IR with all attributes", lambda r: _usage(r).update(YOP="202"), "schema"),
]


@pytest.mark.parametrize(
    ("report", "change", "rule"), [pytest.param(*case[1:], id=case[0] + f" ({case[1]})") for case in MUTATIONS]
)
def test_a_breach_is_found(report, change, rule):
    broken = copy.deepcopy(GOOD[report])
    change(broken)
    assert rule in {finding.rule for finding in check_report(broken)}
