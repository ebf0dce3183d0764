"""Turn ranked lists into tables with a bar in each row: records, communities, versions, files and uploaders."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from markupsafe import Markup

from invenio_stats.core import periods
from invenio_stats.pages import wording
from invenio_stats.pages.marks import draw_row_bar, draw_spark
from invenio_stats.pages.tables import Column, Part, Row, Table, make_files

Answer = Mapping[str, Any]
Address = Callable[[str], str | None]

MIN_SPARK = 50
"""Uses in twelve months below which a small chart shows nothing but chance."""

COLOURS = {"downloads": "dl", "views": "vw", "volume": "meta", "records": "meta", "files": "meta", "bytes": "meta"}


def metric_name(metric: str) -> str:
    """Return the heading of a column of numbers."""
    names = {
        "downloads": _("Downloads"),
        "views": _("Views"),
        "volume": _("Data volume"),
        "records": _("Records"),
        "files": _("Files"),
        "bytes": _("Size"),
    }
    return names[metric]


def write_metric(metric: str, value: int | None) -> str:
    """Return a number of a metric in words."""
    return wording.write_size(value) if metric in ("volume", "bytes") else wording.write_number(value)


def make_ranking(
    part: Part,
    answer: Answer,
    by: str,
    heading: str,
    address: Address = lambda key: None,
    notes: Mapping[str, str] | None = None,
    most: int | None = None,
) -> Part:
    """Return a list with rank, name, bar, number, and change against the period before.

    `notes` are small texts below names, by id. All rows are drawn to the scale of `most`, by default the first row.
    """
    rows = answer["rows"]
    has_change = by != "volume" and _is_compared(answer)
    columns = [Column(heading, ""), Column(metric_name(by)), *([Column(_("Change"), "n x")] if has_change else [])]
    scale = most or max((row[by] for row in rows), default=0)
    made = [
        Row(
            row["title"] or row["id"] or "",
            [write_metric(by, row[by]), *([_change(row, by)] if has_change else [])],
            address(row["id"]) if row["id"] else None,
            (notes or {}).get(row["id"] or "", ""),
            row["rank"],
            draw_row_bar(row[by], scale, COLOURS[by]),
        )
        for row in rows
    ]
    files = make_files(part.title, answer["query"], answer["params"])
    return part._replace(table=Table(part.title, columns, made), files=files)


def _is_compared(answer: Answer) -> bool:
    """Return True if the period before is wholly counted: else all would be new, or have risen."""
    before = answer.get("before")
    return bool(before) and before["complete"]


def _change(row: Answer, by: str) -> str:
    before = row["before"]
    if before is None:
        return ""
    if row[by] and not before["downloads"] and not before["views"]:
        return _("from 0")  # what is older may have had none before, so it is not called new
    return wording.write_change(row[by], before[by]) or ""


def make_records_table(part: Part, answer: Answer, address: Address) -> Part:
    """Return the records of a user: a small chart, views, downloads and change."""
    has_change = _is_compared(answer)
    columns = [
        Column(_("Record"), ""),
        Column(_("Last 12 months"), "x"),
        Column(_("Views"), "n x"),
        Column(_("Downloads")),
        *([Column(_("Change"), "n x")] if has_change else []),
    ]
    rows = [
        Row(
            row["title"] or row["id"] or "",
            [
                _spark(row["months"]),
                wording.write_number(row["views"]),
                wording.write_number(row["downloads"]),
                *([_change(row, "downloads")] if has_change else []),
            ],
            address(row["id"]) if row["id"] else None,
        )
        for row in answer["rows"]
    ]
    files = make_files(part.title, answer["query"], answer["params"])
    return part._replace(table=Table(part.title, columns, rows), files=files)


def _spark(months: Sequence[int]) -> Markup:
    return draw_spark(months) if sum(months) >= MIN_SPARK else Markup()


def make_files_table(part: Part, answer: Answer, sizes: Mapping[str, int], has_all: bool) -> Part:
    """Return the files of a record; the sum stands below if all of them are there."""
    columns = [
        Column(_("File"), ""),
        Column(_("Last 12 months"), "x"),
        Column(_("Downloads")),
        Column(_("Unique"), "n x"),
        Column(_("Volume")),
    ]
    rows = [
        Row(
            row["title"] or "",
            [
                _spark(row["months"]),
                wording.write_number(row["downloads"]),
                wording.write_number(row["unique_downloads"]),
                wording.write_size(row["volume"]),
            ],
            note=wording.write_size(sizes[row["id"]]) if row["id"] in sizes else "",
        )
        for row in answer["rows"]
    ]
    foot = Row(_("All files"), [Markup(), *_sums(answer, ("downloads", "unique_downloads", "volume"))])
    files = make_files(part.title, answer["query"], answer["params"])
    return part._replace(table=Table(part.title, columns, rows, foot if has_all else None), files=files)


def make_versions_table(
    part: Part,
    answer: Answer,
    address: Address,
    names: Mapping[str, tuple[str, str]],
    has_files: bool,
    has_all: bool,
) -> Part:
    """Return the versions of a record with their sum, which is the number of all versions.

    `names` are label and small text of each version.
    """
    metrics = ("downloads", "views", "volume") if has_files else ("views",)
    columns = [
        Column(_("Version"), ""),
        *(Column(metric_name(metric), "n x" if metric == "volume" else "n") for metric in metrics),
    ]
    rows = []
    for row in answer["rows"]:
        name, note = names.get(row["id"] or "", (row["title"] or "", ""))
        cells = [write_metric(metric, row[metric]) for metric in metrics]
        rows.append(Row(name, cells, address(row["id"]) if row["id"] else None, note))
    foot = Row(_("All versions"), _sums(answer, metrics))
    files = make_files(part.title, answer["query"], answer["params"])
    return part._replace(table=Table(part.title, columns, rows, foot if has_all else None), files=files)


def _sums(answer: Answer, metrics: Sequence[str]) -> list[str]:
    return [
        write_metric(metric.removeprefix("unique_"), sum(row[metric] or 0 for row in answer["rows"]))
        for metric in metrics
    ]


def make_uploaders_table(part: Part, answer: Answer, by: str, address: Address) -> Part:
    """Return who uploads the most, with names of people."""
    scale = max((row[by] for row in answer["rows"]), default=0)
    columns = [Column(_("Uploader"), ""), Column(metric_name(by))]
    rows = [
        Row(
            row["name"] or _("User %(id)s", id=row["id"]),
            [write_metric(by, row[by])],
            address(row["id"]),
            rank=row["rank"],
            picture=draw_row_bar(row[by], scale, COLOURS[by]),
        )
        for row in answer["rows"]
    ]
    files = make_files(part.title, answer["query"], answer["params"])
    return part._replace(table=Table(part.title, columns, rows), files=files)


def write_last_months(last: date) -> str:
    """Return the months of small charts, of which the range ends on a day."""
    first = periods.add_months(last.replace(day=1), -11)
    return _(
        "The small charts: downloads by month, %(first)s to %(last)s.",
        first=wording.write_month(first),
        last=wording.write_month(last),
    )
