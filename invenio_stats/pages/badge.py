"""Answer with a badge: a small picture with the number of a public record, for any other site."""

from datetime import date
from typing import NamedTuple

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal
from flask import Response, abort, request

from invenio_stats.errors import InvalidRequestInputError, NoAnswerError, NotFoundError, NotPermittedError
from invenio_stats.items.access import ANONYMOUS
from invenio_stats.pages.svg import element, number
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, answer_permitted, check_permissions, find_queries
from invenio_stats.support.sessions import leave_session_out

SECONDS = 86_400
"""How long anybody may keep a badge."""
RETRY_SECONDS = 120
HEIGHT = 24
WHITE, NAME_GROUND = "#ffffff", "#3d4853"
GROUNDS = {"downloads": "#0f4c81", "views": "#a04a0c"}
"""Behind the number, by metric; white on each has a contrast of 6:1."""
SINGULAR = {"downloads": "download", "views": "view"}
PARAMETERS = {"metric": ("downloads", "views"), "versions": ("all", "this"), "period": ("all", "12m")}
"""Names and values, the default first."""

_LANGUAGE = "en_GB"
"""A badge is one picture for all readers, wherever it is kept, so it cannot follow the language of one of them."""
_MARGIN = 10
_WIDTHS = {"m": 10.5, "w": 9.5, "i": 3.2, "l": 3.2, ",": 4.0, ".": 4.0, " ": 4.0}
"""Pixels of letters that are narrower or wider than others; texts are stretched to their sum in every font."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class Badge(NamedTuple):
    """What a badge says."""

    metric: str
    """downloads or views."""
    count: int
    sentence: str
    """With all digits and the days: the text in place of the picture."""


def show_badge(record: str) -> Response:
    """Return the picture; 404 for a record that not everybody may read, 400 for a wrong parameter."""
    if record not in current_stats.access.readable_items(ANONYMOUS, [record]):
        abort(404)
    try:
        given = _read_parameters()
        params = {"record": record, "versions": given["versions"], "period": given["period"]}
        (entry,) = find_queries([QueryRequest("badge", "record-total", params)])
        for_everybody = check_permissions([entry])
        answer = answer_permitted(entry)
    except (NotFoundError, NotPermittedError):
        abort(404)
    except InvalidRequestInputError as error:
        return _explain(str(error.description), 400)
    except NoAnswerError as error:
        return _explain(str(error.description), error.code)
    metric = given["metric"]
    count = answer[metric]
    days = [date.fromisoformat(answer[end]) for end in ("from", "to")]
    badge = Badge(metric, count, _write_sentence(metric, count, days, answer["rules"]))
    response = Response(draw_badge(badge), mimetype="image/svg+xml")
    # What the instance permits to some only must not reach others through a proxy.
    kept_by = "public" if for_everybody else "private"
    response.headers["Cache-Control"] = f"{kept_by}, max-age={SECONDS}"
    response.headers.update(_HEADERS)
    if for_everybody:
        leave_session_out()
    return response


def _read_parameters() -> dict[str, str]:
    chosen = {name: values[0] for name, values in PARAMETERS.items()}
    for name, values in request.args.lists():
        known = PARAMETERS.get(name)
        if known is None:
            raise InvalidRequestInputError(f"A badge has no such parameter. Use: {', '.join(PARAMETERS)}.")
        if len(values) > 1 or values[0] not in known:
            raise InvalidRequestInputError(f"{name} is not one of: {', '.join(known)}.")
        chosen[name] = values[0]
    return chosen


def _explain(text: str, code: int) -> Response:
    response = Response(text, code, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(_HEADERS)
    if code == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _write_sentence(metric: str, count: int, days: list[date], rules: str) -> str:
    name = SINGULAR[metric] if count == 1 else metric
    first, last = (format_date(day, "d MMMM y", locale=_LANGUAGE) for day in days)
    return f"{format_decimal(count, locale=_LANGUAGE)} {name}, {first} to {last}, by {rules} rules"


def write_count(count: int) -> str:
    """Return a number as a badge has it: all digits up to 99,999, then 124K, 1.2M."""
    if count < 100_000:
        return format_decimal(count, locale=_LANGUAGE)
    digits = 0 if count < 999_500 else 1
    return format_compact_decimal(count, fraction_digits=digits, locale="en")


def draw_badge(badge: Badge) -> str:
    """Draw it: opaque, with corners, as wide as its texts need, and without a style sheet."""
    value = write_count(badge.count)
    widths = [_measure(text) for text in (badge.metric, value)]
    middle, right = widths[0] + 2 * _MARGIN, sum(widths) + 4 * _MARGIN
    left_half = f"M4 0H{number(middle)}V24H4A4 4 0 0 1 0 20V4A4 4 0 0 1 4 0"
    right_half = f"M{number(middle)} 0H{number(right - 4)}A4 4 0 0 1 {number(right)} 4V20"
    right_half += f"A4 4 0 0 1 {number(right - 4)} 24H{number(middle)}"
    drawn = element(
        "svg",
        element("title", badge.sentence),
        element("rect", width=number(right), height=HEIGHT, rx=4, fill=WHITE),
        element("path", d=left_half, fill=NAME_GROUND),
        element("path", d=right_half, fill=GROUNDS[badge.metric]),
        element(
            "g",
            _draw_text(badge.metric, middle / 2, widths[0]),
            _draw_text(value, (middle + right) / 2, widths[1], font_weight="bold"),
            fill=WHITE,
            font_family="Verdana, DejaVu Sans, sans-serif",
            font_size=12,
            text_anchor="middle",
        ),
        xmlns="http://www.w3.org/2000/svg",
        width=number(right),
        height=HEIGHT,
        viewBox=f"0 0 {number(right)} {HEIGHT}",
        role="img",
        aria_label=badge.sentence,
    )
    return f"{drawn}\n"


def _draw_text(text: str, middle: float, width: float, **more: object) -> str:
    return element(
        "text", text, x=number(middle), y=16.5, textLength=number(width), lengthAdjust="spacingAndGlyphs", **more
    )


def _measure(text: str) -> float:
    return sum(_WIDTHS.get(character, 7.0) for character in text)
