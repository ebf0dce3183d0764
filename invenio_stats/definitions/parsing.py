"""Parse the STATS_* dicts into typed definitions; a ConfigurationError names an invalid value and its cure."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

from flask import Flask

from invenio_stats.core import names
from invenio_stats.core.definitions import AggregationDefinition, EventDefinition, QueryDefinition, Stage
from invenio_stats.core.delivered_content import USAGE_TYPES
from invenio_stats.core.double_clicks import check_window
from invenio_stats.core.intervals import check_index_interval, check_interval, is_longer
from invenio_stats.core.metrics import parse_metrics
from invenio_stats.core.names import check_suffix
from invenio_stats.definitions.consistency import refuse_shared_totals
from invenio_stats.definitions.entry_values import AGGREGATION_RULES, QUERY_RULES
from invenio_stats.definitions.pseudonymization import check_stages, parse_pseudonymization
from invenio_stats.errors import ConfigurationError
from invenio_stats.support.import_strings import entries, load_callable, load_entry, load_signal

_REFUSED_IN_INDEX_NAMES = r"""[A-Z\s\\/*?"<>|,#:]"""
"""What the search engine accepts in no name of an index."""
_QUERIES = "invenio_stats.queries"
"""The module whose constructors have the parameters of QUERY_RULES; those of other classes may use them differently."""


def parse_events(app: Flask, config: Mapping[str, Any]) -> dict[str, EventDefinition]:
    """Return the event types of STATS_EVENTS."""
    setting, stages = "STATS_EVENTS", app.config.get("STATS_PSEUDONYMIZE_IN", {})
    check_stages("STATS_PSEUDONYMIZE_IN", stages, entries(setting, config))
    return {
        name: _parse_event(_Entry.read(app, setting, name, entry), stages.get(name)) for name, entry in config.items()
    }


def parse_aggregations(app: Flask, config: Mapping[str, Any]) -> dict[str, AggregationDefinition]:
    """Return the aggregations of STATS_AGGREGATIONS."""
    setting = "STATS_AGGREGATIONS"
    parsed = {
        name: _parse_aggregation(_Entry.read(app, setting, name, entry))
        for name, entry in entries(setting, config).items()
    }
    refuse_shared_totals(parsed)
    return parsed


def parse_queries(app: Flask, config: Mapping[str, Any]) -> dict[str, QueryDefinition]:
    """Return the queries of STATS_QUERIES, without those whose entry is None or a callable that returns None."""
    setting = "STATS_QUERIES"
    return {
        name: _parse_query(_Entry.read(app, setting, name, entry))
        for name, value in entries(setting, config).items()
        if (entry := value(app) if callable(value) else value) is not None
    }


class _Entry(NamedTuple):
    """One entry of a STATS_* dict, with its setting path for errors."""

    setting_path: str
    name: str
    values: Mapping[str, Any]

    @classmethod
    def read(cls, app: Flask, setting: str, name: str, entry: Any) -> "_Entry":
        setting_path = f"{setting}[{name!r}]"
        return cls(setting_path, name, load_entry(app, setting_path, entry))

    def check_name(self) -> None:
        """Reject a name that no index can have, or whose queue or index would be one of ours."""
        if not isinstance(self.name, str) or not self.name or re.search(_REFUSED_IN_INDEX_NAMES, self.name):
            raise ConfigurationError(
                f"{self.setting_path}: indices are named after an event type. Write it in lower case, without spaces "
                "and signs such as / * ? : # , as in 'file-download'."
            )
        if (
            names.is_own(names.totals_alias(self.name))
            or self.name.startswith("automated-")
            or self.name.endswith("-dead")
        ):
            raise ConfigurationError(f"{self.setting_path}: the name is taken by invenio-stats itself. Choose another.")

    def refuse_unknown(self, *known: str) -> None:
        unknown = sorted(set(self.values) - set(known))
        if unknown:
            raise ConfigurationError(f"{self.setting_path} has unknown keys {unknown}. Known ones: {', '.join(known)}.")

    def cls(self) -> type:
        if not self.values.get("cls"):
            raise ConfigurationError(f"{self.setting_path} has no 'cls'. Set it to a class or its import string.")
        return cast(type, load_callable(f"{self.setting_path}['cls']", self.values["cls"]))

    def templates(self) -> str | None:
        """Return the package of the index templates, or None; ConfigurationError if it cannot be imported."""
        package = self.values.get("templates")
        try:
            if package is None or (isinstance(package, str) and find_spec(package) is not None):
                return package
        except ImportError:
            pass  # its parent package is missing, which is the same error
        raise ConfigurationError(
            f"{self.setting_path}['templates'] is {package!r}; name a package that can be imported."
        )

    def params(self, cls: type, *given: str) -> dict[str, Any]:
        setting_path = f"{self.setting_path}['params']"
        params = self.values.get("params") or {}
        if not isinstance(params, Mapping):
            raise ConfigurationError(f"{setting_path} is {params!r}; make it a dict of arguments.")
        try:
            inspect.signature(cls).bind(**dict.fromkeys(given), **params)
        except TypeError as error:
            raise ConfigurationError(f"{setting_path} does not fit {cls.__name__}: {error}.") from error
        return dict(params)

    def check_all(self, rules: Mapping[str, Callable[[Any], Any]], params: Mapping[str, Any]) -> None:
        """Apply the rule of each parameter."""
        for key, rule in rules.items():
            self.check(key, rule, params)

    def check(self, key: str, rule: Callable[[Any], Any], params: Mapping[str, Any]) -> None:
        """Apply a rule to one parameter; its ValueError becomes a ConfigurationError with the setting path."""
        if params.get(key) is None:
            return
        try:
            rule(params[key])
        except ValueError as error:
            raise ConfigurationError(f"{self.setting_path}['params'][{key!r}]: {error}") from error


def _parse_event(entry: _Entry, stage: Stage | None) -> EventDefinition:
    entry.check_name()
    entry.refuse_unknown("templates", "cls", "params", "signal", "event_builders", "usage")
    cls = entry.cls()
    params = entry.params(cls, "queue")
    entry.check("double_click_window", check_window, params)
    entry.check("suffix", check_suffix, params)
    params = _with_loaded(entry, params, "preprocessors")
    return EventDefinition(
        name=entry.name,
        templates=entry.templates(),
        cls=cls,
        params=params,
        signal=load_signal(f"{entry.setting_path}['signal']", entry.values.get("signal")),
        builders=tuple(_load_all(f"{entry.setting_path}['event_builders']", entry.values.get("event_builders") or ())),
        usage=bool(entry.values.get("usage", entry.name in USAGE_TYPES)),
        pseudonymization=parse_pseudonymization(_chain(cls, params), stage, params.get("double_click_window")),
    )


def _chain(cls: type, params: Mapping[str, Any]) -> list[Callable[..., Any]]:
    """Return the preprocessors that the indexer will run."""
    chain = params.get("preprocessors")
    return list(getattr(cls, "default_preprocessors", ()) if chain is None else chain)


def _parse_aggregation(entry: _Entry) -> AggregationDefinition:
    entry.refuse_unknown("templates", "cls", "params", "exclusive")
    cls = entry.cls()
    params = entry.params(cls, "name")
    entry.check("interval", check_interval, params)
    is_known = _has_standard_constructor(cls)
    entry.check("index_interval", check_index_interval if is_known else check_interval, params)
    interval, index_interval = params.get("interval", "day"), params.get("index_interval", "month")
    if is_longer(interval, index_interval):
        raise ConfigurationError(
            f"{entry.setting_path}: interval {interval!r} is longer than index_interval {index_interval!r}. "
            f"Set index_interval to {interval!r} or longer."
        )
    entry.check("metric_fields", parse_metrics, params)
    if is_known:
        entry.check_all(AGGREGATION_RULES, params)
    params = _with_loaded(entry, params, "query_modifiers")
    return AggregationDefinition(
        name=entry.name,
        templates=entry.templates(),
        cls=cls,
        params=params,
        totals_alias=_totals_alias(entry, params) if is_known else None,
        interval=interval if is_known else None,
        exclusive=bool(entry.values.get("exclusive")),
    )


def _totals_alias(entry: _Entry, params: Mapping[str, Any]) -> str:
    """Return the alias of an aggregation's totals, without the instance's prefix."""
    event, events, index = params.get("event"), params.get("events"), params.get("index")
    if (event is None) == (events is None) or isinstance(events, str):
        raise ConfigurationError(
            f"{entry.setting_path}['params']: event is {event!r} and events is {events!r}. Name one event type as "
            "event, or several as a list of events."
        )
    if events is not None and not index:
        raise ConfigurationError(
            f"{entry.setting_path}['params']: index is {index!r}. With several events, name the alias of the totals."
        )
    stem = names.totals_alias("")
    if index and (not str(index).startswith(stem) or re.search(_REFUSED_IN_INDEX_NAMES, str(index))):
        raise ConfigurationError(
            f"{entry.setting_path}['params']['index'] is {index!r}. Begin it with {stem!r}, in lower case, without "
            "spaces and signs, as in 'stats-usage'."
        )
    return str(index or names.totals_alias(str(event)))


def _has_standard_constructor(cls: type) -> bool:
    """Return True if an aggregator has StatAggregator's constructor; another one may use the parameters differently."""
    from invenio_stats.aggregations import StatAggregator  # already loaded with the class; importing it takes time

    return getattr(cls, "__init__", None) is StatAggregator.__init__


def _parse_query(entry: _Entry) -> QueryDefinition:
    entry.refuse_unknown("cls", "params", "permission_factory")
    cls = entry.cls()
    params = _with_loaded(entry, entry.params(cls, "name"), "query_modifiers")
    entry.check("metric_fields", parse_metrics, params)
    if getattr(getattr(cls, "__init__", None), "__module__", None) == _QUERIES:
        entry.check_all(QUERY_RULES, params)
    factory = entry.values.get("permission_factory")
    if factory is not None:
        factory = load_callable(f"{entry.setting_path}['permission_factory']", factory)
    return QueryDefinition(entry.name, cls, factory, params)


def _load_all(setting_path: str, values: Iterable[Any]) -> list[Callable[..., Any]]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{setting_path} is {values!r}; make it a list of functions or their import strings.")
    return [load_callable(f"{setting_path}[{number}]", value) for number, value in enumerate(values)]


def _with_loaded(entry: _Entry, params: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the parameters with the functions of one of them loaded; unchanged if it is None or missing."""
    if params.get(key) is None:
        return params
    return {**params, key: _load_all(f"{entry.setting_path}['params'][{key!r}]", params[key])}
