"""Months that COUNTER calls spikes: of the whole repository, and of each customer."""

import calendar
from datetime import datetime, timezone

import pytest

from invenio_stats.core import names
from invenio_stats.core.counter_months import Month, next_month
from invenio_stats.counter.months import BODY, shared_month
from invenio_stats.operations.anomalies.detection.detection import examine_new_days
from invenio_stats.operations.anomalies.store import read_anomalies
from tests.flow.operations.anomalies import conftest

NOW = datetime(2026, 7, 3, 2, 30, tzinfo=timezone.utc)
LAST = "2026-06"

aggregations_config = conftest.aggregations_config


@pytest.fixture
def monthly(app, search_client, index_prefix):
    """Return `monthly(*uses)`: the uses of the last months, in order."""
    history = conftest.History(search_client, index_prefix)

    def write(*uses):
        for back, number in enumerate(reversed(uses)):
            year, month = map(int, next_month(LAST, -back).split("-"))
            for day in (2, calendar.monthrange(year, month)[1]):
                history.items(datetime(year, month, day, tzinfo=timezone.utc).date(), {"one": number // 2})
        history.write()
        history.count_up_to(NOW)

    return write


@pytest.fixture
def closed(app, search_client, index_prefix, monkeypatch):
    """Return `closed(last, *requests)`: requests of c1 in closed months up to the last one."""
    monkeypatch.setattr(app.extensions["invenio-stats"], "counter_platform", object())

    def write(last, *requests):
        for back, number in enumerate(reversed(requests)):
            month = next_month(last, -back)
            sums = {"Total_Item_Requests": 50_000}
            document = Month(month, "closed", 1, NOW.isoformat(), NOW.isoformat(), sums, 1)
            shared_month(search_client, month).change(lambda source, new=document: new.as_source(), 1)
            name = f"{index_prefix}{names.counter_usage_index(month, 1)}"
            search_client.indices.create(index=f"{name}-x", body={**BODY_WITH_FIELDS, "aliases": {name: {}}})
            usage = {"item_id": "i1", "institution": "c1", "total_item_requests": number}
            search_client.index(index=f"{name}-x", id="1", body=usage, refresh=True)

    return write


BODY_WITH_FIELDS = {
    **BODY,
    "mappings": {"properties": {"institution": {"type": "keyword"}, "total_item_requests": {"type": "long"}}},
}


@pytest.fixture
def find(search_client):
    def run():
        examine_new_days(search_client, NOW)
        return [
            (found.period, found.what, found.value, found.number, found.usual, found.spike)
            for found in read_anomalies(search_client)
            if not found.is_day
        ]

    return run


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        pytest.param([200] * 12 + [700], [(LAST, "repository", "", 700, 200, "high")], id="high"),
        pytest.param([200] * 12 + [698], [], id="not so high"),
        pytest.param([2_000] * 12 + [18], [(LAST, "repository", "", 18, 2_000, "low")], id="low"),
        pytest.param([200] * 2 + [9_000], [], id="too early to tell"),
        pytest.param([8_000, *[200] * 12, 700], [(LAST, "repository", "", 700, 200, "high")], id="thirteen months ago"),
    ],
)
def test_the_repository(monthly, find, uses, expected):
    monthly(*uses)
    assert find() == expected


def test_a_month_is_judged_when_it_is_over(monthly, find, search_client, index_prefix):
    monthly(*[200] * 12, 9_000)
    conftest.History(search_client, index_prefix).count_up_to(NOW.replace(month=6, day=30))
    assert find() == []


def test_customers_in_the_last_closed_month(monthly, closed, find):
    """It may be the month before the last finished one, and The World is the repository."""
    monthly(*[200] * 13)
    closed("2026-05", *[100] * 12, 400)
    assert find() == find() == [("2026-05", "customer", "c1", 400, 100, "high")]


def test_customers_without_reports_have_no_months(monthly, closed, find, app, monkeypatch):
    monthly(*[200] * 13)
    closed("2026-05", *[100] * 12, 400)
    monkeypatch.setattr(app.extensions["invenio-stats"], "counter_platform", None)
    assert find() == []
