"""Build and publish an event for each signal or direct call."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from blinker import ANY
from celery.exceptions import SoftTimeLimitExceeded
from flask import Flask, current_app

from invenio_stats.capture.after_response import (
    count_objection_after_response,
    count_objections,
    publish_after_response,
)
from invenio_stats.core.access_types import access_type_of
from invenio_stats.core.delivered_content import USAGE_TYPES
from invenio_stats.core.events import Builder, Event, IdentifiedEvent
from invenio_stats.errors import EventsRefusedError
from invenio_stats.items.attribution import request_fields
from invenio_stats.items.resolver import item_fields
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.privacy.objection import is_objecting
from invenio_stats.proxies import current_stats, unwrap
from invenio_stats.support.import_strings import entries, load, load_entry, load_signal

logger = logging.getLogger(__name__)


class EventEmitter:
    """Builds one event from a signal's arguments, and publishes it.

    The builders are called in order with the arguments of the call; each gets the event that the previous one returned,
    the first an empty event. If a builder returns None, the event is dropped. An error is logged as "Error
    building event", and the request continues; only the soft time limit of a Celery task is raised.

    If the request objects to being counted, nothing is built: no builder runs, and no item is looked up.

    The request says whether the event is text and data mining, and of which institution. A usage event gets its item,
    and is published only if the response shows that it counts.
    """

    def __init__(self, name: str, builders: Iterable[Builder | str], usage: bool = False):
        """Emit events of the type `name`; builders may be import strings."""
        self.name = name
        self.builders = [load(f"Event builders of {name!r}", build) for build in builders]
        self.usage = usage

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Build and publish one event; if the visitor objects, none is built, and its number is counted."""
        try:
            if is_objecting():
                self._count_objection()
                return
            event = self._build(*args, **kwargs)
            if event is None:
                return
            _add(event, request_fields())
            if self.usage:
                publish_after_response(self.name, self._with_item(event, kwargs))
            else:
                current_stats.publish(self.name, [event])
        except EventsRefusedError:
            return  # the outbox logs it once a minute
        except SoftTimeLimitExceeded:
            raise  # it is meant for the task that sent the signal
        except Exception as error:
            logger.error("Error building event", exc_info=without_text(error), extra={"event_type": self.name})

    def _build(self, *args: Any, **kwargs: Any) -> IdentifiedEvent | None:
        first = IdentifiedEvent({})
        event: Event | None = first
        for build in self.builders:
            event = build(event, *args, **kwargs)
            if event is None:
                return None
        return event if isinstance(event, IdentifiedEvent) else IdentifiedEvent(event, first.event_id)

    def _count_objection(self) -> None:
        if self.usage:
            count_objection_after_response(self.name)
        else:
            count_objections(self.name)

    @staticmethod
    def _with_item(event: IdentifiedEvent, thing: Mapping[str, Any]) -> IdentifiedEvent:
        state = unwrap(current_stats)
        _add(event, item_fields(state.item_resolver, **thing))
        if "item_id" in event:
            event.setdefault("access_type", access_type_of(state.access_types, event.get("access_status")))
        return event


def _add(event: Event, fields: Mapping[str, Any]) -> None:
    """Add fields to an event, except those that its builders have set."""
    for name, value in fields.items():
        event.setdefault(name, value)


EventEmmiter = EventEmitter
"""An old misspelling that other modules import."""


def build_event_emitter(event_name: str, events_config: Mapping[str, Any] | None = None) -> EventEmitter | None:
    """Return the emitter of an event type of the given configuration, or else of the current application."""
    if events_config is None or event_name not in events_config:
        return current_stats.get_event_emitter(event_name)
    entry = load_entry(current_app, f"STATS_EVENTS[{event_name!r}]", events_config[event_name])
    builders = [
        load(f"STATS_EVENTS[{event_name!r}]['event_builders']", builder) for builder in entry.get("event_builders", ())
    ]
    return EventEmitter(event_name, builders, usage=bool(entry.get("usage", event_name in USAGE_TYPES)))


def register_receivers(app: Flask, config: Mapping[str, Any]) -> None:
    """Connect the event types of a configuration to their signals, for any sender.

    Each receiver checks that the signal is sent in its own application, since the UI and REST applications share a
    process. It is not bound to the application as sender, because some programs send a signal with a proxy.
    """
    for event_name, entry in entries("STATS_EVENTS", config).items():
        setting_path = f"STATS_EVENTS[{event_name!r}]"
        signal = load_signal(f"{setting_path}['signal']", load_entry(app, setting_path, entry).get("signal"))
        if signal is not None:
            signal.connect(_receiver(app, event_name), sender=ANY, weak=False)


def _receiver(app: Flask, event_name: str) -> Callable[..., None]:
    def receive(sender: Any, *args: Any, **kwargs: Any) -> None:
        if current_app and current_app._get_current_object() is app:
            emitter = current_stats.get_event_emitter(event_name)
            if emitter is not None:
                emitter(sender, *args, **kwargs)

    return receive
