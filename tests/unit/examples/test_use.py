"""What the demo expects of breakdowns: each whole month is folded by itself, and the months are added."""

import sys
from datetime import datetime, timezone
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "examples"))

from demo.use import Use  # noqa: E402 - the folder has to be on the path first
from traffic.ledger import Ledger  # noqa: E402


def views(day, country, visitors, agency="people"):
    moment = datetime.fromisoformat(f"{day}T10:00:00+00:00").timestamp()
    return [
        {
            "visitor": f"{day}-{country}-{number}",
            "agency": agency,
            "time": moment,
            "country": country,
            "thing": ["record", "1"],
        }
        for number in range(visitors)
    ]


def breakdown(*acts):
    catalogue = {"records": [], "past": [act for some in acts for act in some]}
    return Use(Ledger(), catalogue, datetime(2026, 3, 10, tzinfo=timezone.utc)).breakdown("country")


def test_a_value_is_shown_in_the_months_in_which_a_day_had_enough_visitors():
    found = breakdown(
        views("2026-01-05", "DE", 5),
        views("2026-01-06", "DE", 1),
        views("2026-02-05", "DE", 4),
        views("2026-02-06", "MT", 2),
    )
    assert found == [{"DE": [6, 0]}, [6, 0], [0, 0]]


def test_what_has_no_country_is_unknown_if_it_is_enough_and_else_other():
    assert breakdown(views("2026-01-05", None, 5), views("2026-02-05", None, 4)) == [{}, [4, 0], [5, 0]]


def test_this_month_and_robots_are_left_out():
    assert breakdown(views("2026-03-02", "DE", 9), views("2026-01-05", "US", 9, "robots")) == [{}, [0, 0], [0, 0]]
