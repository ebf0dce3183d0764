"""Provide the proxy to the extension's state in the current application."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import current_app
from werkzeug.local import LocalProxy

from invenio_stats.core.customers import Customers
from invenio_stats.core.definitions import AggregationDefinition, EventDefinition, QueryDefinition

if TYPE_CHECKING:
    from invenio_stats.core.counter_deposit import DepositAccount
    from invenio_stats.core.counter_platform import Platform


class State(Protocol):
    """The interface of the extension's state that other modules may use."""

    app: Any
    exchange: Any
    events_config: Mapping[str, Any]
    aggregations_config: Mapping[str, Any]
    queries_config: Mapping[str, Any]
    event_definitions: Mapping[str, EventDefinition]
    events: Mapping[str, EventDefinition]
    aggregations: Mapping[str, AggregationDefinition]
    queries: Mapping[str, QueryDefinition]
    permission_factory: Callable[..., Any]
    monitoring_permission_factory: Callable[..., Any]
    item_resolver: Callable[..., Any] | None
    access_types: Mapping[str, str]
    customers: Customers
    counter_platform: "Platform | None"
    counter_deposit_account: "DepositAccount | None"
    counter_permission_factory: Callable[..., Any]
    is_mining_request: Callable[[Any], Any] | None
    institution_of_user: Callable[[Any], Any] | None
    access: Any
    """An `items.CheckedAccess`: what STATS_ACCESS knows."""
    item_metadata: Callable[..., Any]
    """What STATS_ITEM_METADATA knows."""
    agents_queue: Any
    objections_queue: Any

    def get_event_emitter(self, event_name: str) -> Callable[..., None] | None:
        """Return the function that builds and publishes one event."""

    def get_query(self, query_name: str) -> Any:
        """Return the query object."""

    def records_stats(self, records: Iterable[str | tuple[str, str]]) -> dict[str, dict[str, dict[str, int]]]:
        """Return the use of many records."""

    def changed_records(self, since: datetime | None = None) -> tuple[Iterator[tuple[str, str]], datetime]:
        """Return the records whose totals were written since a mark, and the next mark."""

    def publish(self, event_type: str, events: Iterable[dict[str, Any]]) -> None:
        """Publish events."""

    def consume(self, event_type: str, no_ack: bool = True, payload: bool = True) -> Iterator[Any]:
        """Yield the events on a queue."""


current_stats = cast(State, LocalProxy(lambda: current_app.extensions["invenio-stats"]))
"""The state of invenio-stats: see `invenio_stats.ext.InvenioStatsState`."""


def unwrap(proxy: Any) -> Any:
    """Return the object behind a proxy; anything else, such as a test's replacement of a proxy, is returned unchanged.

    Each access to a proxy looks up its object, about ten times for an event, which costs more than the accesses do.
    """
    return proxy._get_current_object() if type(proxy) is LocalProxy else proxy
