"""Draw charts over time: bars, lines, and columns of 100 %.

A chart is a row of up to three pictures: axis, plot, and names at the right end. Only the plot grows, in per cent, so
that text keeps its size at any width. What is None was not counted, and is not drawn; a counted zero is.
"""

from collections.abc import Callable, Collection, Sequence
from math import floor, log10
from typing import NamedTuple

from markupsafe import Markup

from invenio_stats.pages.svg import element, filled, hatch, hatched, number, percent, picture, stroked

HEIGHT, SHARES_HEIGHT = 248, 220
_TOP, _FOOT = 14, 42
"""Pixels above the plot, and below it for two lines of labels."""
MAX_BARS = 24
"""Intervals up to which a series is drawn as bars."""
_DOT = 7
"""Width in pixels of a number that no line leads to."""
_SIGN_WIDTH, _SIGN_WIDTHS = 8, {"%": 12}
"""Pixels of a letter or digit on the axis, in the widest fonts."""
_NAME_DISTANCE = 17
"""Pixels between two names at the right end."""

Numbers = Sequence[float | None]


class Label(NamedTuple):
    """What stands below an interval."""

    first: str
    second: str = ""
    css: str | None = None
    """None for all widths; `wide` is hidden where the chart is narrow."""


class Series(NamedTuple):
    """The numbers of one colour, one for each interval."""

    colour: str
    values: Numbers
    name: str = ""
    before: Numbers = ()
    """The same numbers in the period before; empty without item."""


class Intervals(NamedTuple):
    """What all series of a chart have in common; three lists of one length."""

    tips: Sequence[str]
    """The numbers of each interval in words, shown on hover."""
    labels: Sequence[Label | None]
    partial: Collection[int] = ()
    """The intervals that are not wholly counted."""


def find_ticks(most: float, count: int = 4) -> list[float]:
    """Return round numbers from 0 up to at least `most`, in about so many steps of 1, 2, 2.5 or 5 times ten.

    What is counted is whole, and so are all steps: 1, 2, 5, 10, 20, 25, 50, and so on.
    """
    if most <= 0:
        return [0, 1]
    raw = most / count
    size = 10.0 ** max(0, floor(log10(raw)))
    steps = (int(factor * size) for factor in (1, 2, 2.5, 5, 10) if (factor * size).is_integer())
    step = next(step for step in steps if step >= raw)
    ticks: list[float] = [0]
    while ticks[-1] < most:
        ticks.append(ticks[-1] + step)
    return ticks


class _Frame:
    """The axis of a chart, its grid, and the labels below."""

    def __init__(self, ticks: Sequence[float], write: Callable[[float], str], height: int):
        self.height, self.bottom = height, height - _FOOT
        self.ticks, self.names = ticks, [write(tick) for tick in ticks]

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - _TOP) * value / self.ticks[-1]

    def axis(self) -> Markup:
        width = max(sum(_SIGN_WIDTHS.get(sign, _SIGN_WIDTH) for sign in name) for name in self.names) + 8
        marks = [
            element("text", name, x=width - 8, y=number(self.y(tick) + 4), text_anchor="end")
            for tick, name in zip(self.ticks, self.names, strict=True)
        ]
        return picture(*marks, width=width, height=self.height)

    def grid(self) -> list[Markup]:
        return [
            element(
                "line",
                x1="0",
                x2="100%",
                y1=number(self.y(tick)),
                y2=number(self.y(tick)),
                stroke_width=1,
                shape_rendering="crispEdges",
                **stroked("line" if tick else "edge"),
            )
            for tick in self.ticks
        ]

    def below(self, labels: Sequence[Label | None]) -> list[Markup]:
        band = 100 / len(labels)
        return [
            element(
                "text", text, x=percent((i + 0.5) * band), y=self.bottom + down, text_anchor="middle", cls=label.css
            )
            for i, label in enumerate(labels)
            if label is not None
            for text, down in ((label.first, 18), (label.second, 34))
            if text
        ]

    def band(self, i: int, count: int, tip: str, *marks: Markup) -> Markup:
        """Return the marks of an interval, with an invisible one as high as the plot that shows the tip."""
        size = {"x": percent(i * 100 / count), "y": _TOP - 6, "width": percent(100 / count)}
        hit = element(
            "rect",
            **size,
            height=number(self.bottom - _TOP + 6),
            cls="hit f-none",
            fill="none",
            pointer_events="all",
        )
        return element("g", element("title", tip), hit, *marks, cls="band")

    def plot(self, parts: Sequence[Markup]) -> Markup:
        return picture(*parts, width="100%", height=self.height, cls="grow")

    def side(self, marks: Sequence[Markup], width: float) -> Markup:
        return picture(*marks, width=number(width), height=self.height, cls="wide")


def draw_bars(uid: str, series: Sequence[Series], intervals: Intervals, write: Callable[[float], str]) -> Markup:
    """Draw groups of one or two bars; the period before is a line across each bar."""
    frame = _Frame(find_ticks(_most(series)), write, HEIGHT)
    count = len(intervals.tips)
    parts = [element("defs", *(hatch(uid, item.colour) for item in series))] if intervals.partial else []
    parts += frame.grid()
    for i, tip in enumerate(intervals.tips):
        marks = [
            mark
            for j, item in enumerate(series)
            for mark in _draw_bar(
                uid, frame, item, i, _find_bar(i, j, len(series), 100 / count), i in intervals.partial
            )
        ]
        parts.append(frame.band(i, count, tip, *marks))
    return frame.axis() + frame.plot(parts + frame.below(intervals.labels))


def _find_bar(i: int, j: int, series: int, band: float) -> tuple[float, float]:
    """Return start and width of a bar in per cent: 6 % of the band lie between two."""
    if series == 1:
        return (i + 0.19) * band, 0.62 * band
    return (i + 0.11 + j * 0.42) * band, 0.36 * band


def _draw_bar(
    uid: str, frame: _Frame, item: Series, i: int, bar: tuple[float, float], is_partial: bool
) -> list[Markup]:
    value, before = item.values[i], item.before[i] if item.before else None
    x, width = bar
    marks = []
    if value is not None:
        look = hatched(uid, item.colour) if is_partial else filled(item.colour)
        y = frame.y(value)
        size = {"x": percent(x), "y": number(y), "width": percent(width), "height": number(frame.bottom - y)}
        marks.append(element("rect", **size, **look))
    if before is not None:
        y, over = number(frame.y(before)), width * 0.07
        ends = {"x1": percent(x - over), "x2": percent(x + width + over), "y1": y, "y2": y}
        marks += [element("line", **ends, **stroked(c), stroke_width=w) for c, w in (("paper", 4), ("ink", 2))]
    return marks


def draw_lines(series: Sequence[Series], intervals: Intervals, write: Callable[[float], str]) -> Markup:
    """Draw a line for each series, dashed to and from what is not whole, with its name and last whole value.

    A number that has no neighbour, such as that of the first day of counting, is a dot.
    The names of the series are those at the right end.
    """
    frame = _Frame(find_ticks(_most(series)), write, HEIGHT)
    count = len(intervals.tips)
    parts = frame.grid()
    for item in series:
        paths = _draw_line(frame, item, count, intervals.partial)
        box = {"viewBox": f"0 0 100 {frame.height}", "preserveAspectRatio": "none"}
        parts.append(element("svg", *paths, width="100%", height=frame.height, **box))
    parts += [frame.band(i, count, tip) for i, tip in enumerate(intervals.tips)]
    parts += frame.below(intervals.labels)
    last = find_last_whole(series[0].values, intervals.partial)
    ends = sorted((frame.y(item.values[last] or 0), item) for item in series)
    marks, y = [], -float(_NAME_DISTANCE)
    for wanted, item in ends:
        y = max(wanted, y + _NAME_DISTANCE)
        marks.append(element("rect", x=6, y=number(y - 5), width=10, height=10, **filled(item.colour)))
        marks.append(element("text", item.name, x=21, y=number(y + 4), cls="strong"))
    width = 21 + max(len(item.name) for item in series) * 8
    return frame.axis() + frame.plot(parts) + frame.side(marks, width)


def _draw_line(frame: _Frame, item: Series, count: int, partial: Collection[int]) -> list[Markup]:
    points = [
        None if value is None else f"{number((i + 0.5) * 100 / count)} {number(frame.y(value))}"
        for i, value in enumerate(item.values)
    ]
    runs: list[tuple[bool, list[str]]] = []
    for i, (before, point, after) in enumerate(zip([None, *points], points, [*points[1:], None], strict=False)):
        if point is None:
            continue
        if after is None:
            runs += [] if before else [(False, [point, point])]
            continue
        is_dashed = i in partial or i + 1 in partial
        if before and runs[-1][0] == is_dashed:
            runs[-1][1].append(after)
        else:
            runs.append((is_dashed, [point, after]))
    look = stroked(item.colour)
    look["cls"] += " f-none"
    return [
        element(
            "path",
            d="M" + "L".join(points),
            fill="none",
            stroke_width=_DOT if points[0] == points[-1] else 2.5 if item.colour == "dl" else 2,
            stroke_linejoin="round",
            stroke_linecap="round" if points[0] == points[-1] else None,
            stroke_dasharray="3 4" if is_dashed else None,
            vector_effect="non-scaling-stroke",
            **look,
        )
        for is_dashed, points in runs
    ]


def draw_shares(series: Sequence[Series], intervals: Intervals, write: Callable[[float], str]) -> Markup:
    """Draw columns of 100 %, the first series at the bottom; values are in per cent, names stand at the right end."""
    frame = _Frame([0, 25, 50, 75, 100], write, SHARES_HEIGHT)
    count = len(intervals.tips)
    parts = frame.grid()
    for i, tip in enumerate(intervals.tips):
        marks, base = [element("title", tip)], 0.0
        for item in series:
            value = item.values[i]
            if value:
                y, end = frame.y(base + value), frame.y(base)
                size = {"x": percent((i + 0.12) * 100 / count), "width": percent(76 / count)}
                height = number(max(0.75, end - y - 1.5))  # 1.5 pixels of paper lie between two parts
                marks.append(element("rect", **size, y=number(y + 0.75), height=height, **filled(item.colour)))
                base += value
        parts.append(element("g", *marks))
    parts += frame.below(intervals.labels)
    marks, base, y = [], 0.0, float(frame.height)
    last = find_last_whole(series[0].values, ())
    for item in series:
        value = item.values[last] or 0
        y = min(frame.y(base + value / 2), y - _NAME_DISTANCE)
        marks.append(element("text", item.name, x=6, y=number(y + 4), cls="strong"))
        base += value
    width = 8 + max(len(item.name) for item in series) * 7.8
    return frame.axis() + frame.plot(parts) + frame.side(marks, width)


def find_last_whole(values: Numbers, partial: Collection[int]) -> int:
    """Return the last interval that is wholly counted; the last one that is drawn if there is none."""
    drawn = [i for i, value in enumerate(values) if value is not None]
    return next((i for i in reversed(drawn) if i not in partial), drawn[-1] if drawn else len(values) - 1)


def _most(series: Sequence[Series]) -> float:
    return max((value for item in series for value in (*item.values, *item.before) if value is not None), default=0)
