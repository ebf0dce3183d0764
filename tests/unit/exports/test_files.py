"""Answers become files that spreadsheets read and do not run."""

import csv
import io
import json
from datetime import datetime

import openpyxl
import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.referrers import referrer_host
from invenio_stats.exports import xlsx
from invenio_stats.exports.csv import neutralise, write_csv
from invenio_stats.exports.files import file_name
from invenio_stats.exports.json import write_json
from invenio_stats.exports.rows import make_sheet
from invenio_stats.exports.xlsx import write_xlsx
from tests.laws import examples

ABOUT = {"query": "q", "params": {}, "from": "2026-01-01", "to": "2026-03-31", "updated": None, "complete": True}
USED = {"views": 3, "downloads": 2}


def table(*parts):
    sheet = make_sheet(iter(parts))
    return [sheet.columns, *sheet.rows]


def test_a_total_is_a_row():
    answer = {**ABOUT, "gaps": [], "rules": "COUNTER 5.1", **USED, "before": {"from": "2025-10-01", **USED}}
    assert table(answer) == [
        ["from", "to", "views", "downloads", "before_from", "before_views", "before_downloads"],
        ["2026-01-01", "2026-03-31", 3, 2, "2025-10-01", 3, 2],
    ]
    assert table({**answer, "before": None}) == [
        ["from", "to", "views", "downloads"],
        ["2026-01-01", "2026-03-31", 3, 2],
    ]


def test_a_series_is_a_row_for_each_interval():
    """A month without requests has no shares, which are not 0."""
    points = [
        {"date": "2026-01-01", "state": "whole", "requests": {"open": 0}, "shares": None},
        {"date": "2026-02-01", "state": "running", "requests": {"open": 2}, "shares": {"open": 1.0}},
    ]
    assert table({**ABOUT, "points": points}) == [
        ["date", "state", "requests_open", "shares_open"],
        ["2026-01-01", "whole", 0, None],
        ["2026-02-01", "running", 2, 1],
    ]


def ranked(rank, before=None):
    return {"rank": rank, "id": f"r{rank}", "title": None, **USED, "before": before, "months": [1, 2]}


def test_a_list_in_parts_has_the_columns_of_all():
    """Nothing of the first part was used in the period before."""
    head = {**ABOUT, "count": 2, "before": {"from": "2025-10-01"}}
    parts = [{**head, "rows": [ranked(1)]}, {**head, "rows": [ranked(2, USED)]}]
    assert table(*parts) == [
        ["rank", "id", "title", "views", "downloads", "months_1", "months_2", "before_views", "before_downloads"],
        [1, "r1", None, 3, 2, 1, 2, None, None],
        [2, "r2", None, 3, 2, 1, 2, 3, 2],
    ]


def test_the_rest_of_a_list_is_below_it():
    """So that the rows add up."""
    rows = [{"value": "FR", "views": 9, "downloads": 4}]
    answer = {**ABOUT, "rows": rows, "other": {"views": 2, "downloads": 1}, "unknown": {"views": 1, "downloads": 0}}
    assert table(answer)[1:] == [["FR", 9, 4], ["other", 2, 1], ["unknown", 1, 0]]
    holdings = {**ABOUT, "rows": [{"rank": 1, "id": "open", "records": 5}], "unknown": 2}
    assert table(holdings) == [["rank", "id", "records"], [1, "open", 5], [None, "unknown", 2]]


def test_answers_of_the_contract():
    buckets = [{"key": 1, "date": "2026-01-01T00:00:00.000Z", "value": 2.0}]
    assert table({"key_type": "date", "interval": "day", "buckets": buckets}) == [
        ["date", "value"],
        ["2026-01-01", 2],
    ]
    inner = {"field": "file", "key_type": "terms", "buckets": [{"key": "f", "value": 1.5}]}
    groups = {"field": "bucket", "key_type": "terms", "value": 4.0, "buckets": [{"key": "b", "value": 4.0, **inner}]}
    assert table(groups) == [["bucket", "value", "file"], ["b", 4, None], ["b", 1.5, "f"]]
    assert table({"said": ["yes", {"a": 1}], "is": True}) == [["said", "is"], ['["yes", {"a": 1}]', "true"]]
    assert table({**ABOUT, "rows": []}) == [[]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠A"])
def test_what_a_spreadsheet_would_run_is_text(text):
    """The apostrophe is what a person would type before it."""
    assert neutralise(text) == f"'{text}"
    assert list(csv.reader(io.StringIO("".join(write_csv(make_sheet(iter([{text: text}])))), newline=""))) == [
        [f"'{text}"],
        [f"'{text}"],
    ]


def test_a_nul_is_replaced():
    """Python 3.10 refuses it, and spreadsheets end at it."""
    assert "".join(write_csv(make_sheet(iter([{"t": "a\0b"}])))) == "t\r\na\N{REPLACEMENT CHARACTER}b\r\n"


@pytest.mark.parametrize("value", [-1, 0, 1.5, None, "a=b", "", "'=1"])
def test_other_values_stay(value):
    assert neutralise(value) == value


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5, unique=True))
@examples(0.5)
def test_csv_can_be_read_again(texts):
    """Any text: with commas, quotes, line ends, in any language."""
    answer = {"rows": [{"n": number, "title": text} for number, text in enumerate(texts)]}
    read = list(csv.reader(io.StringIO("".join(write_csv(make_sheet(iter([answer])))), newline="")))
    assert read == [["n", "title"], *([str(number), str(neutralise(text))] for number, text in enumerate(texts))]


def test_long_tables_are_written_in_pieces():
    answer = {"rows": [{"n": number} for number in range(2_500)]}
    pieces = list(write_csv(make_sheet(iter([answer]))))
    assert len(pieces) == 3
    assert "".join(pieces) == "n\r\n" + "".join(f"{number}\r\n" for number in range(2_500))


@given(st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers(), st.lists(st.integers()))))
@examples(0.5)
def test_json_is_whole(answer):
    assert json.loads("".join(write_json(answer, json.dumps))) == answer


@pytest.mark.parametrize("count", [0, 1, 1_000, 1_001, 2_500])
def test_long_lists_are_written_in_pieces(count):
    answer = {"a": 1, "rows": [{"n": number} for number in range(count)], "b": None}
    pieces = list(write_json(answer, json.dumps))
    assert json.loads("".join(pieces)) == answer
    assert max(map(len, pieces)) < 20_000


@pytest.mark.parametrize(
    ("name", "about", "expected"),
    [
        ("record-files", {"from": "2026-01-01", "to": "2026-03-31"}, "stats-record-files-2026-01-01-2026-03-31.csv"),
        ("holdings", {}, "stats-holdings.csv"),
        ("total", {"start_date": "2026-01-30T00:00:00"}, "stats-total-2026-01-30.csv"),
        ("total", {"from": "2026-01-30", "to": "2026-01-30"}, "stats-total-2026-01-30.csv"),
        ('a/b"\r\n..', {}, "stats-a-b-...csv"),
    ],
)
def test_the_name_says_what_is_in_the_file(name, about, expected):
    assert file_name(name, about, "csv") == expected


@pytest.fixture
def workbook(tmp_path):
    """Return a function that writes an answer as XLSX and reads it with another library."""

    def write(*parts):
        path = tmp_path / "a.xlsx"
        with path.open("wb") as file:
            write_xlsx(make_sheet(iter(parts)), file)
        book = openpyxl.load_workbook(path)
        return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}, book

    return write


def test_an_excel_file_has_the_table_and_what_it_is_about(workbook):
    sheets, _ = workbook({**ABOUT, "gaps": [], "rules": "COUNTER 5.1", **USED, "before": None})
    assert sheets["Data"] == [("from", "to", "views", "downloads"), (datetime(2026, 1, 1), datetime(2026, 3, 31), 3, 2)]
    about = dict(sheets["About"])
    assert (about["query"], about["from"], about["complete"], about["rules"]) == (
        "q",
        datetime(2026, 1, 1),
        "true",
        "COUNTER 5.1",
    )


def test_an_excel_file_can_be_read_as_it_is(workbook):
    """The heading stands out and stays, columns are as wide as what is in them, but not wider than a screen."""
    rows = [{"rank": 1, "title": "The age of tides", "unique_downloads": 5}, {"rank": 2, "title": "a" * 1000}]
    _, book = workbook({**ABOUT, "gaps": [], "rows": rows})
    data = book["Data"]
    assert data.freeze_panes == "A2"
    assert [cell.font.b for cell in data[1]] == [True] * 3
    assert not data["A2"].font.b
    widths = [data.column_dimensions[column].width for column in "ABC"]
    assert len("rank") < widths[0] < 10
    assert 50 < widths[1] < 70
    assert widths[2] > len("unique_downloads")
    assert book["About"].column_dimensions["B"].width > len("2026-01-01")


def test_days_are_dates_of_excel(workbook):
    """So that they can be charted and filtered by month. What only looks like a day, or has none there, is a text."""
    before = {"date": "2025-01-01", "views": 1}
    rows = [{"date": "2026-01-01", "title": "2026-01-01", "before": before}, {"date": "1800-01-01", "title": "a"}]
    _, book = workbook({**ABOUT, "points": rows})
    data = {cell.value: column[1] for column in book["Data"].iter_cols() for cell in column[:1]}
    for name, day in (("date", datetime(2026, 1, 1)), ("before_date", datetime(2025, 1, 1))):
        assert (data[name].value, data[name].number_format) == (day, "yyyy-mm-dd")
    assert data["title"].value == "2026-01-01"
    assert book["Data"]["A3"].value == "1800-01-01"


def test_what_an_excel_file_is_about_is_in_words(workbook):
    gap = {"from": "2026-01-02", "to": "2026-01-03", "event_type": "record-view", "reason": "silent"}
    more = {"params": {"by": "views", "size": 3}, "gaps": [gap, {**gap, "event_type": None, "to": "2026-01-02"}]}
    holdings = {"shares": {"open": 0.25}, "unknown": None}
    sheets, _ = workbook({**ABOUT, **more, "holdings": holdings, "count": 2, "rows": []})
    about = dict(sheets["About"])
    assert about["params"] == "by views, size 3"
    assert about["gaps"] == "2026-01-02 - 2026-01-03 record-view silent, 2026-01-02 silent"
    assert (about["holdings"], about["count"], about["updated"]) == ("shares open 0.25, unknown -", 2, None)


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "https://example.org", "mailto:a@example.org", "a" * 40_000])
def test_excel_gets_texts(workbook, text):
    """Neither a formula nor a link, and never more than a cell can have."""
    sheets, book = workbook({"rows": [{"title": text}]})
    cell = book["Data"]["A2"]
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text[: xlsx.MAX_CHARACTERS], None)


@pytest.mark.parametrize("text", ["<r>Iron & steel</r>", "<r></r>", "<r> a\x01<b> </r>", "<r><t>a</t></r>"])
def test_a_text_that_looks_like_markup_is_a_text(workbook, text):
    """XlsxWriter takes it for formatted text, without a look at what is in it."""
    _, book = workbook({"rows": [{"title": text}]})
    assert book["Data"]["A2"].value == text.replace("\x01", "_x0001_")  # as Excel writes a control character


def test_a_text_that_looks_like_markup_is_cut_where_it_does_not_fit(workbook):
    text = f"<r>{'&' * 32_000}</r>"
    _, book = workbook({"rows": [{"title": text}]})
    assert book["Data"]["A2"].value == text[:-1]


def test_a_cell_has_as_many_characters_as_excel_counts(workbook):
    """It counts an emoji as two, and calls a file with more damaged."""
    _, book = workbook({"rows": [{"title": "a" + "\N{THUMBS UP SIGN}" * 20_000}]})
    text = book["Data"]["A2"].value
    assert text == "a" + "\N{THUMBS UP SIGN}" * 16_383
    assert len(text.encode("utf-16-le")) == 2 * xlsx.MAX_CHARACTERS


def test_a_host_called_like_the_rest_is_no_rest():
    """Anybody may send `Referer: http://other/`."""
    rows = [{"value": referrer_host(f"http://{name}/") or "", "views": 9} for name in ("other", "unknown")]
    answer = {**ABOUT, "rows": rows, "other": {"views": 2}, "unknown": {"views": 1}}
    assert [row[0] for row in table(answer)[1:]] == ["", "", "other", "unknown"]


def test_more_rows_than_a_sheet_has_are_an_error(workbook, monkeypatch):
    from invenio_stats.errors import InvalidRequestInputError

    monkeypatch.setattr(xlsx, "MAX_ROWS", 2)
    app = Flask("files")
    Babel(app)
    with app.app_context(), pytest.raises(InvalidRequestInputError, match="has 2 rows"):
        workbook({"rows": [{"n": number} for number in range(3)]})


def test_a_file_of_an_empty_list_about_usage_has_a_header():
    answer = {"query": "repository-records", "rules": "COUNTER 5.1", "count": 0, "about": False, "rows": []}
    text = "".join(write_csv(make_sheet(iter([answer]))))
    assert text.splitlines() == ["rank,id,title,url,views,unique_views,downloads,unique_downloads,volume"]
