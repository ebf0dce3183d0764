"""Block writes to indices that are about to be deleted, so that no event is stored after it was looked at.

The names are kept first: the next run allows writes again to what a run that was killed has left.
"""

from collections.abc import Iterable
from typing import Any

from invenio_stats.completeness.index import shared_document
from invenio_stats.errors import StatsError
from invenio_stats.processing import month_indices
from invenio_stats.search.aliases import split_for_urls
from invenio_stats.search.versions import Source

_ATTEMPTS = 5


class WriteBlocks:
    """The indices of a group that its run has blocked."""

    def __init__(self, client: Any, name: str):
        """Read which indices an earlier run has left; `name` is that of the group."""
        self._client = client
        self._document = shared_document(client, name)

    def put(self, indices: Iterable[str]) -> None:
        """Block some indices, except for those that others have blocked; then what was written can be found."""
        wanted = sorted(indices)
        others = self._find_blocked(wanted)
        self._keep([index for index in wanted if index not in others])
        for part in split_for_urls(wanted):
            month_indices.block_writes(self._client, ",".join(part))
            self._client.indices.refresh(index=",".join(part))

    def lift(self) -> None:
        """Allow writes again to the indices that are left."""
        blocked = self._document.source.get("blocked", ())
        for part in split_for_urls(blocked):
            month_indices.allow_writes(self._client, ",".join(part))
        if blocked:
            self._keep([])

    def _find_blocked(self, indices: list[str]) -> set[str]:
        found = {}
        for part in split_for_urls(indices):
            found |= self._client.indices.get_settings(
                index=",".join(part), name="index.blocks.write", flat_settings=True, ignore_unavailable=True
            )
        return {index for index, about in found.items() if month_indices.is_blocked({"settings": {}, **about})}

    def _keep(self, indices: list[str]) -> None:
        def change(source: Source) -> Source | None:
            return {"blocked": indices} if source.get("blocked", []) != indices else None

        if not self._document.change(change, _ATTEMPTS):
            raise StatsError("Another run deletes the same events. Let it finish.")
