"""Making: one index of many, unseen until it takes their place in a single request."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from invenio_search.engine import search

from invenio_stats.errors import CompactionError
from invenio_stats.operations.compaction.index_bodies import all_properties, settings_like, taking_over
from invenio_stats.operations.compaction.plans import Plan
from invenio_stats.processing import month_indices
from invenio_stats.processing.month_indices import About
from invenio_stats.search.failures import CONFLICT, classify_item, error_type, is_index_there

_HEARTBEAT = timedelta(minutes=1)
_PATIENCE = 120
"""Seconds to wait for an answer: these requests may have a lot to do."""

Document = Mapping[str, Any]


class TargetIndex:
    """The index in the making, known by its mark: whoever takes that away stops the work at the next step."""

    def __init__(self, client: Any, plan: Plan, clock: Callable[[], datetime]):
        """Make what a plan says."""
        self.client = client
        self.target = plan.target
        self._plan = plan
        self._clock = clock
        self._renewed = clock()
        self.lease = month_indices.new_lease(plan.name, self._renewed)

    def create(self) -> None:
        """Make the index, empty, without any name that somebody could read or write it by."""
        newest = self._sources()[self._plan.sources[-1]]
        body = {"settings": settings_like(newest), "mappings": newest["mappings"], "aliases": {self.lease: {}}}
        try:
            self.client.indices.create(index=self.target, body=body)
        except search.exceptions.RequestError as error:
            if not is_index_there(error):
                raise
            raise CompactionError(f"Somebody has just made {self.target}. Run the command again.") from error
        # Templates have put their aliases on it; it is empty yet, so nobody has seen anything.
        names = set(self.client.indices.get_alias(index=self.target)[self.target]["aliases"]) - {self.lease}
        if names:
            removals = [{"remove": {"index": self.target, "alias": name}} for name in sorted(names)]
            self.client.indices.update_aliases(body={"actions": removals})

    def stop_writes(self) -> None:
        """Block writes to the sources, wait for those on their way, and let all of it be found."""
        for index in self._plan.sources:
            _block(self.client, index)
            self.client.indices.refresh(index=index)
        self.client.indices.put_mapping(
            index=self.target, body={"properties": all_properties(self._sources().values())}
        )

    def keep_alive(self) -> None:
        """Give a sign of life; CompactionError where another run has taken the work over."""
        now = self._clock()
        if now - self._renewed > _HEARTBEAT:
            lease = month_indices.new_lease(self._plan.name, now)
            month_indices.renew(self.client, self.target, self.lease, lease)
            self.lease, self._renewed = lease, now

    def write(self, operation: str, documents: Iterable[tuple[str, Document]]) -> list[str]:
        """Write documents; return the ids of those that were there, where they are to be created."""
        self.keep_alive()
        # By the mark: should somebody take the index away, no other one comes into being by writing.
        actions = [
            {"_op_type": operation, "_index": self.lease, "_id": document_id, "_source": source}
            for document_id, source in documents
        ]
        _, errors = search.helpers.bulk(
            self.client, actions, raise_on_error=False, max_retries=5, require_alias=True, request_timeout=_PATIENCE
        )
        outcomes = [next(iter(error.values())) for error in errors]
        for one in outcomes:
            if classify_item(one) is not CONFLICT:
                raise CompactionError(f"A document cannot be copied to {self.target}: {error_type(one)}.")
        return [one["_id"] for one in outcomes]

    def read(self, document_ids: list[str]) -> list[Document]:
        """Return documents of the index, which are there."""
        found = self.client.mget(index=self.lease, body={"ids": document_ids})["docs"]
        return [one["_source"] for one in found]

    def replace_sources(self) -> None:
        """Put the index in the place of its sources, at one stroke; CompactionError where one of them has changed."""
        self.keep_alive()
        sources = self._sources()
        open_ones = [name for name, about in sources.items() if not month_indices.is_blocked(about)]
        if open_ones:
            raise CompactionError(f"Somebody has opened {open_ones[0]} for writing. Run the command again.")
        actions = [
            *taking_over(self.target, self._plan.alias, sources),
            month_indices.release_action(self.target, self.lease),
        ]
        self.client.indices.update_aliases(body={"actions": actions}, request_timeout=_PATIENCE)

    def abandon(self) -> None:
        """Undo it: the sources can be written to again, and the index is gone."""
        month_indices.abandon(self.client, self._plan.alias, self.target, self.lease, self._clock())

    def _sources(self) -> dict[str, About]:
        found = month_indices.siblings(self.client, self._plan.name)
        missing = [index for index in self._plan.sources if index not in found]
        if missing:
            raise CompactionError(f"{missing[0]} has gone. Run the command again.")
        return {index: found[index] for index in self._plan.sources}


def show(client: Any, index: str) -> None:
    """Let patterns find an index."""
    client.indices.put_settings(index=index, body={"index.hidden": None})


def _block(client: Any, index: str) -> None:
    try:
        client.indices.add_block(index=index, block="write")  # waits for the writes on their way
    except search.exceptions.RequestError:  # the embedded engine has no such request, and one write at a time
        client.indices.put_settings(index=index, body={"index.blocks.write": True})
