"""The JSON templates equal the mappings, in every folder that an engine's client reads."""

import json
from pathlib import Path

import pytest

import invenio_stats.contrib as contrib
from invenio_stats.contrib.__main__ import files

HERE = Path(contrib.__file__).parent
FILES = dict(files())


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path)) for path in FILES])
def test_a_generated_file_is_what_its_source_says(path):
    """Run `python -m invenio_stats.contrib` after a change of the mappings."""
    assert (HERE / path).read_text() == FILES[path]


def test_no_template_is_there_that_nothing_generates():
    assert {path.relative_to(HERE) for path in HERE.rglob("*.json")} == {
        path for path in FILES if path.suffix == ".json"
    }


def test_the_fields_of_a_message_are_mapped():
    body = json.loads((HERE / "record_view/os-v2/record-view-v1.json").read_text())
    assert {
        "item_id", "parent_id", "labels", "access_status", "access_type", "access_method", "institution",
        "previous_visitor_id", "agent_class", "agent_id", "lists_version",
        "first", "superseded", "excluded", "event_id", "record_id",
    } <= set(body["mappings"]["properties"])  # fmt: skip
    assert body["settings"]["index"]["number_of_shards"] == 1
    assert body["aliases"] == {
        "__SEARCH_INDEX_PREFIX__events-stats-record-view": {
            "filter": {"bool": {"must_not": [{"term": {"superseded": True}}, {"term": {"excluded": True}}]}}
        }
    }


def test_a_template_of_searches_is_not_for_a_type_whose_name_begins_alike():
    """`events-stats-search-*` would take the indices of a declared type `search-made`."""
    body = json.loads((HERE / "search/os-v2/search-v1.json").read_text())
    assert body["index_patterns"] == ["__SEARCH_INDEX_PREFIX__events-stats-search-2*"]


def test_a_composable_body_holds_the_same_under_template():
    legacy = json.loads((HERE / "record_view/os-v2/record-view-v1.json").read_text())
    composable = json.loads((HERE / "record_view/composable/os-v2/record-view-v1.json").read_text())
    assert composable["template"] == {key: legacy[key] for key in ("settings", "mappings", "aliases")}
