"""Compare open with restricted: the holdings now, and what was downloaded, as two wholes and by month."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from invenio_stats.pages import charts, wording
from invenio_stats.pages.charts import Intervals, Series
from invenio_stats.pages.marks import draw_share_bar, draw_swatch
from invenio_stats.pages.series import make_labels
from invenio_stats.pages.tables import Column, Figure, Part, Row, Table, make_files

Answer = Mapping[str, Any]

_NO_FILES = "metadata-only"
_COLOURS = {"open": "open", "embargoed": "emb", _NO_FILES: "meta"}
_ORDER = ("open", "embargoed", "restricted")
MAX_MONTHS = 36
"""Columns of the chart by month: the last ones."""


class AccessShares(NamedTuple):
    """Two wholes, their table, and the chart by month."""

    part: Part
    wholes: Sequence[tuple[str, str, Markup]]
    """Name, number and lying bar."""
    figure: Figure | None


def count_holdings(answer: Answer | None) -> int | None:
    """Return the number of records; None without an answer."""
    return None if answer is None else sum(row["records"] for row in answer["rows"]) + answer["unknown"]


def open_share_of_holdings(answer: Answer | None) -> float | None:
    """Return the share of open records; None if there are none."""
    total = count_holdings(answer)
    if answer is None or not total:
        return None
    return sum(row["records"] for row in answer["rows"] if row["id"] == "open") / total


def open_share_of_use(answer: Answer | None) -> float | None:
    """Return the share of downloads of open records; None if nothing was downloaded."""
    shares = None if answer is None else answer["shares"]
    return None if shares is None else shares.get("open", 0.0)


def make_access_shares(part: Part, ratio: Answer, holdings: Answer | None) -> AccessShares:
    """Return the comparison; without a database there are no holdings."""
    held = {} if holdings is None else {row["id"]: row["records"] for row in holdings["rows"]}
    used = {status: number for status, number in ratio["requests"].items() if number}
    statuses = sorted({*held, *used}, key=_order)
    wholes = []
    if holdings is not None:
        total = sum(held.values())
        count = ngettext("%(count)s record", "%(count)s records", total, count=wording.write_number(total))
        wholes.append((_("Holdings"), count, _bar(held, statuses)))
    total = sum(used.values())
    count = ngettext("%(count)s download", "%(count)s downloads", total, count=wording.write_number(total))
    wholes.append((_("Use"), count, _bar(used, statuses)))
    columns = [Column(_("Access"), ""), *([Column(_("Holdings"))] if holdings else []), Column(_("Use"))]
    rows = [
        Row(
            wording.write_access(status),
            [_share(whole, status) for whole in ([held] if holdings else []) + [used]],
            picture=draw_swatch(colour_of(status)),
        )
        for status in statuses
    ]
    table = Table(_("Access to records and to their downloads"), columns, rows)
    files = make_files(table.caption, ratio["query"], ratio["params"])
    figure = _make_figure(ratio, [status for status in statuses if status in used])
    return AccessShares(part._replace(table=table, files=files), wholes, figure)


def _order(status: str) -> tuple[int, str]:
    return (_ORDER.index(status) if status in _ORDER else len(_ORDER), status)


def colour_of(status: str) -> str:
    """Return the colour of an access status: what is neither open nor embargoed nor without files is restricted."""
    return _COLOURS.get(status, "res")


def _bar(numbers: Mapping[str, int], statuses: Sequence[str]) -> Markup:
    total = sum(numbers.values())
    if not total:
        return Markup()  # nothing is no whole
    return draw_share_bar([(colour_of(status), 100 * numbers.get(status, 0) / total) for status in statuses])


def _share(numbers: Mapping[str, int], status: str) -> str:
    total = sum(numbers.values())
    # Without files there is nothing to download; all else that was not used is a counted zero.
    if not total or (status == _NO_FILES and status not in numbers):
        return wording.NO_NUMBER
    return wording.write_share(numbers.get(status, 0), total)


def _make_figure(ratio: Answer, statuses: Sequence[str]) -> Figure | None:
    points = [point for point in ratio["points"] if point["state"] != "before"][-MAX_MONTHS:]
    shown = [point for point in points if point["shares"]]
    if len(shown) < 2:
        return None
    names = {status: wording.write_access(status) for status in statuses}
    columns = {
        status: [100 * point["shares"].get(status, 0.0) if point["shares"] else None for point in points]
        for status in statuses
    }
    series = [
        Series(colour_of(status), columns[status], f"{names[status]} {_last(columns[status])}") for status in statuses
    ]
    rows = [
        Row(
            _month(point),
            [
                wording.write_percent((point["shares"] or {}).get(status, 0.0) if point["shares"] else None)
                for status in statuses
            ],
        )
        for point in points
    ]
    tips = [
        f"{row.name}. {', '.join(f'{names[s]}: {cell}' for s, cell in zip(statuses, row.cells, strict=True))}"
        for row in rows
    ]
    picture = charts.draw_shares(series, Intervals(tips, make_labels(points, "month")), _axis)
    title = _("Downloads by access, month by month")
    table = Table(title, [Column(_("Month"), ""), *(Column(names[status]) for status in statuses)], rows)
    first, last = (wording.write_percent(point["shares"].get("open", 0.0)) for point in (shown[0], shown[-1]))
    about = _("The open share went from %(first)s to %(last)s.", first=first, last=last)
    files = make_files(title, ratio["query"], ratio["params"])
    key = [(draw_swatch(colour_of(status)), names[status]) for status in statuses]
    return Figure(Part("f2", title, table=table, about=about, files=files), picture, key, is_key_slim=True)


def _last(values: Sequence[float | None]) -> str:
    return wording.write_percent((values[charts.find_last_whole(values, ())] or 0) / 100)


def _month(point: Answer) -> str:
    return wording.write_month(date.fromisoformat(point["date"]))


def _axis(value: float) -> str:
    return wording.write_percent(value / 100, digits=0)
