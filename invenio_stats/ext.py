"""Set up the extension and its state, which connects all other modules."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from flask import Flask
from invenio_queues.proxies import current_queues
from invenio_queues.queue import Queue
from invenio_search import current_search_client
from kombu import Exchange

from invenio_stats import config
from invenio_stats.broker.messages import events_in
from invenio_stats.broker.publish import publish
from invenio_stats.capture.after_response import register_after_response
from invenio_stats.core import names
from invenio_stats.core.customers import Customers
from invenio_stats.core.events import Event, IdentifiedEvent
from invenio_stats.definitions import parsing
from invenio_stats.definitions.consistency import find_inconsistencies, refuse_shared_templates
from invenio_stats.definitions.counter_settings import parse_access_types, parse_customers
from invenio_stats.definitions.numbers import check_choices, check_numbers, check_retention, check_switches
from invenio_stats.definitions.objection_settings import check_objection
from invenio_stats.definitions.parsed_settings import parsed_from
from invenio_stats.errors import ConfigurationError
from invenio_stats.items.access import CheckedAccess
from invenio_stats.items.choice import choose_access, choose_metadata
from invenio_stats.items.metadata import MetadataSource
from invenio_stats.privacy.objection import is_objecting
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.privacy.user_agents.cache import load_lists
from invenio_stats.receivers import EventEmitter, register_receivers
from invenio_stats.support.import_strings import load_callable

if TYPE_CHECKING:
    from invenio_stats.core.counter_deposit import DepositAccount
    from invenio_stats.core.counter_platform import Platform

logger = logging.getLogger(__name__)

_told: set[tuple[object, ...]] = set()
"""Faults of the configuration that are in the log of this process."""


class InvenioStatsState:
    """The object behind `current_stats`: parsed definitions, emitters and queries; it publishes and consumes events."""

    def __init__(self, app: Flask):
        """Create the state of an application."""
        self.app = app
        self.sources: dict[str, tuple[Any, ...]] = {}
        """By attribute, the settings that its value was parsed from."""

    @property
    def exchange(self) -> Exchange:
        """The broker's exchange for events."""
        return self.app.config["STATS_MQ_EXCHANGE"]

    @property
    def events_config(self) -> Mapping[str, Any]:
        """The current value of STATS_EVENTS."""
        return self.app.config["STATS_EVENTS"]

    @property
    def aggregations_config(self) -> Mapping[str, Any]:
        """The current value of STATS_AGGREGATIONS."""
        return self.app.config["STATS_AGGREGATIONS"]

    @property
    def queries_config(self) -> Mapping[str, Any]:
        """The current value of STATS_QUERIES."""
        return self.app.config["STATS_QUERIES"]

    @parsed_from("STATS_EVENTS", "STATS_PSEUDONYMIZE_IN")
    def event_definitions(self) -> dict[str, parsing.EventDefinition]:
        """The event types by name, without their queues, for code that does not use the broker."""
        return parsing.parse_events(self.app, self.events_config)

    @parsed_from("STATS_EVENTS", "STATS_PSEUDONYMIZE_IN")
    def events(self) -> dict[str, parsing.EventDefinition]:
        """The event types by name, each with its queue."""
        return {name: event.on(self._queue_of(name)) for name, event in self.event_definitions.items()}

    @parsed_from("STATS_AGGREGATIONS")
    def aggregations(self) -> dict[str, parsing.AggregationDefinition]:
        """The aggregations by name."""
        return parsing.parse_aggregations(self.app, self.aggregations_config)

    @parsed_from("STATS_QUERIES")
    def queries(self) -> dict[str, parsing.QueryDefinition]:
        """The queries by name."""
        return parsing.parse_queries(self.app, self.queries_config)

    @parsed_from("STATS_PERMISSION_FACTORY")
    def permission_factory(self) -> Callable[..., Any]:
        """The permission factory for every query; a factory of the query's own must permit it as well."""
        setting = "STATS_PERMISSION_FACTORY"
        return load_callable(setting, self.app.config[setting])

    @parsed_from("STATS_MONITORING_PERMISSION_FACTORY")
    def monitoring_permission_factory(self) -> Callable[..., Any]:
        """The permission factory for health and metrics."""
        setting = "STATS_MONITORING_PERMISSION_FACTORY"
        return load_callable(setting, self.app.config[setting])

    @parsed_from("STATS_ITEM_RESOLVER")
    def item_resolver(self) -> Callable[..., Any] | None:
        """The function that finds the item of a view or download; None if items are not resolved."""
        return self._optional_callable("STATS_ITEM_RESOLVER")

    @parsed_from("STATS_COUNTER_ACCESS_TYPES")
    def access_types(self) -> Mapping[str, str]:
        """COUNTER's access type by access status."""
        return parse_access_types("STATS_COUNTER_ACCESS_TYPES", self.app.config["STATS_COUNTER_ACCESS_TYPES"])

    @parsed_from("STATS_COUNTER_CUSTOMERS")
    def customers(self) -> Customers:
        """The institutions that use can be attributed to."""
        return parse_customers("STATS_COUNTER_CUSTOMERS", self.app.config["STATS_COUNTER_CUSTOMERS"])

    @parsed_from(
        "STATS_COUNTER_PLATFORM",
        "STATS_COUNTER_PLATFORM_ID",
        "STATS_COUNTER_CREATED_BY",
        "STATS_COUNTER_REGISTRY_RECORD",
        "STATS_COUNTER_FIRST_MONTH",
        "STATS_COUNTER_COUNTRIES",
    )
    def counter_platform(self) -> "Platform | None":
        """The repository as COUNTER reports name it; None if there are no reports."""
        settings = self.app.config
        if settings["STATS_COUNTER_PLATFORM"] is None and settings["STATS_COUNTER_PLATFORM_ID"] is None:
            return None
        from invenio_stats.definitions.counter_platform import parse_platform  # only where there are reports

        return parse_platform(settings)

    @parsed_from(
        "STATS_COUNTER_DATACITE_URL",
        "STATS_COUNTER_DATACITE_TOKEN",
        "STATS_COUNTER_DATACITE_ACCOUNT",
        "STATS_COUNTER_PLATFORM",
        "STATS_COUNTER_PLATFORM_ID",
        "STATS_COUNTER_CREATED_BY",
    )
    def counter_deposit_account(self) -> "DepositAccount | None":
        """The account that months are deposited with; None if they are not."""
        settings = self.app.config
        if settings["STATS_COUNTER_DATACITE_URL"] is None and settings["STATS_COUNTER_DATACITE_TOKEN"] is None:
            return None
        from invenio_stats.definitions.counter_deposit import parse_deposit_account  # only where months are deposited

        return parse_deposit_account(settings, self.counter_platform)

    @parsed_from("STATS_COUNTER_PERMISSION_FACTORY")
    def counter_permission_factory(self) -> Callable[..., Any]:
        """The permission factory for the COUNTER reports of the page."""
        setting = "STATS_COUNTER_PERMISSION_FACTORY"
        return load_callable(setting, self.app.config[setting])

    @parsed_from("STATS_COUNTER_TDM")
    def is_mining_request(self) -> Callable[..., Any] | None:
        """The function that recognises requests of text and data mining; None if there is none."""
        return self._optional_callable("STATS_COUNTER_TDM")

    @parsed_from("STATS_COUNTER_INSTITUTION")
    def institution_of_user(self) -> Callable[..., Any] | None:
        """The function that knows the institution of a user; None if there is none."""
        return self._optional_callable("STATS_COUNTER_INSTITUTION")

    def _optional_callable(self, setting: str) -> Callable[..., Any] | None:
        value = self.app.config[setting]
        return None if value is None else load_callable(setting, value)

    @parsed_from("STATS_ACCESS")
    def access(self) -> CheckedAccess:
        """What the instance knows about who may read, own and manage what; what fails is logged and is not known."""
        setting = "STATS_ACCESS"
        return choose_access(self.app, setting, self.app.config[setting])

    @parsed_from("STATS_ITEM_METADATA")
    def item_metadata(self) -> MetadataSource:
        """What describes items; `items.shown.describe_readable` asks it for those that somebody may read."""
        setting = "STATS_ITEM_METADATA"
        return choose_metadata(self.app, setting, self.app.config[setting])

    @parsed_from("STATS_EVENTS", "STATS_PSEUDONYMIZE_IN")
    def _emitters(self) -> dict[str, EventEmitter]:
        """The emitters that were asked for."""
        return {}

    @parsed_from("STATS_QUERIES")
    def _queries(self) -> dict[str, Any]:
        """The query objects that were asked for."""
        return {}

    def get_event_emitter(self, event_name: str) -> EventEmitter | None:
        """Return the function that builds and publishes one event; None, with a warning, for an unknown type."""
        emitters = self._emitters
        if event_name not in emitters:
            definition = self.event_definitions.get(event_name)
            if definition is None:
                logger.warning("No such event type in STATS_EVENTS", extra={"event_type": event_name})
                return None
            emitters[event_name] = EventEmitter(event_name, definition.builders, usage=definition.usage)
        return emitters[event_name]

    def get_query(self, query_name: str) -> Any:
        """Return the query object, which is created once; KeyError for an unknown name."""
        queries = self._queries
        if query_name not in queries:
            definition = self.queries[query_name]
            queries[query_name] = definition.cls(name=definition.name, **definition.params)
        return queries[query_name]

    def publish(self, event_type: str, events: Iterable[Event]) -> None:
        """Pseudonymize events and publish them to the queue of their type.

        Returns when the broker, or the spool, has all of them. If the current request objects to being counted, none is
        published, and their number is counted. AssertionError for a type that is not in STATS_EVENTS,
        TypeError for events that are not an iterable of dicts. All other events are published before EncodeError is
        raised for one that is not JSON, and TypeError or ValueError for one that is not a dict or has an invalid
        `event_id`.
        """
        if event_type not in self.events:
            raise AssertionError(f"{event_type!r} is not in STATS_EVENTS: {', '.join(self.events) or 'it is empty'}.")
        if isinstance(events, (Mapping, str)):
            raise TypeError(f"publish({event_type!r}, ...): give a list of events, not one {type(events).__name__}.")
        if is_objecting():
            from invenio_stats.privacy import objection_counts  # only where somebody objects

            objection_counts.note(event_type, sum(1 for _event in events))
            return
        definition = self.events[event_type]
        publish(definition.queue, events, self._pseudonymizer(definition))
        catalog.send(self.agents_queue)

    def records_stats(self, records: Iterable[str | tuple[str, str]]) -> dict[str, dict[str, dict[str, int]]]:
        """Return the use of many records: `{item_id: {"this_version": {...}, "all_versions": {...}}}`.

        Records are named by an id, or by the ids of item and parent, as `changed_records` gives them; these need no
        look-up. Numbers: views, unique_views, downloads, unique_downloads, data_volume. One request to the search
        engine for each 1,000 records. Records that STATS_ACCESS does not know are left out.
        """
        from invenio_stats.queries.usage.many_records import fetch_records_stats  # only where it is used

        return fetch_records_stats(current_search_client, records)

    def changed_records(self, since: datetime | None = None) -> tuple[Iterator[tuple[str, str]], datetime]:
        """Return `(item_id, parent_id)` of each record whose totals were written since a mark, and the next mark.

        Without a mark: all records that were ever used. The iterator asks the search engine page by page; keep the mark
        when it is exhausted. A record may come again with the next mark.
        """
        from invenio_stats.queries.usage.changes import find_changed_records  # only where it is used

        return find_changed_records(current_search_client, since, datetime.now(timezone.utc))

    def _queue_of(self, event_type: str) -> Queue:
        """Return the queue of an event type, also of one that STATS_EVENTS did not have when queues were listed."""
        name, known = names.queue(event_type), current_queues.queues
        return known[name] if name in known else Queue(self.exchange, name, current_queues.connection_pool)

    @staticmethod
    def _pseudonymizer(definition: parsing.EventDefinition) -> Callable[[IdentifiedEvent], IdentifiedEvent]:
        """Return the function that pseudonymizes events, or one that does nothing if the worker does it."""
        from invenio_stats.privacy.pseudonymization import (
            pseudonymize_or_reject,  # loaded only by processes that publish
        )

        how = definition.pseudonymization
        return pseudonymize_or_reject(how.window, how.keeps_user_id) if how.stage == "web" else lambda event: event

    @cached_property
    def objections_queue(self) -> Queue:
        """The queue of the numbers of objections; internal like `agents_queue`."""
        return Queue(self.exchange, names.OBJECTIONS, current_queues.connection_pool)

    @cached_property
    def agents_queue(self) -> Queue:
        """The queue of the user-agent catalog; it is internal, so `declare_queues` does not list it."""
        return Queue(self.exchange, names.AGENTS, current_queues.connection_pool)

    def consume(self, event_type: str, no_ack: bool = True, payload: bool = True) -> Iterator[Any]:
        """Yield the events on a queue as they were published, or with payload=False the messages."""
        queue = self.events[event_type].queue
        queue.no_ack = no_ack
        messages = queue.consume(payload=payload)
        return chain.from_iterable(map(events_in, messages)) if payload else messages


class InvenioStats:
    """The Flask extension."""

    def __init__(self, app: Flask | None = None, **kwargs: Any):
        """Set up the application, if it is given."""
        self._state: InvenioStatsState | None = None
        if app is not None:
            self.init_app(app, **kwargs)

    def init_app(self, app: Flask, **kwargs: Any) -> InvenioStatsState:
        """Set defaults, create the state and connect the receivers; returns the state."""
        self.init_config(app)
        state = InvenioStatsState(app)
        self._state = app.extensions["invenio-stats"] = state
        register_after_response(app)
        if app.config["STATS_REGISTER_RECEIVERS"]:
            register_receivers(app, state.events_config)
        return state

    def init_config(self, app: Flask) -> None:
        """Set the defaults of STATS_* settings that the application does not set."""
        for key in dir(config):
            if key.startswith("STATS_"):
                app.config.setdefault(key, getattr(config, key))

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the state."""
        state = self.__dict__.get("_state")
        if state is None:
            raise AttributeError(f"InvenioStats has no {name!r} before init_app.")
        return getattr(state, name)


def finalize_app(app: Flask) -> None:
    """Parse the whole configuration after all modules are loaded; raises ConfigurationError if it has a mistake."""
    state = app.extensions["invenio-stats"]
    check_numbers(app.config)
    check_switches(app.config)
    check_choices(app.config)
    check_objection(app.config)
    check_retention(app.config)
    _check_exchange(app.config)
    if "invenio-app" in app.extensions:
        from invenio_stats.definitions.rate_limits import set_limits  # only where there is a limiter

        set_limits(app)
    with app.app_context():
        load_lists()
        _warn_of_error_texts(app.config)
        _warn_of_personal_data(state)
        state.events  # noqa: B018 - parses and caches it
        state.aggregations  # noqa: B018
        state.permission_factory  # noqa: B018
        state.monitoring_permission_factory  # noqa: B018
        state.item_resolver  # noqa: B018
        state.access_types  # noqa: B018
        state.customers  # noqa: B018
        state.counter_platform  # noqa: B018
        state.counter_deposit_account  # noqa: B018
        state.counter_permission_factory  # noqa: B018
        state.is_mining_request  # noqa: B018
        state.institution_of_user  # noqa: B018
        state.access  # noqa: B018
        state.item_metadata  # noqa: B018
        for name in state.queries:
            state.get_query(name)
        refuse_shared_templates(state.event_definitions, state.aggregations)
        _warn_of_inconsistencies(state)
        if app.config["STATS_PAGES_ENABLED"]:
            _warn_of_missing_for_pages(state)


def _check_exchange(settings: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for an exchange that is none, such as its name."""
    exchange = settings["STATS_MQ_EXCHANGE"]
    if not isinstance(exchange, Exchange):
        raise ConfigurationError(
            f"STATS_MQ_EXCHANGE is {exchange!r}. Set it to an exchange: kombu.Exchange('events', type='direct')."
        )


def _warn_of_error_texts(settings: Mapping[str, Any]) -> None:
    if settings["STATS_LOG_ERROR_TEXTS"]:
        logger.warning("Texts of errors are logged; they may identify a person")


def _warn_of_inconsistencies(state: InvenioStatsState) -> None:
    for found in find_inconsistencies(state.event_definitions, state.aggregations, state.queries):
        if _is_new(found):
            logger.warning("The configuration does not fit together: %s", found, extra=found.facts)


def _warn_of_missing_for_pages(state: InvenioStatsState) -> None:
    from invenio_stats.definitions.pages import find_missing_for_pages  # only where there are pages

    missing = find_missing_for_pages(state.event_definitions, state.aggregations, state.queries)
    if missing and _is_new(*missing):
        logger.warning("The pages lack settings and are not found: add %s", "; ".join(missing), extra={"add": missing})


def _is_new(*fault: object) -> bool:
    """Return True the first time in this process: it may have two applications, of pages and of the REST API."""
    is_new = fault not in _told
    _told.add(fault)
    return is_new


def _warn_of_personal_data(state: InvenioStatsState) -> None:
    for name, event in state.event_definitions.items():
        if event.pseudonymization.stage == "worker":
            # A preprocessor before anonymize_user may need them, or STATS_PSEUDONYMIZE_IN is set to 'worker'.
            logger.warning("Events reach the broker with IP address and user agent", extra={"event_type": name})
