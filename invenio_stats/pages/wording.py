"""Write numbers, dates and names in the language of the page."""

from collections.abc import Mapping
from datetime import date, datetime, timezone

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import (
    format_compact_decimal,
    format_decimal,
    format_percent,
    get_minus_sign_symbol,
    get_plus_sign_symbol,
)
from babel.units import format_unit
from flask_babel import get_locale
from flask_babel import gettext as _

from invenio_stats.core import periods
from invenio_stats.core.periods import Days

MINUS = "\N{MINUS SIGN}"
NO_NUMBER = "\N{EN DASH}"
"""Stands in a table where there is no number, which is not 0."""

MIN_COMPARED = 10
"""Below this number of the period before, a change in per cent says nothing."""

_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")


def locale() -> Locale:
    """Return the language of the page."""
    return get_locale() or Locale("en")


def write_number(value: int | float | None) -> str:
    """Return a number with all its digits."""
    return NO_NUMBER if value is None else format_decimal(value, locale=locale())


def write_compact(value: float) -> str:
    """Return a number for an axis, short from ten thousand on."""
    if value < 10_000:
        return write_number(value)
    text = format_compact_decimal(value, fraction_digits=1, locale=locale())
    return write_number(value) if text.isdecimal() else text  # a language without a short form for it


def write_percent(share: float | None, digits: int = 1) -> str:
    """Return a share of 1 in per cent."""
    if share is None:
        return NO_NUMBER
    pattern = str(locale().percent_formats[None].pattern)
    if digits:
        pattern = pattern.replace("#,##0", "#,##0." + "0" * digits)
    return format_percent(share, format=pattern, locale=locale())


def write_share(part: float, whole: float) -> str:
    """Return the share of a row; a small one is 'under 0.1%', never 0, and only the whole is 100%."""
    if 0 < part < whole / 1000:
        return _("under %(share)s", share=write_percent(0.001))
    if part < whole and write_percent(part / whole) == write_percent(1):
        return _("over %(share)s", share=write_percent(0.999))
    return write_percent(part / whole if whole else None)


def write_change(value: int, before: int) -> str | None:
    """Return a change with its sign; None if the number before is too small to compare with.

    It has as many digits as it needs: there is no "−0.0%", and what is not 0 has not fallen by "100.0%". Where one
    writes from right to left, the sign has a mark that keeps it before the number.
    """
    if before < MIN_COMPARED:
        return None
    change = (value - before) / before
    sign = get_minus_sign_symbol(locale()).replace("-", MINUS) if change < 0 else get_plus_sign_symbol(locale())
    digits, rest = 1, value / before
    while change and 0 in (round(change, digits + 2), round(rest, digits + 2) if value else None):
        digits += 1
    return sign + write_percent(abs(change), digits)


def write_size(size: int | None) -> str:
    """Return a number of bytes with a unit of a thousand each."""
    if size is None:
        return NO_NUMBER
    value, unit = float(size), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = "#,##0.#" if unit else "#,##0"
    return format_unit(value, f"digital-{_UNITS[unit]}", "short", format=digits, locale=locale())


def write_day(day: date) -> str:
    """Return a day with its year."""
    return format_date(day, "long", locale=locale())


def write_month(day: date) -> str:
    """Return the month of a day with its year."""
    return format_skeleton("yMMMM", day, locale=locale())


def write_moment(moment: datetime) -> str:
    """Return day and time in UTC."""
    utc = moment.astimezone(timezone.utc)
    time = format_time(utc.time(), "HH:mm", locale=locale())
    return _("%(day)s, %(time)s UTC", day=write_day(utc.date()), time=time)


def write_interval(first: date, interval: str) -> str:
    """Return the name of the interval that begins on a day, or that was cut to begin there."""
    if interval == "year":
        return f"{first:%Y}"
    if interval == "quarter":
        return format_skeleton("yQQQ", first, locale=locale())
    if interval == "month":
        return write_month(first)
    if interval == "week":
        return _("Week of %(day)s", day=write_day(first))
    return write_day(first)


def write_short(day: date, pattern: str) -> str:
    """Return the part of a date that stands below a chart: `LLL` is a month, `QQQ` a quarter."""
    return format_date(day, pattern, locale=locale())


def write_range(days: Days) -> Mapping[str, str]:
    """Return a range as values of a message: its ends are `first` and `last`; a single day is `day`."""
    return {"first": write_day(days.first), "last": write_day(days.last), "day": write_day(days.first)}


def write_months(days: Days) -> Mapping[str, str]:
    """Return the months of a range as values of a message: the ends are `first` and `last`; a single one is `month`."""
    return {"first": write_month(days.first), "last": write_month(days.last), "month": write_month(days.first)}


def choose(ends: Mapping[str, str], several: str, single: str) -> str:
    """Return the text for a single day or month, which is never written as 'from May 5 to May 5', or that for several.

    Both are translated before; `ends` are those of `write_range` or `write_months`.
    """
    return single if ends["first"] == ends["last"] else several


def write_country(code: str) -> str:
    """Return the name of a country; the code if there is none."""
    return locale().territories.get(code.upper(), code)


def write_access(status: str) -> str:
    """Return the word for an access status; an instance's own stands as it is."""
    known = {
        "open": _("open"),
        "embargoed": _("embargoed"),
        "restricted": _("restricted"),
        "closed": _("closed"),
        "metadata-only": _("metadata only"),
    }
    return known.get(status, status)


def is_year_before(days: Days, before: Days) -> bool:
    """Return True if a period is the same one of the year before."""
    return before.first == periods.add_months(days.first, -12)
