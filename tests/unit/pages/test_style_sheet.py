"""Colours can be told from the ground, light and dark: WCAG's 4.5:1 for text, 3:1 for parts of charts."""

import re
from pathlib import Path

import pytest

from invenio_stats.pages.svg import COLOURS

SHEET = (Path(__file__).parents[3] / "invenio_stats/pages/static/stats.css").read_text()
TEXT, PARTS = ("ink", "mute", "link"), ("dl", "vw", "open", "emb", "res", "meta", "edge")


def tokens(theme):
    """Return the colours of a theme, 0 for light and 1 for dark."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", SHEET)
    return {name: both[theme] for name, *both in found}


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one_colour, other):
    low, high = sorted(map(luminance, (one_colour, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("names", "least"), [(TEXT, 4.5), (PARTS, 3)], ids=["text", "parts"])
def test_colours_stand_out(theme, names, least):
    colours = tokens(theme)
    for name in names:
        assert contrast(colours[name], colours["paper"]) >= least, name
    assert contrast(colours["note-ink"], colours["note"]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_downloads_and_views_differ_without_their_hue(theme):
    colours = tokens(theme)
    assert contrast(colours["dl"], colours["vw"]) >= 2


def test_browsers_without_themes_and_pictures_alone_have_the_light_colours():
    light = tokens(0)
    plain = dict(re.findall(r"--([\w-]+): (#\w+)[;}]", SHEET.partition("@supports")[0]))
    assert plain == light
    full = {
        name: colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:]) for name, colour in light.items()
    }
    assert {name: full[name] for name in COLOURS} == COLOURS


def test_it_is_small():
    """It is the only file that a page loads."""
    assert len(SHEET.encode()) < 12_000


def test_paper_is_white_also_where_the_theme_of_the_instance_is_dark():
    """Browsers print no grounds, so that light letters would be lost."""
    printed = SHEET.partition("@media print")[2]
    assert re.search(r"\.st \{ color-scheme: only light; background: var\(--paper\);", printed)
