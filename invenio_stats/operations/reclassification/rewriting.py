"""Rewrite the clicks of some visitors as if their user agents always had the classes of now."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invenio_stats.core.reclassification import Classifications, StoredClick, plan_steps, reclassify
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.operations.raw_events import Change, EventType, map_fields, refresh, write_changes
from invenio_stats.operations.reclassification.outdated_events import Clicks, Group, load_groups

_ROUNDS = 10
"""Attempts to bring a page to the end while workers store further clicks of the same visitors."""


@dataclass(frozen=True)
class Rewriting:
    """Rewrites groups of clicks of one event type."""

    client: Any
    event_type: EventType
    known: Classifications
    clock: Callable[[], datetime]

    def compare(self, index: str, groups: Iterable[Group]) -> Iterator[tuple[Clicks, list[StoredClick]]]:
        """Yield the clicks of each group, and what they have to be."""
        for clicks in load_groups(self.client, index, groups):
            if clicks:
                stored = [click for click, _version in clicks.values()]
                yield clicks, reclassify(stored, self.known, self.event_type.window)

    def rewrite(self, index: str, groups: Sequence[Group]) -> None:
        """Write what has to be another, until a look at all clicks finds nothing that is.

        A worker that stores a click beside one that is rewritten has either been seen by that look, or sees what was
        rewritten: it looks at the neighbours of a click after it has stored it. EngineUnavailableError if the engine
        refuses, or the clicks keep changing.
        """
        refused = map_fields(self.client, index)
        for _round in range(_ROUNDS):
            refresh(self.client, self.event_type)
            if not self._write(index, groups, refused):
                return
        raise EngineUnavailableError(f"Events in {index!r} keep changing. Run the command again.")

    def _write(self, index: str, groups: Sequence[Group], refused: frozenset[str]) -> bool:
        """Write the differences; return False if there are none."""
        steps: tuple[list[Change], ...] = ([], [], [])
        for clicks, final in self.compare(index, groups):
            stored = [click for click, _version in clicks.values()]
            for changes, step in zip(steps, self._plan(clicks, stored, final, refused), strict=True):
                changes += step
        for number, changes in enumerate(steps):
            if changes and write_changes(self.client, changes, self.clock()) == "conflict":
                return True  # what was to lose clicks must not, as long as another may not have got them
            if number == 0 and changes:
                return True  # read again: what was written first has new versions
        return any(steps)

    def _plan(
        self, clicks: Clicks, stored: Sequence[StoredClick], final: Sequence[StoredClick], refused: frozenset[str]
    ) -> Iterator[list[Change]]:
        """Yield the changes of each step; what an index refuses of a document is no difference."""

        def clean(click: StoredClick) -> StoredClick:
            if not refused:
                return click
            return click._replace(source={name: value for name, value in click.source.items() if name not in refused})

        *writes, deletes = plan_steps(stored, [clean(click) for click in final])
        for step in writes:
            yield [_change(clean(click), clicks) for click in step]
        yield [_change(click, clicks)._replace(source=None) for click in deletes]


def _change(click: StoredClick, clicks: Clicks) -> Change:
    known = clicks.get(click[:2])
    return Change(click.index_name, click.document_id, click.source, known[1] if known else None)
