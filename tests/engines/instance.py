"""The instance that the pass works on: what it asks, what happens on it, and its commands."""

import json
from datetime import datetime, timezone

from invenio_search.engine import SEARCH_DISTRIBUTION, search
from invenio_search.proxies import current_search

from invenio_stats import processors
from invenio_stats.cli import stats
from invenio_stats.proxies import current_stats
from invenio_stats.queries import DateHistogramQuery, TermsQuery
from invenio_stats.tasks import aggregate_events, process_events

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_VIEWS = {
    "index": "stats-record-view",
    "required_filters": {"pid_value": "pid_value"},
    "metric_fields": {"views": ("sum", "count", {}), "unique_views": ("sum", "unique_count", {})},
}
QUERIES = {
    "views": {"cls": TermsQuery, "params": _VIEWS},
    "views-over-time": {"cls": DateHistogramQuery, "params": _VIEWS},
    "views-by-record": {
        "cls": TermsQuery,
        "params": {**_VIEWS, "required_filters": {}, "aggregated_fields": ["pid_value"]},
    },
}


def view(moment, visitor, pid_value="1", agent=BROWSER):
    """Return a raw view of a record; a visitor is the last part of an address."""
    return {
        "timestamp": moment,
        "record_id": f"uuid of {pid_value}",
        "pid_type": "recid",
        "pid_value": pid_value,
        "referrer": None,
        "ip_address": f"192.0.2.{visitor}",
        "user_agent": agent,
        "user_id": None,
        "session_id": None,
    }


def download(moment, visitor):
    """Return a raw download of a file of nine bytes."""
    thing = {"bucket_id": "B", "file_id": "F", "file_key": "paper.pdf", "size": 9}
    return {**view(moment, visitor), **thing}


class Instance:
    """Publishes events and runs commands, in process."""

    def __init__(self, app, client, prefix, refresh, monkeypatch):
        self.app, self.client, self.prefix, self.refresh = app, client, prefix, refresh
        self._monkeypatch = monkeypatch

    def init(self):
        """Place the templates as `invenio index init` does.

        The command itself refuses an engine of another version than the client's; the client does not.
        """
        if is_of_its_version():
            from invenio_search.cli import index

            self._invoke(index, "init", "--force")
            return
        state = self.app.extensions["invenio-search"]
        placed = [*state.put_component_templates(), *state.put_templates(), *state.put_index_templates()]
        assert len(placed) == 4

    def publish_january(self):
        """Publish what ends as 2 views of record 1 on January 5, 1 on the 6th, 1 of record 2, and a download."""
        views = [
            view("2026-01-05T10:00:00", visitor=1),
            view("2026-01-05T10:00:07", visitor=1),  # a double click
            view("2026-01-05T10:00:00", visitor=2),
            view("2026-01-05T10:00:00", visitor=3, agent=ROBOT),
            view("2026-01-06T23:59:59", visitor=1),
            view("2026-01-06T11:00:00", visitor=1, pid_value="2"),
        ]
        current_stats.publish("record-view", views)
        current_stats.publish("file-download", [download("2026-01-06T11:00:00", visitor=1)])

    def process(self, while_open=False):
        """Store what was published; `while_open` as if the month still were written day by day."""
        with self._monkeypatch.context() as patched:
            if while_open:
                patched.setattr(processors, "datetime", Early)
            results = process_events(["record-view", "file-download"])
        self.refresh()
        assert not any("error" in result or result[1] for _, result in results), results
        return {name: stored for name, (stored, _) in results}

    def aggregate(self):
        """Count what is new; return how many totals were written of views."""
        views, downloads = results = aggregate_events(["record-view-agg", "file-download-agg"])
        assert isinstance(views, list), results
        assert isinstance(downloads, list), results
        self.refresh()
        return sum(written for written, _ in views)

    def stats(self, *arguments, code=0):
        """Run `invenio stats ... --json` and return what it says."""
        output = self._invoke(stats, *map(str, arguments), "--json", code=code)
        self.refresh()
        return json.loads(output)

    def _invoke(self, group, *arguments, code=0):
        result = self.app.test_cli_runner().invoke(group, arguments)
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout

    def totals(self):
        """Return the count of each total of views by its id."""
        found = self.client.search(index=f"{self.prefix}stats-record-view", body={"size": 100})["hits"]["hits"]
        return {hit["_id"]: hit["_source"]["count"] for hit in found}

    def events_indices(self):
        """Return what is behind the alias of the views' events, by the end of its name."""
        alias = f"{self.prefix}events-stats-record-view"
        return sorted(index.removeprefix(f"{alias}-") for index in self.client.indices.get_alias(name=alias))


class Early(datetime):
    """The clock in February, when the month before is not closed."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2026, 2, 3, tzinfo=timezone.utc)


def is_of_its_version():
    """Say whether invenio-search takes this client for this engine."""
    client, engine = search.VERSION[0], current_search.cluster_version[0]
    return client == engine or (SEARCH_DISTRIBUTION.lower(), client, engine) == ("opensearch", 2, 3)
