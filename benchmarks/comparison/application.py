"""Create an Invenio application with the installed `invenio_stats`, and do what the stages measure.

Only what the package documents as its interface is used, so that any implementation of it can be measured.
"""

import importlib
import tempfile
import time
from importlib.metadata import version
from typing import Any

from comparison.measuring import Measure, Meter
from comparison.settings import settings
from comparison.workload import TYPES, by_type

AGGREGATIONS = [f"{kind}-agg" for kind in TYPES]

meter = Meter()


class Bench:
    """The application that is measured, in its context."""

    app: Any
    client: Any
    """Of the search engine."""
    prefix: str
    _watching: Any = None

    def open(
        self, urls: dict[str, str], pids: dict[str, int], prefix: str, country_database: str | None = None
    ) -> Measure:
        """Make the application and place its templates and queues."""
        from invenio_app.factory import create_api

        meter.servers = pids
        self.prefix = prefix
        self._folder = tempfile.TemporaryDirectory(prefix="invenio-stats-bench-")
        self.app = create_api(instance_path=self._folder.name, **settings(urls, prefix, country_database))
        self.app.app_context().push()
        from invenio_queues.proxies import current_queues
        from invenio_search import current_search, current_search_client

        self.client = current_search_client
        self._urls, self._queues = urls, current_queues
        list(current_search.put_templates(ignore=[400]))
        current_queues.declare()
        package = importlib.import_module("invenio_stats")
        self._confirms = not package.__version__.startswith("7.0.")
        return {"version": package.__version__, "libraries": {name: version(name) for name in _LIBRARIES}}

    def warm(self, path: str, count: int, months: list[str], seconds: float) -> None:
        """Do each thing for a while: connections, lists, compiled code are those of processes that have long run."""
        end = time.monotonic() + seconds
        while True:
            self.empty(months)
            for kind, raw in by_type(path, count).items():
                self.stats.publish(kind, raw)
            self.wait_for(count)
            self.process()
            if time.monotonic() > end:
                break
        self.task("aggregate_events")(AGGREGATIONS)
        self.client.indices.refresh(index=f"{self.prefix}*")

    @property
    def stats(self) -> Any:
        """The state of the extension."""
        return importlib.import_module("invenio_stats").current_stats

    def task(self, name: str) -> Any:
        """Return a task of the package."""
        return getattr(importlib.import_module("invenio_stats.tasks"), name)

    def process(self) -> Any:
        """Store what waits on the queues."""
        return self.task("process_events")(list(TYPES))

    def depth(self) -> int:
        """Return how many messages wait, seen over a connection of its own."""
        if self._watching is None:
            from kombu import Connection

            self._watching = Connection(self._urls["broker"]).default_channel
        names = [f"stats-{kind}" for kind in TYPES]
        return sum(self._watching.queue_declare(name, passive=True).message_count for name in names)

    def wait_for(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many events are on the queues.

        The public release sends each in a message, and does not wait for the broker; this package has waited already.
        """
        deadline = time.monotonic() + seconds
        while not self._confirms and self.depth() < count and time.monotonic() < deadline:
            time.sleep(0.002)

    def taken(self, count: int) -> dict[str, list[dict[str, Any]]]:
        """Take the events off the queues, once so many are there."""
        self.wait_for(count)
        return {kind: list(self.stats.consume(kind)) for kind in TYPES}

    def empty(self, months: list[str]) -> None:
        """Make the indices of these months anew, from the implementation's own templates; forget the bookmarks.

        Their index stays where there is one: an instance makes it once, and no stage is to pay for it again.
        """
        bookmarks = f"{self.prefix}stats-bookmarks*"
        options = {"refresh": "true", "conflicts": "proceed", "ignore_unavailable": "true"}
        self.client.indices.refresh(index=bookmarks)
        self.client.delete_by_query(index=bookmarks, body={"query": {"match_all": {}}}, params=options)
        starts = [f"{self.prefix}{part}stats-{kind}" for kind in TYPES for part in ("events-", "")]
        for start in starts:
            for index in self.client.cat.indices(index=f"{start}-*", format="json"):
                self.client.indices.delete(index=index["index"])
        for start in starts:
            for month in months:
                self.client.indices.create(index=f"{start}-{month}")


_LIBRARIES = ("Flask", "kombu", "opensearch-py", "invenio-search", "invenio-queues", "counter-robots")

bench = Bench()
