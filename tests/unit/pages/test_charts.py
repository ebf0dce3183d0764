"""Charts show what they are given, and nothing else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.pages import charts, marks
from invenio_stats.pages.charts import Intervals, Label, Series
from tests.fixtures.markup import read
from tests.laws import examples

COUNTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=24)


def intervals(count, partial=()):
    return Intervals([f"tip {i}" for i in range(count)], [Label(str(i)) for i in range(count)], partial)


def heights(root, colour):
    """Return the heights of the bars of a colour, in pixels."""
    return [float(bar["height"]) for bar in root.all("rect", cls=f"f-{colour}") if bar.parent.tag == "g"]


def top_of(root):
    """Return the number at the top of the axis, and the pixels from there to the zero line."""
    axis = root.all("svg")[0].all("text")
    return float(axis[-1].text), float(axis[0]["y"]) - float(axis[-1]["y"])


@given(COUNTS)
@examples(0.5)
def test_a_bar_is_as_high_as_its_number(values):
    root = read(charts.draw_bars("c", [Series("dl", values)], intervals(len(values)), str))
    most, pixels = top_of(root)
    assert most >= max(values)
    for value, height in zip(values, heights(root, "dl"), strict=True):
        assert height == pytest.approx(pixels * value / most, abs=0.01)


@given(st.floats(0.5, 1e13))
@examples(0.5)
def test_steps_are_round_and_begin_at_0(most):
    ticks = charts.find_ticks(most)
    assert ticks[0] == 0
    assert ticks[-2] < most <= ticks[-1]
    assert 2 <= len(ticks) <= 6
    (step,) = {round(later - earlier, 6) for earlier, later in pairwise(ticks)}
    assert float(f"{step:e}".partition("e")[0]) in (1, 2, 2.5, 5)
    assert all(isinstance(tick, int) for tick in ticks), "half a download is none"


def test_what_was_not_counted_is_not_drawn_and_a_zero_is():
    root = read(charts.draw_bars("c", [Series("dl", [None, 0, 5])], intervals(3), str))
    assert [float(height) > 0 for height in heights(root, "dl")] == [False, True]


def test_the_period_before_is_a_line_across_each_bar():
    series = Series("dl", [4, 6], before=[None, 8])
    root = read(charts.draw_bars("c", [series], intervals(2), str))
    (line,) = [line for line in root.all("line", cls="s-ink")]
    most, pixels = top_of(root)
    zero = float(root.only("line", cls="s-edge")["y1"])
    assert zero - float(line["y1"]) == pytest.approx(pixels * 8 / most, abs=0.01)


def test_what_is_not_whole_is_hatched():
    root = read(charts.draw_bars("c", [Series("dl", [4, 6])], intervals(2, {1}), str))
    assert root.only("pattern")["id"] == "c-dl"
    assert [bar["fill"] for bar in root.all("rect", cls="s-dl")] == ["url(#c-dl)"]


@given(st.lists(st.one_of(st.none(), st.integers(0, 1000)), min_size=25, max_size=60), st.data())
@examples(0.5)
def test_a_line_goes_through_all_numbers(values, data):
    """Each two neighbours that were counted are joined, dashed if one of them is not whole; a lonely one is a dot."""
    partial = data.draw(st.sets(st.integers(0, len(values) - 1)))
    series = [Series("dl", values, "Downloads"), Series("vw", values, "Views")]
    root = read(charts.draw_lines(series, intervals(len(values), partial), str))
    most, pixels = top_of(root)
    zero = float(root.only("line", cls="s-edge")["y1"])
    drawn, dots = {}, set()
    for path in root.all("path", cls="s-dl"):
        points = [tuple(map(float, point.split())) for point in path["d"][1:].split("L")]
        for (x, y), (later_x, later) in pairwise(points):
            if x == later_x:
                dots.add(round(x * len(values) / 100 - 0.5))
                continue
            drawn[round(x * len(values) / 100 - 0.5)] = (zero - y, zero - later, path["stroke-dasharray"] is not None)
    expected = {
        i: (pixels * values[i] / most, pixels * values[i + 1] / most, i in partial or i + 1 in partial)
        for i in range(len(values) - 1)
        if values[i] is not None and values[i + 1] is not None
    }
    assert drawn.keys() == expected.keys()
    assert all(drawn[i] == pytest.approx(expected[i], abs=0.02) for i in drawn)
    joined = expected.keys() | {i + 1 for i in expected}
    assert dots == {i for i, value in enumerate(values) if value is not None} - joined


def test_the_first_day_of_counting_is_seen():
    """A path of no length is drawn by its round ends only."""
    root = read(charts.draw_lines([Series("dl", [None] * 29 + [5], "a")], intervals(30, {29}), str))
    dot = root.only("path")
    assert (dot["stroke-linecap"], dot["stroke-width"]) == ("round", "7")
    start, end = dot["d"].removeprefix("M").split("L")
    assert start == end
    assert start.startswith("98.33 ")


def test_names_at_the_end_of_lines_do_not_touch():
    values = [5] * 30
    series = [Series("dl", values, "Downloads 5"), Series("vw", values, "Views 5")]
    root = read(charts.draw_lines(series, intervals(30), str))
    names = [float(text["y"]) for text in root.all("text", cls="strong")]
    assert abs(names[0] - names[1]) >= 17


@given(st.lists(st.tuples(*[st.integers(0, 100)] * 3), min_size=2, max_size=36))
@examples(0.5)
def test_columns_fill_the_whole(counts):
    """The parts of a column lie on each other; an interval without use has none."""
    wholes = [sum(parts) for parts in counts]
    columns = [
        [100 * parts[i] / whole if whole else None for parts, whole in zip(counts, wholes, strict=True)]
        for i in range(3)
    ]
    series = [Series(colour, values, colour) for colour, values in zip(("open", "emb", "res"), columns, strict=True)]
    root = read(charts.draw_shares(series, intervals(len(counts)), str))
    groups = [group for group in root.all("g")]
    assert len(groups) == len(counts)
    for group, parts in zip(groups, counts, strict=True):
        assert len(group.all("rect")) == sum(part > 0 for part in parts)


def test_a_lying_bar_is_one_whole():
    root = read(marks.draw_share_bar([("open", 71.3), ("emb", 0), ("res", 28.7)]))
    assert [bar["width"] for bar in root.all("rect")] == ["71%", "28.4%"]


def test_bars_of_rows_have_one_scale():
    widths = [read(marks.draw_row_bar(value, 8, "dl")).all("rect")[1]["width"] for value in (8, 4, 0)]
    assert widths == ["100%", "50%", "0%"]


def test_a_spark_shows_each_month():
    bars = read(marks.draw_spark([0, 2, 4])).all("rect")
    assert [bar["height"] for bar in bars] == ["1", "12", "24"]


def test_a_strip_joins_days_that_are_alike():
    root = read(marks.draw_strip("s", ["full"] * 3 + ["part"] + ["none"] * 2, [(0, "Jan", None)]))
    drawn = [bar for bar in root.all("rect") if bar.parent.tag == "svg"]
    assert [bar["width"] for bar in drawn] == ["50%", "16.67%", "33.33%"]
    assert [bar["fill"] for bar in drawn] == ["#11807a", "url(#s-vw)", "none"]


def test_texts_are_escaped():
    evil = '<script>"&'
    labels = Intervals([evil], [Label(evil, evil)])
    root = read(charts.draw_bars("c", [Series("dl", [1])], labels, lambda value: evil))
    assert not root.all("script")
    assert root.only("title").text == evil


@pytest.mark.parametrize(
    "picture",
    [
        charts.draw_bars("c", [Series("dl", [1, 2], before=[1, 1])], intervals(2, {1}), str),
        charts.draw_lines([Series("dl", [1] * 30, "a")], intervals(30, {29}), str),
        charts.draw_shares([Series("open", [50, 50], "a")], intervals(2), str),
        marks.draw_strip("s", ["full", "part"], []),
        marks.draw_spark([1, 2]),
    ],
    ids=["bars", "lines", "shares", "strip", "spark"],
)
def test_pictures_need_no_style_and_no_script_and_take_no_focus(picture):
    root = read(picture)
    for svg in root.all("svg"):
        assert svg["aria-hidden"] == "true" or svg.parent.tag == "svg"
    assert not [name for node in root.walk() for name in node.attributes if name == "style" or name.startswith("on")]
    coloured = [node for node in root.walk() if node["class"] and "f-" in node["class"] and "hit" not in node["class"]]
    assert coloured
    assert all(node["fill"] for node in coloured)
