"""Write, publish and delete the indices with the usage of closed months.

The name of a revision is an alias. Its index is named after the lease of the process that has written it, too, so that
no process ever deletes or writes the index of another one with the same revision.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.counter_months import MonthUsage
from invenio_stats.core.item_usage import ITEM_NUMBERS
from invenio_stats.counter.closing.month_lease import MonthLease
from invenio_stats.errors import MonthUnfinishedError
from invenio_stats.search.bulk import index_all
from invenio_stats.search.clauses import sums_of
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.indices import create_index

BODY: mappings.Body = {
    "settings": mappings.COUNTER_USAGE_SETTINGS,
    "mappings": mappings.mappings(mappings.COUNTER_USAGE_FIELDS),
}


class Revision(NamedTuple):
    """One revision of a month."""

    month: str
    number: int

    @property
    def name(self) -> str:
        """The name by which its usage is read."""
        return prefix_index(names.counter_usage_index(self.month, self.number))


class UsageIndex(NamedTuple):
    """An index of a revision, of which there may be several until one of them is published."""

    revision: Revision
    index: str
    aliases: frozenset[str]


class Sums(NamedTuple):
    """What an index contains."""

    documents: int
    numbers: Mapping[str, int]
    """By field."""


def list_indices(client: Any, month: str = "*") -> list[UsageIndex]:
    """Return the indices of a month, or of all months, in the order of their revisions."""
    found = client.indices.get_alias(index=prefix_index(f"{names.COUNTER_USAGE}-{month}-r*"))
    matches = ((re.search(r"-(\d{4}-\d{2})-r(\d+)-\w+$", index), index) for index in found)
    return sorted(
        UsageIndex(Revision(match[1], int(match[2])), index, frozenset(found[index]["aliases"]))
        for match, index in matches
        if match
    )


class NewRevision:
    """The index of a revision that is being written: readers do not know it until it is published."""

    def __init__(self, client: Any, revision: Revision, lease: MonthLease):
        """Take the lease of the month."""
        self.client = client
        self.revision = revision
        self.index = f"{revision.name}-{lease.token}"
        self._lease = lease
        self._writing = prefix_index(f"{names.COUNTER_PREFIX}writing-{lease.token}")

    def create(self) -> None:
        """Create the empty index; what killed processes have left of this revision is deleted."""
        self.discard()
        # Written by an alias: once the index is deleted by the next process, a late write must not create it again.
        if not create_index(self.client, self.index, BODY, {self._writing: {}}):
            raise MonthUnfinishedError(f"{self.index} exists already. Run the command again.")

    def write(self, documents: Iterable[tuple[str, MonthUsage]]) -> None:
        """Write documents, given by id."""
        sources = ((document_id, usage.as_source()) for document_id, usage in documents)
        index_all(self.client, self._writing, sources, require_alias=True)

    def sum_up(self) -> Sums:
        """Return what was written."""
        self.client.indices.refresh(index=self.index)
        return sum_up(self.client, self.index)

    def publish(self) -> None:
        """Give the index its names and take the month's from the revision before; delete those before that.

        One request. If another process has the lease by now, it has deleted the index, and the request fails.
        """
        alias, before = prefix_index(names.COUNTER_USAGE), self.revision.number - 1
        actions: list[dict[str, Any]] = [
            {"add": {"index": self.index, "alias": self.revision.name}},
            {"add": {"index": self.index, "alias": alias}},
            {"remove": {"index": self.index, "alias": self._writing, "must_exist": True}},
        ]
        for known in list_indices(self.client, self.revision.month):
            if known.revision.number < before:
                actions.append({"remove_index": {"index": known.index}})
            elif known.revision.number == before and alias in known.aliases:
                actions.append({"remove": {"index": known.index, "alias": alias}})
        self._lease.renew()  # whoever takes it over from now on finds the index, and deletes it
        self.client.indices.update_aliases(body={"actions": actions})

    def discard(self) -> None:
        """Delete all indices of this revision; the month's alias names the revision before it again."""
        known = list_indices(self.client, self.revision.month)
        # After the list: what another process creates when it has taken over the lease is not on it.
        self._lease.renew()
        alias = prefix_index(names.COUNTER_USAGE)
        before = [found.index for found in known if found.revision.number == self.revision.number - 1]
        for unfinished in (found for found in known if found.revision == self.revision):
            if before and alias in unfinished.aliases:
                back = {"remove": {"index": unfinished.index, "alias": alias, "must_exist": True}}
                actions = [back, *({"add": {"index": index, "alias": alias}} for index in before)]
                self.client.indices.update_aliases(body={"actions": actions})
            self.client.indices.delete(index=unfinished.index, ignore=[404])


def sum_up(client: Any, index: str) -> Sums:
    """Return the number of documents in an index of usage, and the sums of their numbers."""
    body = {"size": 0, "track_total_hits": True, "aggs": sums_of(ITEM_NUMBERS)}
    answer = search(SearchRequest(client, index, body))
    found = answer.get("aggregations", {})
    total = answer["hits"]["total"]
    documents = total["value"] if isinstance(total, Mapping) else total
    return Sums(int(documents), {name: int(found.get(name, {}).get("value") or 0) for name in ITEM_NUMBERS})
