"""A badge is legible, and as wide in any font."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.pages.badge import GROUNDS, NAME_GROUND, WHITE, Badge, draw_badge, write_count
from tests.fixtures.markup import read
from tests.laws import examples


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ground", [NAME_GROUND, *GROUNDS.values()])
def test_text_stands_out(ground):
    assert (luminance(WHITE) + 0.05) / (luminance(ground) + 0.05) >= 6


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (99_999, "99,999"),
        (100_000, "100K"),
        (124_400, "124K"),
        (999_499, "999K"),
        (1_240_000, "1.2M"),
        (5_000_000_000, "5B"),
    ],
)
def test_large_numbers_are_short(count, text):
    assert write_count(count) == text


@given(st.sampled_from(sorted(GROUNDS)), st.integers(0, 10**12))
@examples(0.5)
def test_each_text_is_stretched_to_the_room_it_has(metric, count):
    root = read(draw_badge(Badge(metric, count, "said")))
    picture = root.only("svg")
    texts = root.all("text")
    assert [text.text for text in texts] == [metric, write_count(count)]
    widths = [float(text["textlength"]) for text in texts]
    assert float(picture["width"]) == pytest.approx(sum(widths) + 40, abs=0.02)
    assert float(texts[0]["x"]) == pytest.approx(widths[0] / 2 + 10, abs=0.02)
    assert float(texts[1]["x"]) == pytest.approx(widths[0] + 30 + widths[1] / 2, abs=0.02)


def test_what_it_says_is_its_name():
    root = read(draw_badge(Badge("views", 3, "3 views & more")))
    assert root.only("title").text == "3 views & more"
    assert root.only("svg")["aria-label"] == root.only("title").text


def test_two_of_them_in_one_document_have_no_id_in_common():
    """Sites that put the file into their page would have the second one named by the first."""
    assert not [node for node in read(draw_badge(Badge("views", 3, "said"))).walk() if node["id"]]


@pytest.mark.parametrize(("count", "text"), [(999_949, "999.9K"), (999_950, "1M"), (999_950_000, "1B")])
def test_a_thousand_thousands_are_a_million(count, text):
    assert write_count(count) == text
