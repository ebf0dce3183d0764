"""The cells of a table: lists can be read back, whatever their values contain."""

import pytest

from invenio_stats.counter.reports.folding import Performance
from invenio_stats.counter.reports.items import ReportItem
from invenio_stats.counter.reports.report import Report
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.table import join_values, table_rows

HEADER = {
    "Report_Name": "Item Report",
    "Report_ID": "IR",
    "Release": "5.1",
    "Institution_Name": "The World; all of it",
    "Institution_ID": {"Proprietary": ["example:a; b"], "ROR": ["00hx57361"]},
    "Report_Filters": {
        "Item_ID": ["example:x; y"],
        "YOP": "2020",
        "Begin_Date": "2026-05-01",
        "End_Date": "2026-05-31",
    },
    "Exceptions": [
        {"Code": 3040, "Message": "Partial Data Returned", "Data": "2026-05: a crawler; and a mirror"},
        {"Code": 3050, "Message": "Parameter Not Recognized in this Context", "Data": "author"},
    ],
    "Created": "2026-06-05T00:00:00Z",
    "Created_By": "Example",
    "Registry_Record": "",
}


@pytest.mark.parametrize(
    ("values", "cell"),
    [
        pytest.param(["Doe, Jane", "Roe"], "Doe, Jane; Roe", id="nothing to replace"),
        pytest.param(["Doe; Jane", "Roe"], "Doe, Jane; Roe", id="a separator within a name"),
        pytest.param(["Doe;", "Roe"], "Doe,; Roe", id="at its end"),
        pytest.param(["a;b", "M&uuml;ller"], "a;b; M&uuml;ller", id="no separator"),
        pytest.param([], "", id="nothing"),
    ],
)
def test_a_list_has_as_many_parts_as_values(values, cell):
    assert join_values(values) == cell
    assert len(cell.split("; ")) == max(1, len(values))


def test_names_in_a_table_are_as_many_as_there_are():
    """Of the authors, of an item and of its parent, and of the lists in the header; a single text stays as it is."""
    people = [{"Name": "Doe; Jane", "ORCID": "0000-0002-1825-0097"}, {"Name": "Roe"}]
    described = {"Item": "A; b", "Publisher": "", "Platform": "Example", "Item_ID": {"Proprietary": "example:i;1"}}
    parent = {"Title": "C; d", "Item_ID": {"Online_ISSN": "0378-5955"}, "Authors": people, "Data_Type": "Journal"}
    usage = Performance({"Data_Type": "Article"}, {"Total_Item_Requests": {"2026-05": 3}})
    item = ReportItem("j", parent, {**described, "Authors": people}, [usage])
    request = ReportRequest("IR", "2026-05", "2026-05", attributes=("Authors",), include_parents=True)
    report = Report(request, HEADER, ("2026-05",), iter([item]), lambda limit: False)
    rows = list(table_rows(report))
    header = {row[0]: row[1] for row in rows[:13]}
    assert header["Institution_Name"] == "The World; all of it"
    assert header["Institution_ID"] == "example:a, b; ROR:00hx57361"
    assert header["Report_Filters"] == "Item_ID=example:x, y; YOP=2020"
    assert header["Exceptions"].split("; ") == [
        "3040: Partial Data Returned (2026-05: a crawler, and a mirror)",
        "3050: Parameter Not Recognized in this Context (author)",
    ]
    cells = dict(zip(rows[14], rows[15], strict=True))
    assert cells["Authors"] == cells["Parent_Authors"] == "Doe, Jane (ORCID:0000-0002-1825-0097); Roe"
    assert (cells["Item"], cells["Parent_Title"], cells["Proprietary_ID"]) == ("A; b", "C; d", "example:i;1")
