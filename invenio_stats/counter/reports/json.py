"""Write a report as JSON, item by item."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import IO, Any

from invenio_stats.counter.reports.items import ReportItem
from invenio_stats.counter.reports.report import Report
from invenio_stats.support.json_codec import encode


def write_json(report: Report, stream: IO[bytes]) -> None:
    """Write the report in UTF-8, without a needless space; the same bytes for the same report but for `Created`."""
    for piece in json_pieces(report):
        stream.write(piece)


def json_pieces(report: Report) -> Iterator[bytes]:
    """Yield the report in pieces: one for each item."""
    yield b'{"Report_Header":' + encode(report.header) + b',"Report_Items":['
    yield from _groups(report) if report.request.kind.has_items else _rows(report.items)
    yield b"]}"


def _groups(report: Report) -> Iterator[bytes]:
    """Yield one object for each parent, and one for all items without a parent."""
    separator = b""
    for _, items in groupby(report.items, attrgetter("group")):
        for number, item in enumerate(items):
            if number == 0:
                start = encode(item.parent or {})[:-1]
                yield separator + start + (b"," if item.parent else b"") + b'"Items":['
            yield (b"," if number else b"") + _row(item)
        yield b"]}"
        separator = b","


def _rows(items: Iterator[ReportItem]) -> Iterator[bytes]:
    for number, item in enumerate(items):
        yield (b"," if number else b"") + _row(item)


def _row(item: ReportItem) -> bytes:
    performances: list[dict[str, Any]] = [
        {**performance.attributes, "Performance": performance.metrics} for performance in item.performances
    ]
    return encode({**item.description, "Attribute_Performance": performances})
