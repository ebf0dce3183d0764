"""Find finished months that COUNTER wants a person to look at: spikes."""

from datetime import date, datetime, timedelta

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.core.counter_months import format_month, months_between, next_month, parse_month
from invenio_stats.core.counter_spikes import MONTHS, find_spike
from invenio_stats.operations.anomalies.detection import requests
from invenio_stats.operations.anomalies.detection.requests import SUMS, USES
from invenio_stats.operations.anomalies.detection.sources import Sources
from invenio_stats.search.client import SearchRequest, search


def examine_month(sources: Sources, month: str, now: datetime) -> list[Anomaly]:
    """Return what is unusual about the uses of the whole repository in a finished month; one request."""
    first = next_month(month, -MONTHS)
    last_day = parse_month(next_month(month)) - timedelta(days=1)
    query = requests.from_to(parse_month(first), last_day)
    body = requests.counting(query, requests.by_day(SUMS))
    days = requests.read_days(search(SearchRequest(sources.client, sources.items, body)).get("aggregations", {}), USES)
    uses = _add_up(days)
    if not uses:
        return []
    before = [uses.get(known, 0) for known in months_between(min(uses), next_month(month, -1))]
    number, spike = uses.get(month, 0), find_spike(uses.get(month, 0), before)
    if spike is None:
        return []
    return [Anomaly(month, "repository", "", number, sum(before) / len(before), now, spike)]


def find_last_month(last_day: date) -> str:
    """Return the last month of which all days are over, if a day is the last one that is."""
    return next_month(format_month(last_day + timedelta(days=1)), -1)


def _add_up(days: dict[date, int]) -> dict[str, int]:
    months: dict[str, int] = {}
    for day, number in days.items():
        months[format_month(day)] = months.get(format_month(day), 0) + number
    return months
