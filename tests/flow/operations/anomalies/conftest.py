"""Ten weeks of totals, as aggregations would have written them, and raw events of a day."""

import copy
from collections import defaultdict
from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.contrib import config as shipped
from invenio_stats.core import mappings, names

NOW = datetime.now(timezone.utc).replace(hour=2, minute=30, second=0, microsecond=0)
DAY = (NOW - timedelta(days=1)).date()


def weeks_before(count):
    return DAY - timedelta(weeks=count)


class History:
    """Writes totals, and what was counted up to."""

    def __init__(self, client, prefix):
        self.client, self.prefix = client, prefix
        self._lines = defaultdict(list)

    def items(self, day, uses):
        """Uses of items: some are views, the others are downloads."""
        for item, number in uses.items():
            document = {"item_id": item, "parent_id": item, "views": number - number // 3, "downloads": number // 3}
            self._add("stats-item-usage", mappings.ITEM_USAGE_FIELDS, day, document)

    def automated(self, day, uses):
        for agent_class, number in uses.items():
            document = {"agent_class": agent_class, "count": number}
            self._add("stats-automated-record-view", {"agent_class": mappings.KEYWORD}, day, document)

    def breakdown(self, day, dimension, uses):
        rows = [{"value": value, "investigations": number, "requests": 0} for value, number in uses.items() if value]
        rows += [{"investigations": number, "requests": 0} for value, number in uses.items() if not value]
        document = {
            "interval": "day",
            "scope": "repository",
            "dimension": dimension,
            "rows": rows,
            "other": {"investigations": 0, "requests": 0},
        }
        self._add("stats-usage-breakdown", mappings.BREAKDOWN_FIELDS, day, document)

    def events(self, uses, **fields):
        """Raw views of the day by item."""
        for item, number in uses.items():
            event = {"item_id": item, "parent_id": item, "agent_class": "browser", "visitor_id": "v", **fields}
            for _ in range(number):
                self._add("events-stats-record-view", mappings.EVENT_FIELDS, DAY, event)

    def _add(self, alias, fields, day, document):
        self._lines[alias].append((day, fields, {**document, "timestamp": f"{day}T00:00:00"}))

    def write(self):
        for alias, lines in self._lines.items():
            index = f"{self.prefix}{alias}-all"
            if not self.client.indices.exists(index=index):
                fields = {**mappings.TOTAL_FIELDS, **lines[0][1]}
                body = {"mappings": mappings.mappings(fields), "aliases": {f"{self.prefix}{alias}": {}}}
                self.client.indices.create(index=index, body=body)
            body = [part for _day, _fields, document in lines for part in ({"index": {"_index": index}}, document)]
            answer = self.client.bulk(body=body, refresh=True)
            assert not answer["errors"], answer
        self._lines.clear()
        self.count_up_to(NOW)

    def count_up_to(self, moment):
        for name in ("item-usage-agg", "usage-breakdown-agg"):
            document = {"date": moment.isoformat()}
            self.client.index(index=f"{self.prefix}{names.BOOKMARKS}", id=name, body=document, refresh=True)


@pytest.fixture(scope="module")
def aggregations_config():
    return copy.deepcopy({**shipped.AGGREGATIONS_CONFIG, **shipped.USAGE_AGGREGATIONS})


@pytest.fixture
def history(app, search_client, index_prefix):
    """The usual use of ten weeks, on the weekday of `DAY`."""
    made = History(search_client, index_prefix)
    for week in range(1, 11):
        day = weeks_before(week)
        made.items(day, {"known": 30, "rare": 2, "busy": 400})
        made.automated(day, {"robot": 500, "ai": 40})
        made.breakdown(day, "country", {"DE": 300, "FR": 20, "": 12})
        made.breakdown(day, "referrer", {"internal": 300, "wiki.example": 12})
    return made
