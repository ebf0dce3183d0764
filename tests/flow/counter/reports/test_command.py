"""`invenio stats counter report` writes a report, or says what is wrong with the command."""

import csv
import io
import json
import os
from datetime import datetime, timezone

import pytest
from openpyxl import load_workbook

from invenio_stats.cli import stats
from invenio_stats.core.counter_months import format_month, next_month
from invenio_stats.counter.checking.reports import check_report
from invenio_stats.counter.checking.tables import check_table
from invenio_stats.counter.reports import xlsx
from tests.fixtures.closed_months import ARTICLE, DATASET, use

THIS_MONTH = format_month(datetime.now(timezone.utc).date())
LAST, BEFORE = next_month(THIS_MONTH, -1), next_month(THIS_MONTH, -2)


@pytest.fixture
def months(closed_months):
    closed_months.put_items({"a": ARTICLE, "d": DATASET})
    closed_months.close(BEFORE, [use("a", 4, 2, country="DE"), use("d", 3, 0, data_type="Dataset", yop="2021")])
    closed_months.close(LAST, [use("a", 1, 1, access_method="TDM", institution="c1")])
    return closed_months


@pytest.fixture
def invoke(app, months):
    """Run the command in process; returns its standard output as bytes, and its messages."""
    runner = app.test_cli_runner()

    def run(report_id, *args, code=0, begin=BEFORE, end=LAST):
        result = runner.invoke(stats, ["counter", "report", report_id, "--from", begin, "--to", end, *args])
        assert result.exit_code == code, result.output
        return result.stdout_bytes, result.stderr

    return run


@pytest.mark.parametrize("report_id", ["pr", "pr_p1", "ir", "ir_a1", "ir_m1"])
def test_each_report_in_json(invoke, report_id):
    report = json.loads(invoke(report_id)[0])
    assert report["Report_Header"]["Report_ID"] == report_id.upper()
    assert check_report(report) == []


def test_tsv_on_standard_output(invoke):
    output, messages = invoke("ir", "--format", "tsv", "--output", "-")
    rows = list(csv.reader(io.StringIO(output.decode("utf-8-sig")), dialect="excel-tab"))
    assert check_table(rows) == []
    assert messages == ""


def test_all_options(invoke):
    report = json.loads(
        invoke(
            "ir",
            *("--show", "YOP,Access_Type", "--show", "Authors", "--parents", "--totals"),
            *("--metric", "Total_Item_Investigations,Total_Item_Requests", "--data-type", "Article"),
            *("--access-type", "Open", "--access-method", "Regular", "--yop", "2010,2012-2030"),
            *("--item", "10.1234/counting", "--country", "DE", "--customer", "0000000000000000"),
        )[0]
    )
    assert report["Report_Header"]["Report_Filters"] == {
        "Metric_Type": ["Total_Item_Investigations", "Total_Item_Requests"],
        "Data_Type": ["Article"],
        "Access_Type": ["Open"],
        "Access_Method": ["Regular"],
        "YOP": ["2010", "2012-2030"],
        "Item_ID": "10.1234/counting",
        "Country_Code": "DE",
        **{name: report["Report_Header"]["Report_Filters"][name] for name in ("Begin_Date", "End_Date")},
    }
    assert report["Report_Header"]["Report_Attributes"] == {
        "Attributes_To_Show": ["Authors", "YOP", "Access_Type"],
        "Granularity": "Totals",
        "Include_Parent_Details": "True",
    }
    (group,) = report["Report_Items"]
    (item,) = group["Items"]
    assert item["Attribute_Performance"][0]["Performance"] == {
        "Total_Item_Investigations": {BEFORE: 4},
        "Total_Item_Requests": {BEFORE: 2},
    }


def test_the_report_of_a_customer(invoke):
    report = json.loads(invoke("pr", "--customer", "both")[0])
    assert report["Report_Header"]["Institution_Name"] == "A Consortium"
    (platform,) = report["Report_Items"]
    assert platform["Attribute_Performance"][0]["Performance"]["Total_Item_Requests"] == {LAST: 1}


def test_a_file(invoke, tmp_path):
    path = tmp_path / "report.xlsx"
    output, messages = invoke("ir", "--format", "xlsx", "--output", str(path))
    assert (output, messages) == (b"", "")
    sheet = load_workbook(path).active
    assert (
        check_table([["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)]) == []
    )
    assert [found.name for found in tmp_path.iterdir()] == ["report.xlsx"]


def test_months_that_are_missing_are_named(invoke):
    """In the header, and in a line for people; the command has done what it can."""
    output, messages = invoke("ir", end=THIS_MONTH)
    header = json.loads(output)["Report_Header"]
    assert [exception["Code"] for exception in header["Exceptions"]] == [3031]
    assert messages == f"3031 Usage Not Ready for Requested Dates: {THIS_MONTH}\n"


@pytest.mark.parametrize(
    ("report_id", "options", "says"),
    [
        ("ir", ["--customer", "nobody"], "There is no customer 'nobody'"),
        ("ir", ["--data-type", "Article,Journal"], "--data-type: Journal is not known. Known are: Article,"),
        ("ir", ["--show", "Colour"], "--show: Colour is not known. Known are: Authors,"),
        ("ir", ["--yop", "10"], "10 is not a year"),
        ("ir", ["--item", "0378-5955"], "0378-5955 is not the DOI or id of an item"),
        ("ir", ["--country", "Germany"], "Germany is not a country"),
        ("pr", ["--yop", "2010"], "PR does not take --yop"),
        ("pr", ["--parents"], "PR does not take --parents"),
        ("ir_a1", ["--totals"], "IR_A1 does not take --totals"),
        ("ir_a1", ["--parents"], "IR_A1 does not take --parents"),
        ("ir_m1", ["--show", "YOP"], "IR_M1 does not take --show"),
        ("pr_p1", ["--metric", "Searches_Platform"], "PR_P1 does not take --metric"),
        ("ir", ["--output", "/nowhere/at/all"], "not a file in a directory that exists"),
        ("ir", ["--format", "csv"], "'csv' is not one of 'json', 'tsv', 'xlsx'"),
        ("tr", [], "'tr' is not one of"),
    ],
)
def test_a_wrong_command_is_explained(invoke, report_id, options, says):
    output, messages = invoke(report_id, *options, code=2)
    assert says in messages
    assert output == b""


@pytest.mark.parametrize(
    ("begin", "end"), [(LAST, BEFORE), ("2026", LAST), (BEFORE, "2026-13"), (BEFORE, "2026-01-01")]
)
def test_wrong_months_are_explained(invoke, begin, end):
    invoke("ir", code=2, begin=begin, end=end)


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("was_there", [False, True])
def test_a_file_is_whole_or_as_it_was(invoke, months, tmp_path, was_there):
    """Nothing is left of a report that failed."""
    months.client.indices.delete(index=f"{months.prefix}stats-counter-usage-{LAST}-r1-*")
    path = tmp_path / "report.json"
    if was_there:
        path.write_text("an older one")
    invoke("ir", "--output", str(path), code=1)
    assert [found.read_text() for found in tmp_path.iterdir()] == (["an older one"] if was_there else [])


def test_the_id_of_an_item_may_have_commas(invoke, months):
    months.put_items({"x,y": DATASET})
    months.close(BEFORE, [use("x,y", 7, 0)], revision=2)
    report = json.loads(invoke("ir", "--item", "example:x,y")[0])
    (item,) = report["Report_Items"][0]["Items"]
    assert item["Item_ID"]["Proprietary"] == "example:x,y"


def test_a_device_is_written_as_it_is(invoke, tmp_path):
    """A whole file would take its place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        invoke("pr", "--output", str(pipe))
        assert check_report(json.loads(os.read(reader, 100_000))) == []
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_sheet_that_is_too_long_is_refused(invoke, monkeypatch, tmp_path):
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 20)
    _, messages = invoke("ir", "--format", "xlsx", "--output", str(tmp_path / "report.xlsx"), code=2)
    assert "Ask for TSV." in messages
    assert list(tmp_path.iterdir()) == []
