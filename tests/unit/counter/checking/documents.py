"""Reports that are as COUNTER wants them, written by hand."""

import copy

FILTERS = {"Begin_Date": "2026-05-01", "End_Date": "2026-06-30"}
NAMES = {
    "PR": "Platform Report",
    "PR_P1": "Platform Usage",
    "IR": "Item Report",
    "IR_A1": "Journal Article Requests",
    "IR_M1": "Multimedia Item Requests",
}
FIXED = {
    "PR_P1": {
        "Access_Method": ["Regular"],
        "Metric_Type": [
            "Searches_Platform",
            "Total_Item_Requests",
            "Unique_Item_Requests",
            "Unique_Title_Requests",
        ],
    },
    "IR_A1": {
        "Data_Type": ["Article"],
        "Access_Method": ["Regular"],
        "Metric_Type": ["Total_Item_Requests", "Unique_Item_Requests"],
    },
    "IR_M1": {
        "Data_Type": ["Audiovisual", "Image", "Interactive_Resource", "Multimedia", "Sound"],
        "Access_Method": ["Regular"],
        "Metric_Type": ["Total_Item_Requests", "Unique_Item_Requests"],
    },
}
PARENT = {"Title": "Annals", "Item_ID": {"Online_ISSN": "0378-5955"}}
ALL = ("Total_Item_Investigations", "Total_Item_Requests", "Unique_Item_Investigations", "Unique_Item_Requests")
REQUESTS = ("Total_Item_Requests", "Unique_Item_Requests")


def header(report_id, **fields):
    """Return a header; a field that is None is left out."""
    found = {
        "Report_Name": NAMES[report_id],
        "Report_ID": report_id,
        "Release": "5.1",
        "Institution_Name": "The World",
        "Institution_ID": {"Proprietary": ["example:0000000000000000"]},
        "Report_Filters": {**FIXED.get(report_id, {}), **FILTERS},
        "Created": "2026-07-03T04:05:06Z",
        "Created_By": "Example Repository",
        "Registry_Record": "",
        **fields,
    }
    return {name: value for name, value in found.items() if value is not None}


def performance(metrics=ALL, number=2, month="2026-05", **attributes):
    """Return one Attribute_Performance."""
    return {**attributes, "Performance": {metric: {month: number} for metric in metrics}}


def item(name, *performances, **fields):
    """Return an item."""
    return {
        "Item": f"Item {name}",
        "Publisher": "Example Press",
        "Platform": "Example Repository",
        "Item_ID": {"Proprietary": f"example:{name}"},
        **fields,
        "Attribute_Performance": list(performances),
    }


def report(report_id, *items, **fields):
    """Return a report."""
    return {"Report_Header": header(report_id, **fields), "Report_Items": copy.deepcopy(list(items))}


def good_reports():
    """Return a report of each kind by a name, each with all that may occur in it."""
    article = item("a", performance(Data_Type="Article"))
    author = {"Name": "Doe, Jane", "ORCID": "0000-0002-1825-0097"}
    described = item(
        "a",
        performance(Data_Type="Article", YOP="2020", Access_Type="Open", Access_Method="Regular", Country_Code="ZZ"),
        performance(Data_Type="Article", YOP="2020", Access_Type="Open", Access_Method="TDM", Country_Code="CH"),
        Authors=[author, {"Name": "Roe"}],
        Publication_Date="2020-02-29",
        Article_Version="VoR",
        Publisher_ID={"ROR": ["00hx57361"], "ISNI": ["000000012146438X"], "Proprietary": ["example:p"]},
        Item_ID={
            "DOI": "10.1234/a",
            "Proprietary": "example:a",
            "ISBN": "978-3-16-148410-0",
            "Print_ISSN": "0378-5955",
            "URI": "https://example.org/a",
        },
    )
    shown = ["Authors", "Publication_Date", "Article_Version", "YOP", "Access_Type", "Access_Method", "Country_Code"]
    return {
        "PR": report(
            "PR",
            {
                "Platform": "Example Repository",
                "Attribute_Performance": [
                    performance(Data_Type="Dataset", Access_Method="TDM", Country_Code="ZZ"),
                    performance(
                        ("Searches_Platform",), Data_Type="Platform", Access_Method="Regular", Country_Code="DE"
                    ),
                ],
            },
            Report_Attributes={"Attributes_To_Show": ["Access_Method", "Country_Code"]},
        ),
        "PR_P1": report(
            "PR_P1",
            {
                "Platform": "Example Repository",
                "Attribute_Performance": [
                    performance(REQUESTS, Data_Type="Dataset"),
                    performance(("Searches_Platform",), Data_Type="Platform"),
                ],
            },
        ),
        "IR": report("IR", {"Items": [article, item("d", performance(Data_Type="Dataset"))]}),
        "IR with all attributes": report(
            "IR",
            {**PARENT, "Data_Type": "Journal", "Items": [described]},
            Report_Attributes={"Attributes_To_Show": shown, "Include_Parent_Details": "True"},
        ),
        "IR with parents": report(
            "IR",
            {**PARENT, "Data_Type": "Journal", "Items": [article]},
            {"Items": [item("d", performance(Data_Type="Dataset"), performance(Data_Type="Other"))]},
            Report_Attributes={"Include_Parent_Details": "True", "Granularity": "Totals"},
        ),
        "IR with filters": report(
            "IR",
            {"Items": [item("a", performance(("Total_Item_Investigations",), Data_Type="Article", YOP="2013"))]},
            Report_Filters={
                "Metric_Type": ["Total_Item_Investigations"],
                "Data_Type": ["Article"],
                "YOP": ["2010", "2012-2015"],
                "Item_ID": "example:a",
                **FILTERS,
            },
            Report_Attributes={"Attributes_To_Show": ["YOP"]},
        ),
        "IR_A1": report(
            "IR_A1",
            {**PARENT, "Items": [item("a", performance(REQUESTS, Access_Type="Open"), Authors=[author])]},
            {"Items": [item("b", performance(REQUESTS, Access_Type="Controlled"))]},
        ),
        "IR_M1": report("IR_M1", {"Items": [item("i", performance(REQUESTS, Data_Type="Image"))]}),
        "empty": report("IR", Exceptions=[{"Code": 3030, "Message": "No Usage Available for Requested Dates"}]),
        "not ready": report(
            "PR", Exceptions=[{"Code": 3031, "Message": "Usage Not Ready for Requested Dates", "Data": "2026-06"}]
        ),
    }
