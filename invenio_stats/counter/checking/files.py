"""Check what is in a file: a report in any of its formats, or an answer of the COUNTER API. Install `testing`."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from invenio_stats.counter.checking.findings import Finding
from invenio_stats.counter.checking.listings import check_listing
from invenio_stats.counter.checking.reports import check_document, check_report
from invenio_stats.counter.checking.tables import Rows, check_table

_ZIP = b"PK\x03\x04"
_LISTINGS = {"Service_Active": "status", "Report_ID": "reports", "Customer_ID": "members"}
"""A name in each entry, and the answer that has it."""


class UnknownContentError(ValueError):
    """The file is neither a report nor an answer."""


def check_file(path: Path) -> list[Finding]:
    """Return all that is wrong with the content of a file; UnknownContentError if it is nothing that can be checked.

    The content decides what it is, not the name.
    """
    content = path.read_bytes()
    if content.startswith(_ZIP):
        return check_table(_read_xlsx(content))
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip()[:1] in ("{", "["):
            return _check_json(json.loads(text))
        return check_table(list(csv.reader(io.StringIO(text, newline=""), dialect="excel-tab")))
    except (ValueError, RecursionError, csv.Error) as error:
        raise UnknownContentError("It is no JSON, TSV or XLSX.") from error


def _check_json(document: Any) -> list[Finding]:
    if isinstance(document, Mapping):
        return check_document("exception", document) if "Code" in document else check_report(document)
    entries = [entry for entry in document if isinstance(entry, Mapping)]
    name = next((name for key, name in _LISTINGS.items() if any(key in entry for entry in entries)), None)
    if name is None and document:
        raise UnknownContentError("It is no answer of the COUNTER API.")
    return check_listing(name or "reports", document)  # the list of reports is empty before the first month


def _read_xlsx(content: bytes) -> Rows:
    from openpyxl import load_workbook  # only checks need it

    try:
        sheet = load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
        return [["" if cell is None else cell for cell in row] for row in sheet.iter_rows(values_only=True)]
    except (BadZipFile, KeyError, ValueError, IndexError) as error:
        raise UnknownContentError("It is no XLSX.") from error
