"""Write, publish and delete the indices with the usage of closed months."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.counter_months import MonthUsage
from invenio_stats.core.item_usage import ITEM_NUMBERS
from invenio_stats.errors import MonthUnfinishedError
from invenio_stats.search.aliases import indices_of
from invenio_stats.search.bulk import index_all
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.indices import create_index

BODY: mappings.Body = {
    "settings": mappings.COUNTER_USAGE_SETTINGS,
    "mappings": mappings.mappings(mappings.COUNTER_USAGE_FIELDS),
}


class Revision(NamedTuple):
    """One revision of a month, named as its index names it."""

    month: str
    number: int

    @property
    def index(self) -> str:
        """The index with its usage."""
        return prefix_index(names.counter_usage_index(self.month, self.number))


class Sums(NamedTuple):
    """What an index contains."""

    documents: int
    numbers: Mapping[str, int]
    """By field."""


def list_revisions(client: Any, month: str = "*") -> list[Revision]:
    """Return the revisions of a month, or of all months, that have an index."""
    pattern = prefix_index(f"{names.COUNTER_USAGE}-{month}-r*")
    matches = (re.search(r"-(\d{4}-\d{2})-r(\d+)$", index) for index in indices_of(client, pattern))
    return sorted(Revision(match[1], int(match[2])) for match in matches if match)


class NewRevision:
    """The index of a revision that is being written: readers do not know it until it is published.

    It is written by an alias that only the owner of the lease knows. If another process has taken over, it has deleted
    the index, and a late write of this one finds no such alias.
    """

    def __init__(self, client: Any, revision: Revision, token: str):
        """Take the token of the lease."""
        self.client = client
        self.revision = revision
        self._alias = prefix_index(f"{names.COUNTER_PREFIX}closing-{token}")

    def create(self) -> None:
        """Create the empty index; what a killed process has left of it is deleted."""
        self.discard()
        if not create_index(self.client, self.revision.index, BODY, {self._alias: {}}):
            raise MonthUnfinishedError(f"{self.revision.index} exists already. Run the command again.")

    def write(self, documents: Iterable[tuple[str, MonthUsage]]) -> None:
        """Write documents, given by id."""
        sources = ((document_id, usage.as_source()) for document_id, usage in documents)
        index_all(self.client, self._alias, sources, require_alias=True)

    def sum_up(self) -> Sums:
        """Return what was written."""
        self.client.indices.refresh(index=self.revision.index)
        return sum_up(self.client, self.revision)

    def publish(self) -> None:
        """Put the index in the place of the revision before, in one request, and delete those before that."""
        alias, own = prefix_index(names.COUNTER_USAGE), self.revision
        others = [revision for revision in list_revisions(self.client, own.month) if revision.number < own.number]
        actions: list[dict[str, Any]] = [
            {"add": {"index": own.index, "alias": alias}},
            {"remove": {"index": own.index, "alias": self._alias, "must_exist": True}},
        ]
        for revision in others:
            if revision.number == own.number - 1:
                if alias in self.client.indices.get_alias(index=revision.index)[revision.index]["aliases"]:
                    actions.append({"remove": {"index": revision.index, "alias": alias}})
            else:
                actions.append({"remove_index": {"index": revision.index}})
        self.client.indices.update_aliases(body={"actions": actions})

    def discard(self) -> None:
        """Delete the index, if it exists, and have the alias name the revision before it again."""
        existing = [revision.number for revision in list_revisions(self.client, self.revision.month)]
        if self.revision.number not in existing:
            return
        actions: list[dict[str, Any]] = [{"remove_index": {"index": self.revision.index}}]
        before = self.revision._replace(number=self.revision.number - 1)
        if before.number in existing:
            actions.append({"add": {"index": before.index, "alias": prefix_index(names.COUNTER_USAGE)}})
        self.client.indices.update_aliases(body={"actions": actions})


def sum_up(client: Any, revision: Revision) -> Sums:
    """Return the number of documents in a revision, and the sums of their numbers."""
    aggs = {name: {"sum": {"field": name}} for name in ITEM_NUMBERS}
    answer = search(SearchRequest(client, revision.index, {"size": 0, "track_total_hits": True, "aggs": aggs}))
    found = answer.get("aggregations", {})
    total = answer["hits"]["total"]
    documents = total["value"] if isinstance(total, Mapping) else total
    return Sums(int(documents), {name: int(found.get(name, {}).get("value") or 0) for name in ITEM_NUMBERS})
