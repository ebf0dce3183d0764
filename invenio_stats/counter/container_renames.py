"""Note which containers are being renamed: from then on reports show all items of each with the new title.

The items of a container are written page by page. Whoever reads them meanwhile, or after the process was killed, puts
the new title in place of the old one; the next close finishes what was begun.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.errors import MonthUnfinishedError
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import read_open
from invenio_stats.search.versions import SharedDocument, Source

BODY: mappings.Body = {
    "settings": mappings.INDEX_SETTINGS,
    "mappings": mappings.mappings(mappings.COUNTER_ITEM_FIELDS),
}

Titles = dict[str, str]
"""Title by container key."""

_ATTEMPTS = 20
_LONGEST_PAUSE = 0.05


_ID = names.document_id("renames")


def read_renames(client: Any) -> Titles:
    """Return the new titles of the containers that are being renamed; none if the index is closed or does not exist."""
    (found,) = read_open(client, [{"_index": prefix_index(names.COUNTER_ITEMS), "_id": _ID}])
    return _titles_in(found.get("_source", {}))


class ContainerRenames:
    """The containers that are being renamed, as this process has read and changed them."""

    def __init__(self, client: Any):
        """Read them."""
        index = prefix_index(names.COUNTER_ITEMS)
        create = partial(create_index, client, index, BODY)
        self._document = SharedDocument(client, index, _ID, create)

    @property
    def titles(self) -> Titles:
        """Their new titles."""
        return _titles_in(self._document.source)

    def begin(self, titles: Titles, updated: str) -> None:
        """Add some; reports that were made before are no longer up to date."""
        self._change(lambda source: {"metadata": {**_titles_in(source), **titles}, "updated": updated})

    def end(self, titles: Titles) -> None:
        """Remove some, unless another process has begun to rename them otherwise."""

        def without(source: Source) -> Source:
            left = {key: title for key, title in _titles_in(source).items() if titles.get(key) != title}
            return {**source, "metadata": left}

        self._change(without)

    def _change(self, make: Callable[[Source], Source]) -> None:
        if not self._document.change(make, _ATTEMPTS, _LONGEST_PAUSE):
            raise MonthUnfinishedError("Containers are renamed by others all the time. Run the command again later.")


def _titles_in(source: Source) -> Titles:
    """Return the titles in the document; under `metadata`, whose fields the index does not search."""
    return dict(source.get("metadata", {}))
