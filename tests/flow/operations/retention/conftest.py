"""Two months of use that are old enough, and two that are not, counted by all shipped aggregations of usage."""

from datetime import datetime, timezone

import pytest

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, USAGE_AGGREGATIONS
from invenio_stats.core import names
from invenio_stats.core.moments import iso
from invenio_stats.core.retention import find_deadline
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.retention.deletion import expire
from invenio_stats.operations.retention.groups import find_groups
from invenio_stats.operations.retention.plans import make_plan
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.proxies import current_stats

MONTHS = 2
OLD, KEPT = ("2026-01-05", "2026-01-31", "2026-02-10"), ("2026-03-02", "2026-04-03")
DEADLINE = "2026-03-01"
NOW = datetime(2026, 4, 20, 12, tzinfo=timezone.utc)
TOTALS = ("stats-record-view", "stats-file-download", "stats-item-usage", "stats-record-usage", "stats-usage-breakdown")


@pytest.fixture(scope="module")
def aggregations_config():
    return {**AGGREGATIONS_CONFIG, **USAGE_AGGREGATIONS}


class Site:
    """A repository with events of several months in daily indices."""

    def __init__(self, client, prefix, clock, usage, stored_totals):
        self.client, self.prefix, self.clock, self.usage = client, prefix, clock, usage
        self._stored_totals = stored_totals

    def use(self, day, **fields):
        """Store a view and a download of an item, as indexers do."""
        for event_type, more in (
            ("record-view", {}),
            ("file-download", {"size": 10, "file_id": "F", "bucket_id": "B"}),
        ):
            moment = datetime.fromisoformat(f"{day}T10:00:00+00:00")
            alias = f"{self.prefix}{names.events_alias(event_type)}"
            ensure_events_index(self.client, alias, moment, now=moment)
            document = {
                "timestamp": f"{day}T10:00:00",
                "unique_id": "u1",
                "item_id": "i1",
                "parent_id": "p1",
                "country": "DE",
                "visitor_id": "v1",
                "unique_session_id": "s1",
                "is_robot": False,
                "is_machine": False,
                "updated_timestamp": self.clock.now.isoformat(),
                **more,
                **fields,
            }
            self.client.index(index=names.events_index(alias, moment), body=document)
        self.refresh()

    def count(self):
        """Bring all totals up to date."""
        self.refresh()
        for name in current_stats.aggregations:
            for aggregator in make_aggregators(name).values():
                aggregator.run()
                self.refresh()

    def refresh(self):
        self.client.indices.refresh(index=f"{self.prefix}*", ignore_unavailable=True)

    def totals(self):
        """Return all totals, without the moments at which they were written."""
        return {
            (alias, key): {field: value for field, value in total.items() if field != "updated_timestamp"}
            for alias in TOTALS
            for key, total in self._stored_totals(alias).items()
        }

    def days(self, event_type="record-view"):
        """Return the days of all raw events, counted or not."""
        self.refresh()
        index = f"{self.prefix}events-stats-{event_type}-*"
        hits = self.client.search(index=index, body={"size": 1000}, ignore_unavailable=True)["hits"]["hits"]
        return sorted(hit["_source"]["timestamp"][:10] for hit in hits)

    def first_complete_day(self, event_type="record-view"):
        day = FirstCompleteDay(self.client, event_type).get()
        return day and iso(day)[:10]

    @property
    def deadline(self):
        return find_deadline(self.clock.now, MONTHS)

    @property
    def group(self):
        return next(group for group in find_groups() if "record-view" in group.event_types)

    def plan(self):
        return make_plan(self.client, self.group, self.deadline, self.clock.now)

    def expire(self):
        return expire(self.client, self.group, self.deadline, lambda: self.clock.now)

    def blocked(self):
        found = self.client.indices.get_settings(index=f"{self.prefix}events-*", flat_settings=True)
        return [index for index, about in found.items() if about["settings"].get("index.blocks.write") == "true"]


@pytest.fixture
def site(search_client, put_templates, index_prefix, clock, usage, stored_totals):
    """Return the site, without any event."""
    clock.now = NOW
    return Site(search_client, index_prefix, clock, usage, stored_totals)


@pytest.fixture
def counted(site):
    """Return the site with events that all totals hold."""
    for day in (*OLD, *KEPT):
        site.use(day)
    site.clock.forward(minutes=10)
    site.count()
    site.clock.forward(minutes=10)
    site.count()
    return site
