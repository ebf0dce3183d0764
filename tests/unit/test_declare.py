"""A new event type is declared in one call, with its names and mappings."""

import pytest

from invenio_stats.declare import event_type, sum_of, unique, unique_id_builder
from invenio_stats.errors import ConfigurationError


def search_event_builder(event, sender_app, query=None, hits=0, **kwargs):
    """Describe one search."""
    event.update(query=query, hits=hits)
    return event


def declare(**changes):
    """Return the event type of the documentation, with changes."""
    return event_type(
        **{
            "name": "search-made",
            "builders": [search_event_builder],
            "unique_id": "{query}",
            "keep": ["query"],
            "metrics": {"hits": sum_of("hits"), "users": unique("user")},
            **changes,
        }
    )


def test_a_declared_type_is_three_dicts_to_spread():
    declared = declare()
    assert list(declared.events) == ["search-made"]
    assert list(declared.aggregations) == ["search-made-agg"]
    assert list(declared.queries) == ["search-made-total", "search-made-histogram"]


def test_its_fields_are_mapped_without_writing_a_mapping():
    declared = declare()
    event = declared.events["search-made"]["params"]["fields"]
    total_ = declared.aggregations["search-made-agg"]["params"]["fields"]
    assert {name: field["type"] for name, field in event.items()} == {
        "query": "keyword",
        "hits": "double",
        "user": "keyword",
    }
    assert {name: field["type"] for name, field in total_.items()} == {
        "query": "keyword",
        "hits": "double",
        "users": "double",
    }


def test_a_field_may_be_summed_and_its_values_counted():
    for metrics in ({"a": sum_of("hits"), "b": unique("hits")}, {"b": unique("hits"), "a": sum_of("hits")}):
        assert declare(metrics=metrics).events["search-made"]["params"]["fields"]["hits"]["type"] == "double"


def test_its_total_can_be_narrowed_by_each_field_that_it_is_grouped_by():
    """A kept field may have the name of a parameter that every query has: then it is a column only."""

    def optional(**changes):
        return declare(**changes).queries["search-made-total"]["params"]["optional_filters"]

    assert optional(keep=["query", "language"]) == {"query": "query", "language": "language"}
    assert optional(keep=[]) == {"unique_id": "unique_id"}
    assert optional(keep=["start_date", "query"]) == {"query": "query"}


def test_the_unique_id_is_written_from_the_event():
    assert unique_id_builder("{query}")({"query": "bees"}) == {"query": "bees", "unique_id": "bees"}


def test_a_unique_id_too_long_for_a_key_is_hashed():
    first = unique_id_builder("{query}")({"query": "b" * 5000})["unique_id"]
    second = unique_id_builder("{query}")({"query": "b" * 5001})["unique_id"]
    assert len(first) == 64
    assert first != second


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"name": "Search Made"}, "use lower-case letters", id="name"),
        pytest.param({"unique_id": "query"}, "names no field", id="unique_id"),
        pytest.param({"unique_id": "{query"}, "names no field", id="brace"),
        pytest.param({"unique_id": "{query}{}"}, "names no field", id="nameless field"),
        pytest.param({"unique_id": "{0}"}, "names no field", id="numbered field"),
        pytest.param({"keep": ["_id"]}, r"keep has \['_id'\], which the search engine", id="kept metadata"),
        pytest.param({"keep": ["query", "", "a..b", "a>b", 7]}, r"keep has \['', 'a..b', 'a>b', 7\]", id="no names"),
        pytest.param({"metrics": {"_n": sum_of("hits")}}, r"metrics has \['_n'\]", id="metric's name"),
        pytest.param({"metrics": {"n": sum_of("")}}, r"metrics has \[''\]", id="metric's field"),
        pytest.param({"keep": ["key", "date"]}, r"keep has \['date', 'key'\]", id="kept key of answers"),
        pytest.param({"metrics": {"key": sum_of("hits")}}, r"\['key'\], which an answer has", id="key of answers"),
        pytest.param({"metrics": {"buckets": unique("user")}}, r"\['buckets'\], which an answer", id="part of answers"),
        pytest.param({"metrics": {"page": sum_of("hits")}}, r"\['page'\], which an answer", id="reserved"),
        pytest.param({"keep": "query"}, r"keep is 'query'; write it as \['query'\]", id="keep"),
        pytest.param({"builders": "a:b"}, "builders is 'a:b'", id="builders"),
        pytest.param({"metrics": {"count": sum_of("hits")}}, r"metrics has \['count'\]", id="taken"),
        pytest.param({"keep": ["timestamp"]}, r"keep has \['timestamp'\]", id="kept time"),
        pytest.param({"keep": ["query", "user_agent"]}, r"keep has \['user_agent'\]", id="kept person"),
        pytest.param({"keep": ["visitor_id"]}, r"keep has \['visitor_id'\]", id="kept visitor"),
        pytest.param({"unique_id": "{ip_address}"}, r"unique_id has \['ip_address'\]", id="person as id"),
        pytest.param({"metrics": {"n": unique("user_id")}}, r"metrics has \['user_id'\]", id="counted persons"),
        pytest.param({"builders": []}, "builders is empty", id="no builder"),
        pytest.param({"interval": "week"}, "interval: 'week' is not an interval", id="interval"),
        pytest.param({"index_interval": "hour"}, "index_interval: 'hour' cannot", id="index interval"),
        pytest.param({"interval": "year"}, "Set index_interval to 'year' or longer", id="longer"),
        pytest.param({"metrics": {"hits": "hits"}}, r"metrics\['hits'\] is 'hits'; use sum_of", id="metric"),
    ],
)
def test_a_mistake_is_named(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        declare(**changes)
