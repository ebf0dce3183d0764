"""Bodies and fingerprints: what an index that takes over from others is made of, and how it is compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.mappings import NOT_HIDDEN
from invenio_stats.errors import CompactionError
from invenio_stats.operations.compaction.fingerprints import Fingerprint
from invenio_stats.operations.compaction.index_bodies import all_properties, replace_actions, settings_like
from invenio_stats.operations.inventory import Index, Shards, sums

sources = st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.text(max_size=3), st.none()), max_size=3)
documents = st.dictionaries(st.text(min_size=1, max_size=3), sources, max_size=6)


def test_lean_fields_of_the_newest_day_go_before_those_of_older_releases():
    """The target is made with the mapping of the newest day, and the engine refuses to change a field's options."""
    full, lean = {"type": "keyword"}, {"type": "keyword", "index": False, "doc_values": False}
    days = [{"mappings": {"properties": {"event_id": field, "unique_id": full}}} for field in (full, lean)]
    assert all_properties(days) == {"event_id": lean, "unique_id": full}


def fingerprint(found):
    made = Fingerprint()
    for document_id, source in found:
        made.add(document_id, source)
    return made


@given(documents, st.randoms())
def test_the_order_of_documents_and_fields_plays_no_part(found, random):
    items = [(key, dict(reversed(source.items()))) for key, source in found.items()]
    random.shuffle(items)
    assert fingerprint(items).digest() == fingerprint(found.items()).digest()


@given(documents, documents)
def test_only_the_same_documents_have_the_same_fingerprint(some, others):
    assert (fingerprint(some.items()).digest() == fingerprint(others.items()).digest()) == (some == others)


@given(documents, st.text(max_size=3), sources)
def test_a_document_can_be_taken_out_again(found, document_id, source):
    made = fingerprint(found.items())
    before = made.digest()
    made.add(document_id, source)
    made.remove(document_id, source)
    assert made.digest() == before


def about(**properties):
    return {"mappings": {"properties": properties}}


def test_fields_come_together_with_those_inside_of_others():
    inner = {"properties": {"a": {"type": "keyword"}}}
    other = {"properties": {"b": {"type": "long"}}}
    assert all_properties([about(x={"type": "keyword"}), about(o=inner), about(o=other), {"mappings": {}}]) == {
        "x": {"type": "keyword"},
        "o": {"properties": {"a": {"type": "keyword"}, "b": {"type": "long"}}},
    }
    with pytest.raises(CompactionError, match=r"'o\.a' is 'keyword'"):
        all_properties([about(o=inner), about(o={"properties": {"a": {"type": "long"}}})])
    with pytest.raises(CompactionError, match="'o' is 'object' on one day and 'keyword'"):
        all_properties([about(o=inner), about(o={"type": "keyword"})])


def test_settings_are_those_of_the_newest_day_without_what_is_its_own():
    settings = {
        "index.uuid": "u",
        "index.blocks.write": "true",
        "index.number_of_shards": "2",
        "index.number_of_replicas": "1",
        "index.auto_expand_replicas": "0-1",
        "index.mapping.total_fields.limit": "7",
    }
    assert settings_like({"settings": settings}) == {
        "index.number_of_shards": "2",
        "index.auto_expand_replicas": "0-1",
        "index.mapping.total_fields.limit": "7",
        "index.hidden": True,
    }
    settings["index.auto_expand_replicas"] = "false"
    assert settings_like({"settings": settings})["index.number_of_replicas"] == "1"


def test_all_names_go_over_at_one_stroke():
    indices = {
        "e-2026-01": {"aliases": {"e": {}, "e-2026-01-07": {}}},
        "e-2026-01-03": {"aliases": {"e": {}, "mine": {"filter": {"term": {"a": 1}}, "is_write_index": True}}},
    }
    actions = replace_actions("e-2026-01.2", "e", indices)
    assert actions[:2] == [{"remove_index": {"index": index}} for index in indices]
    added = {action["add"].pop("alias"): action["add"] for action in actions[2:]}
    target = {"index": "e-2026-01.2"}
    assert added == {
        "e": {**target, "filter": NOT_HIDDEN},
        "mine": {**target, "filter": {"term": {"a": 1}}},
        **{name: target for name in ("e-2026-01-07", "e-2026-01", "e-2026-01-03")},
    }


@pytest.mark.parametrize(
    ("used", "daily", "level", "days"), [(0, 2, "ok", 500), (800, 2, "warning", 100), (1200, 0, "error", None)]
)
def test_the_level_says_how_near_the_limit_is(used, daily, level, days):
    shards = Shards(used, 1000, daily)
    assert (shards.level, shards.days_left) == (level, days)


def test_sums_are_by_kind():
    found = [Index("a", "events", "x", 1, 2, 3, []), Index("b", "totals", "x", 10, 20, 30, [])]
    assert {kind: tuple(line) for kind, line in sums(found).items()} == {
        "events": (1, 1, 2, 3),
        "totals": (1, 10, 20, 30),
        "all": (2, 11, 22, 33),
    }
