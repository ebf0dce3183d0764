"""A table that breaks a rule of COUNTER is found out; one that keeps them all is not."""

import copy

import pytest

from invenio_stats.counter.checking.tables import check_table

HEADER = [
    ["Report_Name", "Item Report"],
    ["Report_ID", "IR"],
    ["Release", "5.1"],
    ["Institution_Name", "The World"],
    ["Institution_ID", "example:0000000000000000"],
    ["Metric_Types", ""],
    ["Report_Filters", "Data_Type=Article|Dataset"],
    ["Report_Attributes", "Attributes_To_Show=YOP|Country_Code"],
    ["Exceptions", ""],
    ["Reporting_Period", "Begin_Date=2026-05-01; End_Date=2026-06-30"],
    ["Created", "2026-07-03T04:05:06Z"],
    ["Created_By", "Example Repository"],
    ["Registry_Record", ""],
    [],
]
COLUMNS = [
    "Country_Code",
    "Item",
    "Publisher",
    "Publisher_ID",
    "Platform",
    "DOI",
    "Proprietary_ID",
    "ISBN",
    "Print_ISSN",
    "Online_ISSN",
    "URI",
    "Data_Type",
    "YOP",
    "Metric_Type",
    "Reporting_Period_Total",
    "May-2026",
    "Jun-2026",
]
ITEM = ["ZZ", "A", "", "", "Example Repository", "", "example:a", "", "", "", "", "Article", "2020"]
METRICS = (
    "Total_Item_Investigations",
    "Total_Item_Requests",
    "Unique_Item_Investigations",
    "Unique_Item_Requests",
)
GOOD = [*HEADER, COLUMNS, *([*ITEM, metric, 3, 2, 1] for metric in METRICS)]


def test_a_good_table_has_no_findings():
    assert check_table(GOOD) == []


def test_counts_may_be_texts():
    assert check_table([[str(cell) for cell in row] for row in GOOD]) == []


def _swap(row, first, second):
    row[first], row[second] = row[second], row[first]


def _total(rows):
    """Leave out the months, as Exclude_Monthly_Details does, and not say so."""
    for row in rows[14:]:
        del row[-2:]


MUTATIONS = [
    ("columns in another order", lambda rows: _swap(rows[14], 1, 2), "columns"),
    ("months in another order", lambda rows: _swap(rows[14], -1, -2), "columns"),
    ("Country_Code not first", lambda rows: rows[14].append(rows[14].pop(0)), "columns"),
    ("a column that is not listed", lambda rows: rows[7].__setitem__(1, "Attributes_To_Show=Country_Code"), "columns"),
    ("months that are missing", _total, "columns"),
    ("a total that is not the sum", lambda rows: rows[15].__setitem__(-3, 4), "total"),
    ("a row of zeros", lambda rows: rows[15].__setitem__(slice(-3, None), [0, 0, 0]), "zero"),
    ("a row twice", lambda rows: rows.append(list(rows[15])), "two-rows"),
    ("an empty count", lambda rows: rows[15].__setitem__(-1, ""), "counts"),
    ("a Unique above its Total", lambda rows: rows[18].__setitem__(slice(-3, None), [4, 3, 1]), "above"),
    ("a Total without its Unique", lambda rows: rows.pop(18), "total-without-unique"),
    ("a metric that is filtered", lambda rows: rows[5].__setitem__(1, METRICS[0]), "filtered"),
    (
        "3030 with usage",
        lambda rows: rows[8].__setitem__(1, "3030: No Usage Available for Requested Dates"),
        "no-usage-with-usage",
    ),
    ("an empty report without an exception", lambda rows: rows.__delitem__(slice(15, None)), "empty-without-exception"),
    ("header rows in another order", lambda rows: _swap(rows, 0, 1), "header"),
    ("no empty row", lambda rows: rows.pop(13), "header"),
    ("another Report_ID", lambda rows: rows[1].__setitem__(1, "PR"), "header"),
    (
        "an end inside a month",
        lambda rows: rows[9].__setitem__(1, "Begin_Date=2026-05-01; End_Date=2026-06-29"),
        "period",
    ),
    (
        "a month that no year has",
        lambda rows: rows[9].__setitem__(1, "Begin_Date=2026-05-01; End_Date=2026-13-31"),
        "period",
    ),
    ("a period of months", lambda rows: rows[9].__setitem__(1, "2026-05 to 2026-06"), "period"),
    ("a fraction in Created", lambda rows: rows[10].__setitem__(1, "2026-07-03T04:05:06.7Z"), "header"),
]


@pytest.mark.parametrize(("change", "rule"), [pytest.param(*case[1:], id=case[0]) for case in MUTATIONS])
def test_a_breach_is_found(change, rule):
    broken = copy.deepcopy(GOOD)
    change(broken)
    assert rule in {finding.rule for finding in check_table(broken)}
