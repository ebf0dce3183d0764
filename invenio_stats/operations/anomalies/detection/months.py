"""Find finished months that COUNTER wants a person to look at: spikes."""

from datetime import date, datetime, timedelta

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.core.counter_months import format_month, months_between, next_month, parse_month
from invenio_stats.core.counter_spikes import MONTHS, find_spike
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.customer_spikes import find_spikes
from invenio_stats.counter.months import fetch_months
from invenio_stats.operations.anomalies.detection import requests
from invenio_stats.operations.anomalies.detection.requests import SUMS, USES
from invenio_stats.operations.anomalies.detection.sources import Sources
from invenio_stats.proxies import current_stats
from invenio_stats.search.client import SearchRequest, search


def examine_months(sources: Sources, last: str, now: datetime) -> dict[str, list[Anomaly]]:
    """Return what is unusual about the last finished month, and about the last one that COUNTER reports are made of.

    The uses of the whole repository are judged, one request for each month, and the requests of COUNTER's customers:
    two requests, where there are COUNTER reports.
    """
    closed = fetch_months(sources.client, now.date()) if current_stats.counter_platform is not None else {}
    spikes = find_spikes(sources.client, closed) if closed else {}
    found = {}
    for month in sorted({last, *list(closed)[-1:]}):
        whole = _examine_repository(sources, month, now)
        # The World has the requests of all: its spike is that of the repository.
        customers = [line for line in spikes.get(month, ()) if line.customer_id != THE_WORLD or not whole]
        found[month] = whole + [
            Anomaly(month, "customer", line.customer_id, line.number, line.mean, now, line.spike) for line in customers
        ]
    return found


def find_last_month(last_day: date) -> str:
    """Return the last month of which all days are over, if a day is the last one that is."""
    return next_month(format_month(last_day + timedelta(days=1)), -1)


def _examine_repository(sources: Sources, month: str, now: datetime) -> list[Anomaly]:
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


def _add_up(days: dict[date, int]) -> dict[str, int]:
    months: dict[str, int] = {}
    for day, number in days.items():
        months[format_month(day)] = months.get(format_month(day), 0) + number
    return months
