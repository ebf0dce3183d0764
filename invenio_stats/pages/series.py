"""Turn a series into a chart with its table twin."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _

from invenio_stats.core.periods import Days
from invenio_stats.pages import charts, wording
from invenio_stats.pages.charts import Intervals, Label, Series
from invenio_stats.pages.marks import draw_swatch, draw_swatch_before, draw_swatch_partial
from invenio_stats.pages.parameters import Choice, check_intervals
from invenio_stats.pages.tables import Column, Figure, Link, Part, Row, Table, make_files

Point = Mapping[str, Any]

_SHORTER = {"year": "month", "quarter": "month", "month": "day", "week": "day"}


class Metric(NamedTuple):
    """A number of points: its key, colour and name."""

    key: str
    colour: str
    name: str
    unique: str | None = None
    """The name of the unique number beside it; None without one."""
    name_before: str | None = None
    """The name of the number in the period before; None without one."""


def usage_metrics(is_year_before: bool, views: bool = True, downloads: bool = True) -> list[Metric]:
    """Return downloads and views, in the order of drawing."""
    found = []
    if downloads:
        before = _("Downloads a year earlier") if is_year_before else _("Downloads in the period before")
        found.append(Metric("downloads", "dl", _("Downloads"), _("Unique downloads"), before))
    if views:
        before = _("Views a year earlier") if is_year_before else _("Views in the period before")
        found.append(Metric("views", "vw", _("Views"), _("Unique views"), before))
    return found


def title_by(interval: str, views: bool, downloads: bool) -> str:
    """Return the heading of the one good chart."""
    both = {
        "day": _("Views and downloads by day"),
        "week": _("Views and downloads by week"),
        "month": _("Views and downloads by month"),
        "quarter": _("Views and downloads by quarter"),
        "year": _("Views and downloads by year"),
    }
    only_downloads = {
        "day": _("Downloads by day"),
        "week": _("Downloads by week"),
        "month": _("Downloads by month"),
        "quarter": _("Downloads by quarter"),
        "year": _("Downloads by year"),
    }
    only_views = {
        "day": _("Views by day"),
        "week": _("Views by week"),
        "month": _("Views by month"),
        "quarter": _("Views by quarter"),
        "year": _("Views by year"),
    }
    return (both if views and downloads else only_views if views else only_downloads)[interval]


def interval_name(interval: str) -> str:
    """Return the heading of the first column."""
    names = {"day": _("Day"), "week": _("Week"), "month": _("Month"), "quarter": _("Quarter"), "year": _("Year")}
    return names[interval]


def make_usage_figure(answer: Mapping[str, Any], choice: Choice, views: bool = True, downloads: bool = True) -> Figure:
    """Return the chart of a series of usage."""
    interval, points = answer["params"]["interval"], answer["points"]
    check_intervals(len(points), interval)
    before = answer["before"]
    is_year = bool(before) and wording.is_year_before(read_days(answer), read_days(before))
    metrics = usage_metrics(is_year, views, downloads)
    was_counted = any(counted(point["before"], metrics[0].key) is not None for point in points)
    if len(points) > charts.MAX_BARS or not was_counted:
        metrics = [metric._replace(name_before=None) for metric in metrics]
    about = describe_last(points, interval, metrics) if is_year else ""
    return make_figure(
        Part("f1", title_by(interval, views, downloads), about=about, files=()),
        points,
        interval,
        metrics,
        before_name=_("a year earlier") if is_year else _("the period before"),
        link=lambda days: choice.link_to_days(*days, _SHORTER[interval]) if interval in _SHORTER else None,
        query=answer["query"],
        params=answer["params"],
        notes=_notes(answer),
        last=date.fromisoformat(answer["to"]),
    )


def make_figure(
    part: Part,
    points: Sequence[Point],
    interval: str,
    metrics: Sequence[Metric],
    *,
    before_name: str = "",
    link: Callable[[Days], str | None] = lambda days: None,
    query: str,
    params: Mapping[str, Any],
    notes: Sequence[str | Link] = (),
    last: date,
) -> Figure:
    """Return points as bars, or as lines if they are many, with the same numbers as a table."""
    partial = {i for i, point in enumerate(points) if point["state"] in ("running", "gap")}
    has_before = any(metric.name_before for metric in metrics)
    tips = [_tip(point, interval, metrics) for point in points]
    intervals = Intervals(tips, make_labels(points, interval), partial)
    series = [
        Series(
            metric.colour,
            [counted(point, metric.key) for point in points],
            metric.name,
            [counted(point["before"], metric.key) for point in points] if metric.name_before else (),
        )
        for metric in metrics
    ]
    is_lines = len(points) > charts.MAX_BARS
    if is_lines:
        whole = charts.find_last_whole(series[0].values, partial)
        ends = [item._replace(name=f"{item.name} {wording.write_number(item.values[whole])}") for item in series]
        picture = charts.draw_lines(ends, intervals, wording.write_compact)
    else:
        picture = charts.draw_bars(part.id, series, intervals, wording.write_compact)
    key = [(draw_swatch(metric.colour), metric.name) for metric in metrics] if len(metrics) > 1 or has_before else []
    if has_before:
        key.append((draw_swatch_before(), before_name))
    if partial and not is_lines:
        key.append((draw_swatch_partial(f"{part.id}k", metrics[0].colour), _("not completely counted")))
    table = Table(part.title, *_make_twin(points, interval, metrics, link, last))
    about = " ".join(filter(None, [part.about, describe_extremes(points, interval, metrics[0], len(metrics) > 1)]))
    files = make_files(part.title, query, params)
    return Figure(part._replace(table=table, about=about, notes=notes, files=files), picture, key, is_lines)


def counted(point: Point | None, metric: str) -> int | None:
    """Return a number of a point; None for what lies before counting began."""
    return None if point is None or point["state"] == "before" else point[metric]


def describe_extremes(points: Sequence[Point], interval: str, metric: Metric, names_metric: bool) -> str:
    """Return a sentence with the largest and the smallest whole interval; empty if there is nothing to say."""
    whole = [point for point in points if point["state"] == "whole"]
    if not whole or not max(point[metric.key] for point in whole):
        return ""
    most, fewest = (choose(whole, key=lambda point: point[metric.key]) for choose in (max, min))
    values = {"number": wording.write_number(most[metric.key]), "interval": _name(most, interval)}
    if len(whole) < 3 or fewest[metric.key] == most[metric.key]:
        if names_metric and metric.key == "downloads":
            return _("Most downloads: %(interval)s (%(number)s).", **values)
        return _("Most: %(interval)s (%(number)s).", **values)
    values |= {"fewest": _name(fewest, interval), "lowest": wording.write_number(fewest[metric.key])}
    if names_metric and metric.key == "downloads":
        return _("Most downloads: %(interval)s (%(number)s), fewest: %(fewest)s (%(lowest)s).", **values)
    return _("Most: %(interval)s (%(number)s), fewest: %(fewest)s (%(lowest)s).", **values)


def describe_last(points: Sequence[Point], interval: str, metrics: Sequence[Metric]) -> str:
    """Return a sentence with the change of the last whole interval on a year earlier; empty if there is none.

    A single interval has it as key number.
    """
    last = next((point for point in reversed(points) if point["state"] == "whole"), None)
    if len(points) < 2 or last is None or last["before"] is None or last["before"]["state"] != "whole":
        return ""
    changes = [(metric.name, wording.write_change(last[metric.key], last["before"][metric.key])) for metric in metrics]
    said = ", ".join(f"{name} {change}" for name, change in changes if change)
    if not said:
        return ""
    return _("%(interval)s against a year earlier: %(changes)s.", interval=_name(last, interval), changes=said)


def read_days(answer: Mapping[str, Any]) -> Days:
    """Return the range of an answer."""
    return Days(date.fromisoformat(answer["from"]), date.fromisoformat(answer["to"]))


def make_labels(points: Sequence[Point], interval: str) -> list[Label | None]:
    """Return what stands below the intervals: at most about twelve labels, a third of them where it is narrow."""
    days = [date.fromisoformat(point["date"]) for point in points]
    step = -(-len(days) // 12)
    if interval == "month" and step > 1:
        step = 6 if len(days) <= 48 else 12
        chosen = [i for i, day in enumerate(days) if (day.month - 1) % step == 0]
    else:
        chosen = list(range(0, len(days), step))
    labels: list[Label | None] = [None] * len(days)
    for order, i in enumerate(chosen):
        is_new_year = order == 0 or days[i].year != days[chosen[order - 1]].year
        is_always = order % 3 == 0 or len(chosen) < 5
        labels[i] = Label(*_label(days[i], interval, is_new_year), None if is_always else "wide")
    return labels


def _label(day: date, interval: str, is_new_year: bool) -> tuple[str, str]:
    year = f"{day:%Y}"
    if interval == "year":
        return year, ""
    if interval == "quarter":
        return wording.write_short(day, "QQQ"), year if is_new_year else ""
    if interval == "month":
        return wording.write_short(day, "LLL"), year if is_new_year else ""
    return f"{day.day}", wording.write_short(day, "LLL")


def _tip(point: Point, interval: str, metrics: Sequence[Metric]) -> str:
    numbers = [f"{metric.name}: {wording.write_number(counted(point, metric.key))}" for metric in metrics]
    return f"{_name(point, interval)}. {', '.join(numbers)}"


def _name(point: Point, interval: str) -> str:
    name = wording.write_interval(date.fromisoformat(point["date"]), interval)
    return _("%(interval)s (so far)", interval=name) if point["state"] == "running" else name


def _make_twin(
    points: Sequence[Point],
    interval: str,
    metrics: Sequence[Metric],
    link: Callable[[Days], str | None],
    last: date,
) -> tuple[list[Column], list[Row], Row]:
    columns, keys = [Column(interval_name(interval), "")], []
    for metric in metrics:
        for title, key, is_before in (
            (metric.name, metric.key, False),
            (metric.unique, f"unique_{metric.key}", False),
            (metric.name_before, metric.key, True),
        ):
            if title:
                columns.append(Column(title))
                keys.append((key, is_before))
    rows, sums = [], [0] * len(keys)
    starts = [date.fromisoformat(point["date"]) for point in points]
    ends = [start - date.resolution for start in starts[1:]] + [last]
    for point, start, end in zip(points, starts, ends, strict=True):
        numbers = [counted(point["before"] if is_before else point, key) for key, is_before in keys]
        sums = [total + (value or 0) for total, value in zip(sums, numbers, strict=True)]
        cells = list(map(wording.write_number, numbers))
        rows.append(
            Row(_name(point, interval), cells, link(Days(start, end)), _("too low") if point["state"] == "gap" else "")
        )
    return columns, rows, Row(_("Sum"), list(map(wording.write_number, sums)))


def _notes(answer: Mapping[str, Any]) -> list[str | Link]:
    """Return a sentence for each reason why an interval is not whole."""
    gaps = [read_days(gap) for gap in answer["gaps"] if not gap["reason"].startswith("before_")]
    notes = [_too_low(days) for days in dict.fromkeys(gaps)]  # views and downloads may have the same
    points = answer["points"]
    if points and points[-1]["state"] == "running":
        interval = answer["params"]["interval"]
        name = wording.write_interval(date.fromisoformat(points[-1]["date"]), interval)
        if interval == "day":
            return [*notes, _("Not whole: %(interval)s is not over yet.", interval=name)]
        day = wording.write_day(date.fromisoformat(answer["to"]))
        notes.append(_("Not whole: %(interval)s is counted up to %(day)s.", interval=name, day=day))
    return list(notes)


def _too_low(days: Days) -> str:
    ends = wording.write_range(days)
    several = _("Too low: not everything was counted from %(first)s to %(last)s.", **ends)
    return wording.choose(ends, several, _("Too low: not everything was counted on %(day)s.", **ends))
