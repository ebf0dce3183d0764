"""Views by people whose user agents turn out to be robots', and what was counted of them."""

import copy
from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.contrib import config as shipped
from invenio_stats.operations import runner
from invenio_stats.operations.reclassification.plan import make_plan
from invenio_stats.operations.reclassification.run import run
from invenio_stats.privacy.user_agents import cache
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import process_events

NOON = (datetime.now(timezone.utc) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
PHONE = "Mozilla/5.0 (Linux; Android 14; Honeycomb 7) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
CRAWLER = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"
PATTERN = "honeycomb"


@pytest.fixture(scope="module")
def aggregations_config():
    return copy.deepcopy({**shipped.AGGREGATIONS_CONFIG, **shipped.USAGE_AGGREGATIONS})


@pytest.fixture
def lists(app, monkeypatch):
    """Return `lists(patterns, exceptions)`: begin as an application with these settings."""

    def use(patterns=(), exceptions=()):
        monkeypatch.setitem(app.config, "STATS_ROBOTS_PATTERNS", list(patterns))
        monkeypatch.setitem(app.config, "STATS_ROBOTS_EXCEPTIONS", list(exceptions))
        app.extensions.pop("invenio-stats-agents", None)

    use()
    yield use
    app.extensions.pop("invenio-stats-agents", None)


@pytest.fixture
def views(app, queues, put_templates, search_client, refresh, monkeypatch, lists):
    """Return `views(*seconds, agent, record, user, address)`: views that long after noon, processed and counted."""
    monkeypatch.setattr(cache, "_noted", {})
    monkeypatch.setattr(cache, "_waiting", {})

    def see(*seconds, agent=PHONE, record="1", user=None, address="192.0.2.1", start=NOON, count=True):
        events = [
            {
                "timestamp": (start + timedelta(seconds=second)).isoformat(),
                "record_id": f"uuid of {record}",
                "pid_type": "recid",
                "pid_value": record,
                "item_id": record,
                "parent_id": f"parent of {record}",
                "ip_address": address,
                "user_agent": agent,
                "user_id": user,
                "session_id": None,
                "referrer": None,
            }
            for second in seconds
        ]
        current_stats.publish("record-view", events)
        process_events(["record-view"])
        runner.store_agents()
        refresh()
        if count:
            for name in current_stats.aggregations:
                runner.aggregate_with_automated(name)

    return see


@pytest.fixture
def counted(search_client, index_prefix, refresh):
    """Return the sums of all totals: views by record, items, records, automated traffic by class."""

    def read():
        refresh()
        fields = {
            "stats-record-view": ("pid_value", "count"),
            "stats-item-usage": ("item_id", "views"),
            "stats-record-usage": ("parent_id", "views"),
            "stats-automated-record-view": ("agent_class", "count"),
        }
        found = {}
        for alias, (key, number) in fields.items():
            answer = search_client.search(index=f"{index_prefix}{alias}", body={"size": 1000}, ignore_unavailable=True)
            sums = {}
            for hit in answer["hits"]["hits"]:
                source = hit["_source"]
                sums[source[key]] = sums.get(source[key], 0) + source[number]
            found[alias.removeprefix("stats-")] = sums
        return found

    return read


@pytest.fixture
def reclassify(search_client):
    """Return `reclassify(first, last)`: plan and do it; returns the plan."""

    def do(first=None, last=None):
        plan = make_plan(search_client, first, last, clock())
        run(plan, clock)
        return plan

    return do


def clock():
    return datetime.now(timezone.utc)
