"""Draw what stands in tables and keys: a lying bar, the bar of a row, a spark, months, a strip of days, a swatch."""

from collections.abc import Sequence

from markupsafe import Markup

from invenio_stats.pages.svg import element, filled, hatch, hatched, number, percent, picture, stroked

BAR_HEIGHT, SHARE_HEIGHT = 6, 28


def draw_share_bar(shares: Sequence[tuple[str, float]]) -> Markup:
    """Draw one whole as a lying bar: colours with their shares in per cent."""
    marks, x = [], 0.0
    for colour, share in shares:
        if share > 0:
            width = percent(max(0.3, share - 0.3))
            marks.append(element("rect", x=percent(x), width=width, height=SHARE_HEIGHT, **filled(colour)))
        x += share
    return picture(*marks, width="100%", height=SHARE_HEIGHT)


def draw_row_bar(value: float, most: float, colour: str) -> Markup:
    """Draw the bar below the name of a row; all rows of a list have the same scale."""
    track = element("rect", width="100%", height=BAR_HEIGHT, fill_opacity=".45", **filled("line"))
    width = percent(100 * value / most if most else 0)
    bar = element("rect", width=width, height=BAR_HEIGHT, **filled(colour))
    return picture(track, bar, width="100%", height=BAR_HEIGHT, cls="st-bar")


def draw_spark(values: Sequence[int], colour: str = "dl", width: int = 84, height: int = 24) -> Markup:
    """Draw a few bars on a scale of their own; a counted zero is a line."""
    most, step = max(values, default=0) or 1, width / max(len(values), 1)
    marks = [
        element(
            "rect",
            x=number(i * step),
            y=number(height - size),
            width=number(step - 1.5),
            height=number(size),
            **filled(colour),
        )
        for i, value in enumerate(values)
        for size in [max(1, height * value / most)]
    ]
    return picture(*marks, width=width, height=height, viewBox=f"0 0 {width} {height}", cls="st-spark")


def draw_months(uid: str, values: Sequence[int], colour: str, height: int = 40) -> Markup:
    """Draw a bar for each month, as wide as there is room; the last one, which is not over, is hatched."""
    most, band = max(values, default=0) or 1, 100 / max(len(values), 1)
    marks = [element("defs", hatch(uid, colour))]
    for i, value in enumerate(values):
        size = max(1, (height - 1) * value / most)  # a counted zero is a line
        marks.append(
            element(
                "rect",
                x=percent((i + 0.08) * band),
                y=number(height - 0.5 - size),
                width=percent(0.84 * band),
                height=number(size),
                **(hatched(uid, colour) if i == len(values) - 1 else filled(colour)),
            )
        )
    return picture(*marks, width="100%", height=height, cls="st-spark")


def draw_strip(uid: str, days: Sequence[str], marks: Sequence[tuple[int, str, str | None]], height: int = 46) -> Markup:
    """Draw a cell for each day: `full`, `part` or `none`, which differ in fill, hatch and outline.

    `marks` are days with their label and its class, as in a chart.
    """
    count, start = len(days), 0
    looks = {
        "full": filled("open"),
        "part": hatched(uid, "vw"),
        "none": {"cls": "f-none s-ink", "fill": "none", "stroke": stroked("ink")["stroke"], "stroke_width": 1.5},
    }
    parts = [element("defs", hatch(uid, "vw"))]
    for end in range(1, count + 1):
        if end == count or days[end] != days[start]:
            kind = days[start]
            width = max(100 * (end - start) / count, 0 if kind == "full" else 0.5)
            size = {"x": percent(100 * start / count), "width": percent(width), "height": 20 if kind == "full" else 26}
            parts.append(element("rect", y=0, **size, **looks[kind]))
            start = end
    for day, label, css in marks:
        x = percent(100 * day / count)
        parts.append(element("line", x1=x, x2=x, y1=26, y2=31, **stroked("edge")))
        parts.append(element("text", label, x=x, y=43, cls=css))
    return picture(*parts, width="100%", height=height, cls="grow")


def draw_swatch(colour: str) -> Markup:
    """Draw the sample of a colour for a key."""
    return picture(element("rect", width=12, height=12, **filled(colour)), width=12, height=12)


def draw_swatch_outlined() -> Markup:
    """Draw the sample of what is not counted."""
    box = {"x": 1, "y": 1, "width": 10, "height": 10, "cls": "f-none s-ink", "fill": "none"}
    return picture(element("rect", **box, stroke=stroked("ink")["stroke"], stroke_width=1.5), width=12, height=12)


def draw_swatch_before() -> Markup:
    """Draw the line that stands for the period before."""
    line = element("line", x1=0, x2=14, y1=6, y2=6, stroke_width=2, **stroked("ink"))
    return picture(line, width=14, height=12)


def draw_swatch_partial(uid: str, colour: str) -> Markup:
    """Draw the sample of what is not wholly counted."""
    box = element("rect", x=0.5, y=0.5, width=11, height=11, **hatched(uid, colour))
    return picture(element("defs", hatch(uid, colour)), box, width=12, height=12)
