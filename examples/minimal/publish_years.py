"""Publish two years of use until yesterday, eight clicks a day: to see how old events are deleted and totals stay.

python publish_years.py [MONTHS]
"""

import random
import sys
from datetime import date, datetime, time, timedelta, timezone
from itertools import groupby
from typing import Any

from invenio_app.factory import create_app

from invenio_stats import current_stats

MONTHS = 24
"""Calendar months, the running one included."""
VIEWS, DOWNLOADS = 5, 3
"""On each day."""
ITEMS = 20
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (X11; Linux x86_64) ExampleReader/1.0",
)


def find_first_day(today: date, months: int) -> date:
    """Return the first day of so many calendar months."""
    number = today.year * 12 + today.month - months
    return date(number // 12, number % 12 + 1, 1)


def find_days(today: date, months: int) -> list[date]:
    """Return the days of so many calendar months until yesterday."""
    first = find_first_day(today, months)
    return [first + timedelta(days=number) for number in range((today - first).days)]


def make_event(day: date, hour: int, choice: random.Random) -> dict[str, Any]:
    """Return what views and downloads have in common."""
    moment = datetime.combine(day, time(hour, choice.randrange(60)))
    item = str(choice.randrange(ITEMS))
    return {
        "timestamp": moment.isoformat(),
        "ip_address": f"192.0.2.{choice.randrange(1, 255)}",
        "user_agent": choice.choice(AGENTS),
        "referrer": None,
        "item_id": item,
        "parent_id": f"all-{item}",
    }


def make_day(day: date, choice: random.Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the views and the downloads of one day, each in an hour of its own."""
    hours = choice.sample(range(24), VIEWS + DOWNLOADS)
    made = [make_event(day, hour, choice) for hour in hours]
    views = [
        {**event, "record_id": f"record-{event['item_id']}", "pid_type": "recid", "pid_value": event["item_id"]}
        for event in made[:VIEWS]
    ]
    downloads = [
        {**event, "bucket_id": f"bucket-{event['item_id']}", "file_id": "1", "file_key": "paper.pdf", "size": 120_000}
        for event in made[VIEWS:]
    ]
    return views, downloads


def main() -> None:
    """Publish all days, a month at once."""
    choice, today = random.Random(27), datetime.now(timezone.utc).date()
    days = find_days(today, int(sys.argv[1]) if len(sys.argv) > 1 else MONTHS)
    with create_app().app_context():
        for _month, some in groupby(days, lambda day: day.month):
            made = [make_day(day, choice) for day in some]
            current_stats.publish("record-view", [view for views, _downloads in made for view in views])
            current_stats.publish("file-download", [download for _views, downloads in made for download in downloads])


if __name__ == "__main__":
    main()
