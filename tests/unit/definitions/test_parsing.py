"""An error in the configuration stops the start, with the key, the value and the cure."""

import pytest
from flask import Flask

from invenio_stats.aggregations import StatAggregator
from invenio_stats.definitions import parsing
from invenio_stats.errors import ConfigurationError
from invenio_stats.queries import TermsQuery

INDEXER = "invenio_stats.processors:EventsIndexer"
AGGREGATOR = "invenio_stats.aggregations:StatAggregator"
QUERY = "invenio_stats.queries.TermsQuery"

APP = Flask("definitions")


def builder(event, *args, **kwargs):
    """Build nothing."""
    return event


def entry(app):
    """Return an entry, as a callable of a configuration does."""
    return {"cls": INDEXER, "event_builders": [builder]}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param(
            {"cls": INDEXER, "template": "x"}, r"STATS_EVENTS\['e'\] has unknown keys \['template'\]", id="key"
        ),
        pytest.param({}, r"STATS_EVENTS\['e'\] has no 'cls'", id="no class"),
        pytest.param({"cls": "no.such.Indexer"}, r"\['cls'\]: 'no.such.Indexer' cannot be imported", id="import"),
        pytest.param({"cls": INDEXER, "params": {"sufix": "x"}}, "unexpected keyword argument 'sufix'", id="parameter"),
        pytest.param({"cls": INDEXER, "params": ["x"]}, "make it a dict of arguments", id="parameters"),
        pytest.param({"cls": INDEXER, "params": {"double_click_window": 7}}, "divisor of 3600", id="window"),
        pytest.param(
            {"cls": INDEXER, "params": {"preprocessors": [7]}}, "is 7; set it to a function", id="preprocessor"
        ),
        pytest.param({"cls": INDEXER, "event_builders": "a.b"}, "'a.b'; make it a list of functions", id="no list"),
        pytest.param({"cls": INDEXER, "event_builders": ["no.such"]}, "'no.such' cannot be imported", id="builder"),
        pytest.param({"cls": INDEXER, "templates": "no.such"}, "name a package that can be imported", id="templates"),
        pytest.param({"cls": INDEXER, "params": {"suffix": "%d.%m."}}, "suffix is '%d.%m.'", id="suffix"),
        pytest.param(7, r"STATS_EVENTS\['e'\] is 7; make it a dict", id="entry"),
        pytest.param({"cls": INDEXER, "signal": builder}, r"\['signal'\] is .*, which is no signal", id="signal"),
    ],
)
def test_a_mistake_in_an_event_type_is_named(config, said):
    with pytest.raises(ConfigurationError, match=said):
        parsing.parse_events(APP, {"e": config})


@pytest.mark.parametrize("name", ["File Download/*", "a/b", "a:b", "a,b", "File", "", 7])
def test_a_name_that_no_index_can_have_is_named(name):
    with pytest.raises(ConfigurationError, match="Write it in lower case"):
        parsing.parse_events(APP, {name: {"cls": INDEXER}})


@pytest.mark.parametrize("config", [None, ["record-view"], "my_module.EVENTS"])
def test_what_is_no_dict_of_entries_is_named(config):
    with pytest.raises(ConfigurationError, match="STATS_EVENTS is .*; make it a dict with an entry for each name"):
        parsing.parse_events(APP, config)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        pytest.param({"event": "e", "interval": "week"}, "'week' is not an interval. Use one of: hour", id="interval"),
        pytest.param({"event": "e", "interval": ["day"]}, r"\['day'\] is not an interval", id="interval as a list"),
        pytest.param({"event": "e", "interval": "year"}, "Set index_interval to 'year' or longer", id="longer"),
        pytest.param({"event": "e", "metric_fields": {"m": ("median", "f", {})}}, "median", id="metric"),
        pytest.param({"event": "e", "metrics": {}}, "unexpected keyword argument 'metrics'", id="parameter"),
        pytest.param({}, "event is None and events is None. Name one event type", id="missing"),
        pytest.param({"event": "e", "events": ["f"]}, "Name one event type as event, or several", id="both"),
        pytest.param({"events": "e", "index": "stats-x"}, "several as a list of events", id="events as a text"),
        pytest.param({"events": ["e", "f"]}, "name the alias of the totals", id="no index"),
        pytest.param({"event": "e", "index": "totals"}, "Begin it with 'stats-'", id="index"),
        pytest.param({"event": "e", "metric_fields": ["sum"]}, r"\['sum'\]. Write it as a dict", id="metrics"),
        pytest.param(
            {"event": "e", "interval": "hour", "index_interval": "hour"}, "cannot be in the name of an index", id="hour"
        ),
    ],
)
def test_a_mistake_in_an_aggregation_is_named(params, said):
    with pytest.raises(ConfigurationError, match=said):
        parsing.parse_aggregations(APP, {"a": {"cls": AGGREGATOR, "params": params}})


def test_a_mistake_in_a_query_is_named():
    with pytest.raises(ConfigurationError, match=r"STATS_QUERIES\['q'\] has unknown keys \['permission'\]"):
        parsing.parse_queries(APP, {"q": {"cls": QUERY, "params": {"index": "i"}, "permission": None}})


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("index", 7, "7 is not a list of names. Write each as a text."),
        ("time_field", ["timestamp"], "['timestamp'] is not a name. Write it as a text."),
        ("required_filters", ["pid_value"], "['pid_value'] is not a dict. Write it as {'parameter': 'field'}."),
        ("optional_filters", {"pid_type": None}, "{'pid_type': None} cannot be used. Write it as"),
        ("copy_fields", "title", "'title' is not a dict. Write it as {'name': 'field'} or {'name': function}."),
        ("copy_fields", {7: "title"}, "{7: 'title'} cannot be used."),
        ("aggregated_fields", [7], "[7] is not a list of names."),
        ("max_bucket_size", "10", "'10' is not a number of buckets. Set it to a whole number, 1 or more."),
        ("max_bucket_size", True, "True is not a number of buckets."),
        ("max_bucket_size", 0, "0 is not a number of buckets."),
    ],
)
def test_a_wrong_value_of_a_query_is_named(key, value, said):
    """With the path of the setting, at the start: not by a ValueError, nor by the first answer."""
    params = {"index": "stats-x", key: value}
    with pytest.raises(ConfigurationError) as refused:
        parsing.parse_queries(APP, {"q": {"cls": QUERY, "params": params}})
    assert f"STATS_QUERIES['q']['params'][{key!r}]: {said}" in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("event", 7, "7 is not a name."),
        ("field", ["unique_id"], "['unique_id'] is not a name."),
        ("copy_fields", ["title"], "['title'] is not a dict."),
        ("max_bucket_size", -1, "-1 is not a number of buckets."),
    ],
)
def test_a_wrong_value_of_an_aggregation_is_named(key, value, said):
    params = {"event": "e", "field": "unique_id", key: value}
    with pytest.raises(ConfigurationError) as refused:
        parsing.parse_aggregations(APP, {"a": {"cls": AGGREGATOR, "params": params}})
    assert f"STATS_AGGREGATIONS['a']['params'][{key!r}]: {said}" in str(refused.value)


def test_another_constructor_may_use_a_parameter_differently():
    class Custom(TermsQuery):
        def __init__(self, name, index, max_bucket_size="all"):
            super().__init__(name, index)

    entry = {"cls": Custom, "params": {"index": "stats-x", "max_bucket_size": "few"}}
    assert parsing.parse_queries(APP, {"q": entry})["q"].params["max_bucket_size"] == "few"


def test_a_query_needs_an_index():
    with pytest.raises(ConfigurationError, match=r"STATS_QUERIES\['q'\].* missing a required argument: 'index'"):
        parsing.parse_queries(APP, {"q": {"cls": QUERY, "params": {}}})


def test_what_clients_are_known_to_pass_to_a_query_is_let_through():
    """Downstream still passes `doc_type`, which had a meaning once."""
    config = {"q": {"cls": QUERY, "params": {"index": "i", "doc_type": "d"}}}
    assert parsing.parse_queries(APP, config)["q"].params["doc_type"] == "d"


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(entry, id="callable"),
        pytest.param("tests.unit.definitions.test_parsing:entry", id="import string with colon"),
        pytest.param("tests.unit.definitions.test_parsing.entry", id="import string with dots"),
        pytest.param({"cls": INDEXER, "event_builders": ["tests.unit.definitions.test_parsing:builder"]}, id="dict"),
    ],
)
def test_an_entry_may_be_written_in_several_ways(config):
    parsed = parsing.parse_events(APP, {"e": config})["e"]
    assert parsed.cls.__name__ == "EventsIndexer"
    assert parsed.builders[0].__name__ == "builder"


def test_views_and_downloads_are_usage_and_others_say_so():
    parsed = parsing.parse_events(
        APP, {"record-view": {"cls": INDEXER}, "search": {"cls": INDEXER}, "play": {"cls": INDEXER, "usage": True}}
    )
    assert {name: event.usage for name, event in parsed.items()} == {"record-view": True, "search": False, "play": True}


class Elsewhere:
    """An aggregator of somebody's own."""

    def __init__(self, name, event, interval="month"):
        """Take the contract's arguments."""


def parse_aggregation(cls, **params):
    return parsing.parse_aggregations(APP, {"a": {"cls": cls, "params": {"event": "e", **params}}})["a"]


def test_an_aggregation_says_where_its_totals_are_and_what_each_covers():
    """So nobody has to make an aggregator, with its client, to learn that."""
    definition = parse_aggregation(AGGREGATOR, field="f")
    assert (definition.totals_alias, definition.interval) == ("stats-e", "day")
    assert parse_aggregation(AGGREGATOR, field="f", interval="month").interval == "month"


def test_of_a_foreign_constructor_the_definition_says_nothing():
    """It may put its totals anywhere; whoever wants to know asks an object."""
    subclass = type("Subclass", (StatAggregator,), {"__init__": Elsewhere.__init__})
    for cls in (Elsewhere, subclass):
        definition = parse_aggregation(cls)
        assert (definition.totals_alias, definition.interval) == (None, None)
