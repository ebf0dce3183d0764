"""What the package asks works over older indices with full mappings and new ones with lean mappings together."""

import pytest

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, QUERIES_CONFIG
from invenio_stats.core.mappings import EVENT_FIELDS, NOT_HIDDEN
from invenio_stats.definitions.aggregators import automated_traffic
from invenio_stats.errors import FieldNotCountableError
from tests.fixtures.usage import COUNTER

OLD, NEW = "2026-02-10", "2026-03-10"
TYPES = ("record-view", "file-download")


def fully(template):
    """Return the mappings of older releases: every field is searched and grouped by."""
    return {
        name: {option: value for option, value in field.items() if option not in ("index", "doc_values")}
        for name, field in template.items()
    }


@pytest.fixture
def mixed(put_templates, search_client, index_prefix):
    """Make February's indices of events and totals as older releases did; March's are made from the templates."""
    for start in [f"{kind}stats-{event_type}" for kind in ("events-", "") for event_type in TYPES]:
        alias, scratch = f"{index_prefix}{start}", f"{index_prefix}{start}-2026-09"
        search_client.indices.create(index=scratch)
        lean = search_client.indices.get_mapping(index=scratch)[scratch]["mappings"]
        search_client.indices.delete(index=scratch)
        name, aliases = f"{index_prefix}old-{start}-2026-02", {alias: {}, f"{alias}-2026-02": {}}
        if start.startswith("events-"):
            aliases[alias] = {"filter": NOT_HIDDEN}
        mappings = {"dynamic": False, "properties": fully(lean["properties"])}
        search_client.indices.create(index=name, body={"mappings": mappings, "aliases": aliases})


@pytest.fixture
def used(mixed, usage):
    """The same use on both days: two views and a download of two sessions, a robot, and a superseded click."""
    for day in (OLD, NEW):
        record = {"record_id": "r", "pid_type": "recid", "pid_value": "1", "unique_id": "recid_1"}
        people = {"visitor_id": "0a", "country": "CH", "referrer": "a.example", "agent_class": "browser"}
        usage.view(day=day, session="s1", **record, **people)
        usage.view(day=day, session="s2", **record, **people)
        usage.view(day=day, session="s3", **record, **people, superseded=True)
        usage.view(day=day, session="s4", **record, is_robot=True, agent_class="robot", visitor_id="0b")
        file = {"bucket_id": "b", "file_id": "f", "file_key": "07", "unique_id": "b_f"}
        usage.download(day=day, **file, **people)


def test_totals_of_both_are_the_same(used, counted_by, search_client, index_prefix, refresh):
    for name in AGGREGATIONS_CONFIG:
        counted_by(name)
    found = {}
    for event_type in TYPES:
        hits = search_client.search(index=f"{index_prefix}stats-{event_type}")["hits"]["hits"]
        found[event_type] = {hit["_id"]: (hit["_source"]["count"], hit["_source"]["unique_count"]) for hit in hits}
    assert found == {
        "record-view": {f"recid_1-{day}": (2, 2) for day in (OLD, NEW)},
        "file-download": {f"b_f-{day}": (1, 1) for day in (OLD, NEW)},
    }


@pytest.fixture
def counted_by(search_client, clock, refresh):
    def run(name, **changed):
        refresh()
        params = {**AGGREGATIONS_CONFIG[name]["params"], **changed}
        aggregator = AGGREGATIONS_CONFIG[name]["cls"](name=name, **params)
        aggregator.run()
        automated_traffic(aggregator).run()
        refresh()

    return run


@pytest.mark.parametrize(
    ("name", "params", "answer"),
    [
        ("bucket-file-download-histogram", {"bucket_id": "b", "file_key": "07", "interval": "month"}, [1.0, 1.0]),
        ("record-view-histogram", {"pid_value": "1", "interval": "month"}, [2.0, 2.0]),
        ("record-view-total", {"pid_value": "1", "pid_type": "recid"}, 4.0),
        ("bucket-file-download-total", {"bucket_id": "b"}, 2.0),
    ],
)
def test_shipped_queries_add_up_both(used, counted_by, name, params, answer):
    """`07` is compared by a wildcard, since it is another spelling of a number."""
    for aggregation in AGGREGATIONS_CONFIG:
        counted_by(aggregation)
    query = QUERIES_CONFIG[name]
    found = query["cls"](name=name, **query["params"]).run(**params)
    metric = next(iter(query["params"].get("metric_fields", {"value": ()})))
    if "interval" in params:
        assert [bucket[metric] for bucket in found["buckets"]] == answer
    else:
        assert found[metric] == answer


def test_usage_of_both_is_the_same(used, usage_aggregator, stored_usage):
    assert usage_aggregator().run() == [(1, 0), (1, 0)]
    first, second = (stored_usage[day] for day in (OLD, NEW))
    assert first == second
    assert [first[name] for name in COUNTER] == [3, 1, 2, 1]


@pytest.fixture
def stored_usage(search_client, index_prefix, refresh):
    class ByDay(dict):
        def __missing__(self, day):
            refresh()
            source = search_client.get(index=f"{index_prefix}stats-item-usage-{day[:7]}", id=f"i1-{day}")["_source"]
            return {name: value for name, value in source.items() if "timestamp" not in name}

    return ByDay()


def test_breakdowns_of_both_are_the_same(used, usage_aggregator, search_client, index_prefix, refresh):
    for name in ("item-usage-agg", "record-usage-agg"):
        usage_aggregator(name).run()
    refresh()
    breakdowns = usage_aggregator("usage-breakdown-agg", UsageBreakdownAggregator)
    breakdowns.events_per_window = 2  # several windows of visitors
    breakdowns.run()
    refresh()
    alias = f"{index_prefix}stats-usage-breakdown"
    query = {"bool": {"filter": [{"term": {"interval": "day"}}, {"term": {"dimension": "country"}}]}}
    hits = search_client.search(index=alias, body={"query": query})["hits"]["hits"]
    rows = {hit["_source"]["timestamp"][:10]: hit["_source"]["rows"] for hit in hits}
    assert rows[OLD] == rows[NEW]
    assert [row["visitors"] for row in rows[NEW]] == [1]


def test_what_changed_later_is_found_in_both(used, counted_by, usage, clock, search_client, index_prefix):
    counted_by("record-view-agg")
    clock.forward(hours=1)
    for day in (OLD, NEW):
        usage.view(day=day, session="s9", unique_id="recid_1")
    counted_by("record-view-agg")
    hits = search_client.search(index=f"{index_prefix}stats-record-view")["hits"]["hits"]
    assert [hit["_source"]["count"] for hit in hits] == [3, 3]


@pytest.mark.parametrize("field", ["record_id", "pid_value"])
def test_an_instance_may_count_by_the_fields_of_the_thing(used, counted_by, field, usage, clock):
    counted_by("record-view-agg", field=field)
    clock.forward(hours=1)
    usage.view(day=NEW, record_id="r", pid_value="1", unique_id="recid_1")
    counted_by("record-view-agg", field=field)


@pytest.mark.expect_logged_errors
def test_a_field_that_is_only_stored_is_named_as_the_reason(used, counted_by):
    with pytest.raises(FieldNotCountableError, match="'labels' without doc values"):
        counted_by("record-view-agg", field="labels")


def test_every_engine_takes_the_fields(search_client, index_prefix):
    index = f"{index_prefix}any"
    search_client.indices.create(index=index, body={"mappings": {"properties": EVENT_FIELDS}})
    assert search_client.indices.get_mapping(index=index)[index]["mappings"]["properties"].keys() == EVENT_FIELDS.keys()
