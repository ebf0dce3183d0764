"""Read the dates of a request to the COUNTER API."""

import calendar
import re
from datetime import date

from invenio_stats.core.counter_months import format_month, parse_month


def read_month(text: str) -> str:
    """Return the month of `yyyy-mm`, or of `yyyy-mm-dd` if that is its first or last day; ValueError otherwise."""
    match = re.fullmatch(r"([0-9]{4}-[0-9]{2})(-[0-9]{2})?", text)
    if match is None:
        raise ValueError("Dates are written as yyyy-mm or yyyy-mm-dd.")
    month = parse_month(match[1])
    last = calendar.monthrange(month.year, month.month)[1]
    if match[2] and int(match[2][1:]) not in (1, last):
        raise ValueError(f"{text} is neither the first nor the last day of a month.")
    return match[1]


def read_months(begin: str, end: str, today: date) -> tuple[str, str]:
    """Return the first and last month of a report; ValueError if COUNTER calls these dates invalid.

    The first month has to be over. The last one need not be: the report then says that it is not ready.
    """
    first, last = read_month(begin), read_month(end)
    if last < first:
        raise ValueError(f"end_date {last} is before begin_date {first}.")
    if first >= format_month(today):
        raise ValueError(f"begin_date {first} is in a month that is not over.")
    return first, last
