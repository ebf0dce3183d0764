"""Definitions: the typed form of the STATS_* dicts."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from invenio_stats.core.double_clicks import DEFAULT_WINDOW

Stage = Literal["web", "worker"]


class Pseudonymization(NamedTuple):
    """How the events of one type are pseudonymized."""

    stage: Stage
    keeps_user_id: bool
    """Whether `user_id` stays in the event: its chain has no `anonymize_user`, so it counts with it."""
    window: int
    """Seconds of a double click, in which an event carries its key of the day before too."""


class EventDefinition(NamedTuple):
    """One event type: how its events are made, carried and stored."""

    name: str
    templates: str | None
    cls: type
    params: Mapping[str, Any]
    signal: Any = None
    builders: tuple[Callable[..., Any], ...] = ()
    usage: bool = False
    pseudonymization: Pseudonymization = Pseudonymization("web", keeps_user_id=False, window=DEFAULT_WINDOW)
    queue: Any = None

    def on(self, queue: Any) -> "EventDefinition":
        """Return the definition with its queue, which is a parameter of `cls` as well."""
        return self._replace(queue=queue, params={"queue": queue, **self.params})


class AggregationDefinition(NamedTuple):
    """One aggregation: raw events of a type to totals of a thing and interval."""

    name: str
    templates: str | None
    cls: type
    params: Mapping[str, Any]


class QueryDefinition(NamedTuple):
    """One query: totals to answers."""

    name: str
    cls: type
    permission_factory: Callable[..., Any] | None
    """None where the entry has none: an instance's own factory asks it, and would call itself if it stood here."""
    params: Mapping[str, Any]
