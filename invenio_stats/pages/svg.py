"""Write SVG elements with presentation attributes only: no style and no script, so that a strict policy permits them.

Each mark has its colour twice: as a class for the style sheet, and as an attribute where the style sheet is missing.
"""

from markupsafe import Markup, escape

COLOURS = {
    "dl": "#0f4c81",
    "vw": "#df7324",
    "open": "#11807a",
    "emb": "#a8790a",
    "res": "#7b2d74",
    "meta": "#6b7785",
    "line": "#d5dbe1",
    "edge": "#6b7785",
    "ink": "#16202b",
    "paper": "#ffffff",
}
"""By token of the style sheet; those of a light page."""

_ALWAYS_CLOSED = {"svg", "g", "text", "title"}
_HIDDEN = {"aria_hidden": "true", "focusable": "false"}


def element(name: str, *inside: str, **attributes: object) -> Markup:
    """Return one element; `cls` is class, a `_` in a name is a `-`, and None is left out. Texts are escaped."""
    names = {"cls": "class"}
    text = "".join(
        f' {names.get(key, key.replace("_", "-"))}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "".join(map(escape, inside))
    return Markup(f"<{name}{text}>{body}</{name}>" if body or name in _ALWAYS_CLOSED else f"<{name}{text}/>")


def picture(*inside: str, **attributes: object) -> Markup:
    """Return an `svg` element that assistive technology passes over; what it shows stands beside it in words."""
    return element("svg", *inside, **attributes, **_HIDDEN)


def filled(colour: str) -> dict[str, str]:
    """Return the attributes of a mark that is filled."""
    return {"cls": f"f-{colour}", "fill": COLOURS[colour]}


def stroked(colour: str) -> dict[str, str]:
    """Return the attributes of a line, or of the outline of a mark."""
    return {"cls": f"s-{colour}", "stroke": COLOURS[colour]}


def hatch(uid: str, colour: str) -> Markup:
    """Return the definition of a pattern with the id `{uid}-{colour}`; ids must be unique in the page."""
    stripe = element("rect", width=2.5, height=6, **filled(colour))
    return element(
        "pattern",
        stripe,
        id=f"{uid}-{colour}",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )


def hatched(uid: str, colour: str) -> dict[str, object]:
    """Return the attributes of a mark that is filled with a pattern: what it shows is not whole."""
    return {"fill": f"url(#{uid}-{colour})", **stroked(colour), "stroke_width": 1}


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(value: float) -> str:
    """Return a coordinate in per cent of the width: it follows the width of the page without a script."""
    return number(value) + "%"
