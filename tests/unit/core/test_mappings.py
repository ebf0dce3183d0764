"""Each field of a shipped index is mapped for what it is asked, and for nothing else: disk is what runs out first."""

import json

import pytest

from invenio_stats.contrib.__main__ import files
from invenio_stats.core import mappings
from invenio_stats.core.mappings import EVENT_FIELDS, TOTAL_FIELDS
from invenio_stats.declare import event_type, sum_of, unique

BOTH, SEARCHED, GROUPED, STORED = "searched and grouped", "searched", "grouped", "stored"

EVENTS = {
    "timestamp": (BOTH, "ranges of days, and the intervals of totals"),
    "updated_timestamp": (BOTH, "what changed since the bookmark; the newest event of a total"),
    "unique_id": (BOTH, "the key of totals"),
    "item_id": (BOTH, "the key of item usage"),
    "parent_id": (BOTH, "the key of record usage"),
    "search_page": (BOTH, "the key of the totals of searches"),
    "bucket_id": (BOTH, "an instance's aggregation may count by it"),
    "file_id": (BOTH, "an instance's aggregation may count by it"),
    "file_key": (BOTH, "an instance's aggregation may count by it"),
    "record_id": (BOTH, "an instance's aggregation may count by it"),
    "pid_type": (BOTH, "an instance's aggregation may count by it"),
    "pid_value": (BOTH, "an instance's aggregation may count by it"),
    "collection": (BOTH, "an instance's aggregation may count by it"),
    "country": (BOTH, "unusual days of a country are found and excluded"),
    "referrer": (BOTH, "unusual days of a host are found and excluded"),
    "agent_class": (BOTH, "totals of automated traffic by class"),
    "agent_id": (BOTH, "events of agents that are reclassified; the agents most often excluded"),
    "agent_ids": (SEARCHED, "documents with clicks of several agents, which are reclassified one by one"),
    "agents": (STORED, "read with the document of a double-click cell"),
    "is_robot": (BOTH, "robots are left out; programs of instances group by it"),
    "is_machine": (BOTH, "machines are left out; programs of instances group by it"),
    "access_method": (SEARCHED, "text and data mining is left out"),
    "superseded": (SEARCHED, "the filter of the alias"),
    "excluded": (SEARCHED, "the filter of the alias"),
    "excluded_by": (SEARCHED, "events of an exclusion are found by it, to include them again"),
    "former_ids": (BOTH, "totals that lose a changed event are found by it"),
    "visitor_id": (BOTH, "breakdowns are counted in windows of visitors; programs of instances count them"),
    "unique_session_id": (GROUPED, "different sessions are counted"),
    "size": (GROUPED, "added up"),
    "labels": (STORED, "copied into totals"),
    "access_status": (STORED, "copied into totals"),
    "access_type": (STORED, "read when the usage of items is counted"),
    "institution": (STORED, "read when the usage of items is counted"),
    "lists_version": (STORED, "tells an administrator by which lists an agent was classified"),
    "is_local_salt": (STORED, "tells an administrator where a key comes from"),
    "first": (STORED, "read with the document of a double-click cell"),
    "item_from": (STORED, "read with the document of a double-click cell"),
    "event_id": (STORED, "read with the document of a double-click cell"),
    "previous_visitor_id": (STORED, "never stored by us"),
}
"""Fields of raw events: what they are asked, and why."""

TOTALS = {
    **dict.fromkeys(
        (
            *("unique_id", "item_id", "parent_id", "labels", "access_status", "collection", "search_page"),
            *("bucket_id", "file_id", "file_key", "record_id", "pid_type", "pid_value", "agent_class"),
        ),
        (BOTH, "queries filter and group by it"),
    ),
    "timestamp": (BOTH, "ranges of days, and histograms"),
    "updated_timestamp": (BOTH, "programs ask for what has changed, in order"),
    "interval": (SEARCHED, "days or months"),
    "scope": (SEARCHED, "breakdowns of a scope"),
    "scope_id": (SEARCHED, "breakdowns of a scope"),
    "dimension": (SEARCHED, "breakdowns of a dimension"),
    **dict.fromkeys(
        (
            *("count", "unique_count", "volume", "views", "downloads", "unique_views", "unique_downloads"),
            *("total_item_investigations", "total_item_requests"),
            *("unique_item_investigations", "unique_item_requests"),
        ),
        (GROUPED, "added up"),
    ),
    "rows": (STORED, "returned as a whole"),
    "other": (STORED, "returned as a whole"),
    "requests_by_access_status": (BOTH, "fields by the names of data, which the engine maps by itself"),
    "requests_by_access_type": (BOTH, "fields by the names of data, which the engine maps by itself"),
}
"""Fields of totals."""


def use_of(field):
    """Return what a mapping lets one do."""
    if field.get("enabled") is False:
        return STORED
    return {(True, True): BOTH, (True, False): SEARCHED, (False, True): GROUPED, (False, False): STORED}[
        field.get("index", True), field.get("doc_values", True)
    ]


def shipped(kind):
    """Return path and body of the templates of events or of totals."""
    for path, text in files():
        if path.suffix == ".json" and (path.parts[0] == "aggregations") == (kind == "totals"):
            body = json.loads(text)
            yield pytest.param(body.get("template", body), id=str(path))


@pytest.mark.parametrize("body", shipped("events"))
def test_fields_of_events_are_mapped_for_what_they_are_asked(body):
    """A new field needs a line in the table above: whether it is searched, whether it is grouped by, and why."""
    found = {name: use_of(field) for name, field in body["mappings"]["properties"].items()}
    assert found == {name: EVENTS[name][0] for name in found}


@pytest.mark.parametrize("body", shipped("totals"))
def test_fields_of_totals_are_mapped_for_what_they_are_asked(body):
    found = {name: use_of(field) for name, field in body["mappings"]["properties"].items()}
    assert found == {name: TOTALS[name][0] for name in found}


def test_every_line_of_the_tables_is_about_a_field():
    properties = {
        kind: {name for param in shipped(kind) for name in param.values[0]["mappings"]["properties"]}
        for kind in ("events", "totals")
    }
    assert set(EVENTS) == properties["events"]
    assert set(TOTALS) - {"agent_class"} == properties["totals"]


@pytest.mark.parametrize("body", [*shipped("events"), *shipped("totals")])
def test_what_is_many_is_compressed(body):
    assert body["settings"]["index"]["codec"] == "best_compression"


@pytest.mark.parametrize("body", shipped("totals"))
def test_an_index_is_sorted_by_fields_that_have_doc_values(body):
    """Without them the engine refuses to make it."""
    for name in body["settings"]["index"].get("sort.field", ()):
        assert use_of(body["mappings"]["properties"][name]) == BOTH


def test_a_declared_type_is_as_lean():
    """Its kept fields are those that further aggregations may count by; each field of every event is as always."""
    made = event_type(
        "facet-chosen",
        builders=["x:y"],
        unique_id="{facet}",
        keep=["facet", "country"],
        metrics={"hits": sum_of("hits"), "terms": unique("term"), "visitors": unique("visitor_id")},
    )
    own = made.events["facet-chosen"]["params"]["fields"]
    assert {name: use_of(field) for name, field in own.items()} == {
        "facet": BOTH, "country": BOTH, "hits": GROUPED, "term": GROUPED, "visitor_id": BOTH,
    }  # fmt: skip
    body = mappings.events_body("alias", own)
    others = {name: use_of(field) for name, field in body["mappings"]["properties"].items() if name not in own}
    assert others == {name: use for name, (use, _) in EVENTS.items() if name in EVENT_FIELDS and name not in own}
    totals = made.aggregations["facet-chosen-agg"]["params"]["fields"]
    assert {name: use_of(field) for name, field in totals.items()} == {
        "facet": BOTH, "country": BOTH, "hits": GROUPED, "terms": GROUPED, "visitors": GROUPED,
    }  # fmt: skip


def test_fields_that_any_index_gets_are_those_of_the_tables():
    """They are added to the mappings of other programs, too."""
    assert {name: use_of(field) for name, field in EVENT_FIELDS.items()} == {
        name: EVENTS[name][0] for name in EVENT_FIELDS
    }
    assert {name: use_of(field) for name, field in TOTAL_FIELDS.items()} == {
        name: TOTALS[name][0] for name in TOTAL_FIELDS
    }
