"""Create, fill and publish the target index of a compaction, which replaces its sources in a single request."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from invenio_search.engine import search

from invenio_stats.core.mappings import BOOLEAN, WAS_DOUBLED
from invenio_stats.errors import CompactionError
from invenio_stats.operations.compaction.index_bodies import all_properties, replace_actions, settings_like
from invenio_stats.operations.compaction.plans import Plan
from invenio_stats.processing import month_indices
from invenio_stats.processing.month_indices import IndexInfo
from invenio_stats.search.failures import CONFLICT, classify_item, error_type, is_index_there

_HEARTBEAT_INTERVAL = timedelta(minutes=1)
_REQUEST_SECONDS = 120
"""Time-out of requests that process many documents."""

Document = Mapping[str, Any]


class TargetIndex:
    """The target index of a compaction with its lease; if another run takes the lease, the next request here fails."""

    def __init__(self, client: Any, plan: Plan, clock: Callable[[], datetime]):
        """Take the plan and a new lease; nothing is created yet."""
        self.client = client
        self.target = plan.target
        self._plan = plan
        self._clock = clock
        self._renewed = clock()
        self.lease = month_indices.new_lease(plan.name, self._renewed)

    def create(self) -> None:
        """Create the empty index, with its lease as the only alias, so that no search or worker uses it."""
        newest = self._sources()[self._plan.sources[-1]]
        body = {"settings": settings_like(newest), "mappings": newest["mappings"], "aliases": {self.lease: {}}}
        try:
            self.client.indices.create(index=self.target, body=body)
        except search.exceptions.RequestError as error:
            if not is_index_there(error):
                raise
            raise CompactionError(f"Another run has just created {self.target}. Run the command again.") from error
        # Index templates have added their aliases. The index is still empty, so no search has found anything in it.
        names = set(self.client.indices.get_alias(index=self.target)[self.target]["aliases"]) - {self.lease}
        if names:
            removals = [{"remove": {"index": self.target, "alias": name}} for name in sorted(names)]
            self.client.indices.update_aliases(body={"actions": removals})

    def stop_writes(self) -> None:
        """Block writes to the sources, wait for pending ones, and refresh; then complete the mapping of the target."""
        for index in self._plan.sources:
            month_indices.block_writes(self.client, index)
            self.client.indices.refresh(index=index)
        properties = {**all_properties(self._sources().values()), WAS_DOUBLED: BOOLEAN}
        self.client.indices.put_mapping(index=self.target, body={"properties": properties})

    def keep_alive(self) -> None:
        """Renew the lease once a minute; CompactionError if another run has taken it."""
        now = self._clock()
        if now - self._renewed > _HEARTBEAT_INTERVAL:
            lease = month_indices.new_lease(self._plan.name, now)
            month_indices.renew(self.client, self.target, self.lease, lease)
            self.lease, self._renewed = lease, now

    def write(self, operation: str, documents: Iterable[tuple[str, Document]]) -> list[str]:
        """Write documents; return the ids of those that already exist if the operation is "create"."""
        self.keep_alive()
        # Written to the lease's alias: if another run has taken the lease, the write fails and creates no new index.
        actions = [
            {"_op_type": operation, "_index": self.lease, "_id": document_id, "_source": source}
            for document_id, source in documents
        ]
        _, errors = search.helpers.bulk(
            self.client,
            actions,
            raise_on_error=False,
            max_retries=5,
            require_alias=True,
            request_timeout=_REQUEST_SECONDS,
        )
        failures = [next(iter(error.values())) for error in errors]
        for failure in failures:
            if classify_item(failure) is not CONFLICT:
                raise CompactionError(f"A document cannot be copied to {self.target}: {error_type(failure)}.")
        return [failure["_id"] for failure in failures]

    def read(self, document_ids: list[str]) -> list[Document]:
        """Return existing documents of the index by id."""
        answers = self.client.mget(index=self.lease, body={"ids": document_ids})["docs"]
        return [answer["_source"] for answer in answers]

    def replace_sources(self) -> None:
        """Replace the sources by the index in one request; CompactionError if a source is gone or accepts writes."""
        self.keep_alive()
        sources = self._sources()
        writable = [name for name, about in sources.items() if not month_indices.is_blocked(about)]
        if writable:
            raise CompactionError(f"The write block of {writable[0]} was removed. Run the command again.")
        actions = [
            *replace_actions(self.target, self._plan.alias, sources),
            month_indices.release_action(self.target, self.lease),
        ]
        self.client.indices.update_aliases(body={"actions": actions}, request_timeout=_REQUEST_SECONDS)

    def abandon(self) -> None:
        """Delete the index, and let the sources accept writes again."""
        month_indices.abandon(self.client, self._plan.alias, self.target, self.lease, self._clock())

    def _sources(self) -> dict[str, IndexInfo]:
        siblings = month_indices.siblings(self.client, self._plan.name)
        missing = [index for index in self._plan.sources if index not in siblings]
        if missing:
            raise CompactionError(f"{missing[0]} no longer exists. Run the command again.")
        return {index: siblings[index] for index in self._plan.sources}


def show(client: Any, index: str) -> None:
    """Make an index visible to index patterns."""
    client.indices.put_settings(index=index, body={"index.hidden": None})
