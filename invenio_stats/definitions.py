"""Definitions: the STATS_* dicts, parsed once into typed ones; every mistake is named with its cure."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from flask import Flask

from invenio_stats.core.intervals import check_interval, is_longer
from invenio_stats.core.usage import USAGE_TYPES
from invenio_stats.core.windows import check_window
from invenio_stats.errors import ConfigurationError
from invenio_stats.loading import load, load_entry
from invenio_stats.search.metrics import parse_metrics


@dataclass(frozen=True)
class EventDefinition:
    """One event type: how its events are made, carried and stored."""

    name: str
    templates: str | None
    cls: type
    params: Mapping[str, Any]
    signal: Any = None
    builders: tuple[Callable[..., Any], ...] = ()
    usage: bool = False
    queue: Any = field(default=None, compare=False)

    def on(self, queue: Any) -> "EventDefinition":
        """Return the definition with its queue, which is a parameter of `cls` as well."""
        return replace(self, queue=queue, params={"queue": queue, **self.params})


@dataclass(frozen=True)
class AggregationDefinition:
    """One aggregation: raw events of a type to totals of a thing and interval."""

    name: str
    templates: str | None
    cls: type
    params: Mapping[str, Any]


@dataclass(frozen=True)
class QueryDefinition:
    """One query: totals to answers."""

    name: str
    cls: type
    permission_factory: Callable[..., Any] | None
    params: Mapping[str, Any]


def parse_events(app: Flask, config: Mapping[str, Any]) -> dict[str, EventDefinition]:
    """Return the event types of STATS_EVENTS."""
    return {name: _parse_event(_Entry.read(app, "STATS_EVENTS", name, entry)) for name, entry in config.items()}


def parse_aggregations(app: Flask, config: Mapping[str, Any]) -> dict[str, AggregationDefinition]:
    """Return the aggregations of STATS_AGGREGATIONS."""
    return {
        name: _parse_aggregation(_Entry.read(app, "STATS_AGGREGATIONS", name, entry)) for name, entry in config.items()
    }


def parse_queries(app: Flask, config: Mapping[str, Any], default: Any = None) -> dict[str, QueryDefinition]:
    """Return the queries of STATS_QUERIES; `default` permits where an entry has no factory of its own."""
    return {
        name: _parse_query(_Entry.read(app, "STATS_QUERIES", name, entry), default) for name, entry in config.items()
    }


@dataclass(frozen=True)
class _Entry:
    """One entry of a STATS_* dict, with the place that its mistakes are reported for."""

    place: str
    name: str
    values: Mapping[str, Any]

    @classmethod
    def read(cls, app: Flask, setting: str, name: str, entry: Any) -> "_Entry":
        place = f"{setting}[{name!r}]"
        return cls(place, name, load_entry(app, place, entry))

    def refuse_unknown(self, *known: str) -> None:
        unknown = sorted(set(self.values) - set(known))
        if unknown:
            raise ConfigurationError(f"{self.place} has unknown keys {unknown}. Known ones: {', '.join(known)}.")

    def cls(self) -> type:
        if not self.values.get("cls"):
            raise ConfigurationError(f"{self.place} has no 'cls'. Set it to a class or its import string.")
        found = load(f"{self.place}['cls']", self.values["cls"])
        if not callable(found):
            raise ConfigurationError(f"{self.place}['cls'] is {found!r}; set it to a class or its import string.")
        return cast(type, found)

    def params(self, cls: type, *given: str) -> dict[str, Any]:
        place = f"{self.place}['params']"
        params = self.values.get("params") or {}
        if not isinstance(params, Mapping):
            raise ConfigurationError(f"{place} is {params!r}; make it a dict of arguments.")
        try:
            inspect.signature(cls).bind(**dict.fromkeys(given), **params)
        except TypeError as error:
            raise ConfigurationError(f"{place} does not fit {cls.__name__}: {error}.") from error
        return dict(params)

    def check(self, key: str, rule: Callable[[Any], Any], params: Mapping[str, Any]) -> None:
        """Apply a rule to one parameter; what it says goes out with the place."""
        if params.get(key) is None:
            return
        try:
            rule(params[key])
        except ValueError as error:
            raise ConfigurationError(f"{self.place}['params'][{key!r}]: {error}") from error


def _parse_event(entry: _Entry) -> EventDefinition:
    entry.refuse_unknown("templates", "cls", "params", "signal", "event_builders", "usage")
    cls = entry.cls()
    params = entry.params(cls, "queue")
    entry.check("double_click_window", check_window, params)
    params = _loaded_list(entry, params, "preprocessors")
    return EventDefinition(
        name=entry.name,
        templates=entry.values.get("templates"),
        cls=cls,
        params=params,
        signal=load(f"{entry.place}['signal']", entry.values.get("signal")),
        builders=tuple(_loaded(f"{entry.place}['event_builders']", entry.values.get("event_builders") or ())),
        usage=bool(entry.values.get("usage", entry.name in USAGE_TYPES)),
    )


def _parse_aggregation(entry: _Entry) -> AggregationDefinition:
    entry.refuse_unknown("templates", "cls", "params")
    cls = entry.cls()
    params = entry.params(cls, "name")
    interval, index_interval = params.get("interval", "day"), params.get("index_interval", "month")
    entry.check("interval", check_interval, params)
    entry.check("index_interval", check_interval, params)
    if is_longer(check_interval(interval), check_interval(index_interval)):
        raise ConfigurationError(
            f"{entry.place}: interval {interval!r} is longer than index_interval {index_interval!r}. "
            f"Set index_interval to {interval!r} or longer."
        )
    entry.check("metric_fields", parse_metrics, params)
    params = _loaded_list(entry, params, "query_modifiers")
    return AggregationDefinition(entry.name, entry.values.get("templates"), cls, params)


def _parse_query(entry: _Entry, default: Any) -> QueryDefinition:
    entry.refuse_unknown("cls", "params", "permission_factory")
    cls = entry.cls()
    params = _loaded_list(entry, entry.params(cls, "name"), "query_modifiers")
    entry.check("metric_fields", parse_metrics, params)
    factory = load(f"{entry.place}['permission_factory']", entry.values.get("permission_factory")) or default
    return QueryDefinition(entry.name, cls, factory, params)


def _loaded(place: str, values: Iterable[Any]) -> list[Callable[..., Any]]:
    loaded = [load(place, value) for value in values]
    for value in loaded:
        if not callable(value):
            raise ConfigurationError(f"{place} holds {value!r}; list functions or their import strings.")
    return loaded


def _loaded_list(entry: _Entry, params: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the parameters with the functions of one of them loaded; None and absence stay."""
    if params.get(key) is None:
        return params
    return {**params, key: _loaded(f"{entry.place}['params'][{key!r}]", params[key])}
