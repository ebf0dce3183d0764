"""Typed definitions of event types, aggregations and queries, parsed from the STATS_* dicts."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.intervals import Interval

Stage = Literal["web", "worker"]


class Pseudonymization(NamedTuple):
    """How the events of one type are pseudonymized."""

    stage: Stage
    keeps_user_id: bool
    """Whether `user_id` stays in the event, because its preprocessors do not include `anonymize_user`."""
    window: int
    """Double-click window in seconds; events so close after midnight also get the key under the previous day's salt."""


class EventDefinition(NamedTuple):
    """One event type: how its events are built, queued and stored."""

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
        """Return the definition with its queue, which is also passed to `cls` as a parameter."""
        return self._replace(queue=queue, params={"queue": queue, **self.params})


class AggregationDefinition(NamedTuple):
    """One aggregation: it turns the raw events of a type into one total for each item and interval."""

    name: str
    templates: str | None
    cls: type
    params: Mapping[str, Any]
    totals_alias: str | None = None
    """Alias of the aggregation's totals, without the instance's prefix."""
    interval: Interval | None = None
    """Interval of a total. Both are None if the class overrides the constructor, so that only its objects know them."""
    exclusive: bool = False
    """Whether no other aggregation may write totals to the same indices under the same ids."""

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types that are counted, as far as the parameters name them."""
        event, events = self.params.get("event"), self.params.get("events")
        return tuple(events) if events else (str(event),) if event else ()


class QueryDefinition(NamedTuple):
    """One query: it turns totals into an answer."""

    name: str
    cls: type
    permission_factory: Callable[..., Any] | None
    """None where the entry has none: an instance's own factory asks it, and would call itself if it stood here."""
    params: Mapping[str, Any]
