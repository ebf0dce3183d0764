"""Double-click cells: windows of time that lie end to end from the epoch on."""

from datetime import datetime, timedelta

from invenio_stats.core.moments import to_second, utc

DEFAULT_WINDOW = 30
"""Seconds between clicks that still are one (COUNTER Release 5.1)."""


def check_window(seconds: object) -> int:
    """Return the window in seconds; 0 switches it off.

    A window has to divide an hour, so that the click that is kept never moves the event to
    another hour or day than its cell. ValueError says so.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds != int(seconds):
        raise ValueError(f"double_click_window is {seconds!r}; set it to a whole number of seconds.")
    if seconds < 0 or (seconds and 3600 % int(seconds)):
        raise ValueError(f"double_click_window is {seconds!r}; set it to 0 or to a divisor of 3600, such as 10 or 30.")
    return int(seconds)


def cell_start(moment: datetime, window: int) -> datetime:
    """Return the start of the cell that a click falls into: its own second where the window is 0.

    A window divides an hour (see `check_window`), so cells that lie end to end from the epoch begin with each hour.
    """
    moment = to_second(utc(moment))
    if not window:
        return moment
    return moment - timedelta(seconds=(moment.minute * 60 + moment.second) % window)
