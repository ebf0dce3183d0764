"""A file is checked as what it contains, whatever its name."""

import csv
import io
import json

import pytest
import xlsxwriter

from invenio_stats.counter.checking.files import UnknownContentError, check_file
from tests.unit.counter.checking.documents import good_reports
from tests.unit.counter.checking.test_listings import GOOD as LISTINGS
from tests.unit.counter.checking.test_tables import GOOD as TABLE


def as_tsv(rows):
    stream = io.StringIO()
    csv.writer(stream, dialect="excel-tab").writerows(rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def as_xlsx(rows):
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return stream.getvalue()


def as_json(document):
    return json.dumps(document).encode()


EXCEPTION = {"Code": 1000, "Message": "Service Not Available"}
RIGHT = {
    **{report_id: as_json(report) for report_id, report in good_reports().items()},
    **{name: as_json(listing) for name, listing in LISTINGS.items()},
    "no report yet": b"[]",
    "exception": as_json(EXCEPTION),
    "tsv": as_tsv(TABLE),
    "xlsx": as_xlsx(TABLE),
}
BROKEN_TABLE = [*TABLE[:15], [*TABLE[15][:-1], 7], *TABLE[16:]]
WRONG = {
    "report": (as_json({"Report_Header": {"Report_ID": "IR"}, "Report_Items": []}), "schema"),
    "header": (as_json({"Report_Header": []}), "schema"),
    "Report_ID": (as_json({"Report_Header": {"Report_ID": {}}}), "schema"),
    "status": (as_json([{**LISTINGS["status"][0], "Service_Active": "yes"}]), "schema"),
    "exception": (as_json({**EXCEPTION, "Message": "Sorry"}), "schema"),
    "tsv": (as_tsv(BROKEN_TABLE), "total"),
    "xlsx": (as_xlsx(BROKEN_TABLE), "total"),
    "another table": (b"a\tb\r\n1\t2\r\n", "header"),
    "nothing": (b"", "header"),
}
UNKNOWN = {
    "list": b"[1, 2]",
    "half": b'{"Report_Header": {"Report',
    "bytes": b"\xff\xfe\x00",
    "zip": b"PK\x03\x04 and no more",
    "deep": b"[" * 100_000,
}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "a.file"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in RIGHT.items()])
def test_nothing_is_wrong(write, content):
    assert check_file(write(content)) == []


@pytest.mark.parametrize(("content", "rule"), [pytest.param(*case, id=name) for name, case in WRONG.items()])
def test_what_is_wrong_is_found(write, content, rule):
    assert rule in {finding.rule for finding in check_file(write(content))}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in UNKNOWN.items()])
def test_what_is_nothing_of_counter_is_named(write, content):
    with pytest.raises(UnknownContentError):
        check_file(write(content))
