"""After a reclassification documents are as if the class had been right from the beginning."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.double_clicks import cell_start, identity_of
from invenio_stats.core.reclassification import (
    Classification,
    StoredClick,
    counts,
    is_ghost,
    is_outdated,
    plan_steps,
    reclassify,
)
from tests.fixtures.clicks import MIDNIGHT, NOON, day_index, make_click
from tests.laws import examples
from tests.unit.processing.test_double_clicks import store

CLASSES = {
    "browser": Classification("browser", False, "lists"),
    "unknown": Classification("unknown", False, "lists"),
    "robot": Classification("robot", True, "lists"),
    "ai": Classification("ai", True, "lists"),
    "machine": Classification("machine", False, "lists"),
}
AGENTS = "abc"
LEFT_OUT = ("updated_timestamp", "former_ids", "lists_version")
classes = st.fixed_dictionaries({agent: st.sampled_from(sorted(CLASSES)) for agent in AGENTS})
moments = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(AGENTS), st.sampled_from([None, "I", "J"])),
    min_size=1,
    max_size=12,
    unique_by=lambda click: click[:2],
)


def clicks_of(found, by_agent, start=NOON):
    """Return clicks of one person with several user agents, each with the class of its agent."""
    for second, agent, item in found:
        click = make_click(start + timedelta(seconds=second), event_id=f"{second}{agent}", item=item)
        fields = {**click.fields, "agent_id": agent, **CLASSES[by_agent[agent]].fields, "lists_version": "first"}
        yield click._replace(fields=fields, identity=identity_of(fields))


def stored(engine):
    """Return the documents of an engine, without ghosts."""
    found = [StoredClick(*address, source) for address, (source, _seq_no) in engine.documents.items()]
    return [click for click in found if not is_ghost(click.source)]


def comparable(found):
    """Return documents without the time of writing, and without the ids that they had before."""
    return {click.document_id: _comparable(click.source) for click in found}


def _comparable(source):
    fields = {name: value for name, value in source.items() if name not in LEFT_OUT}
    if "agents" in fields:
        fields["agents"] = {agent: _comparable(part) for agent, part in fields["agents"].items()}
    return fields


def now(by_agent, version="second"):
    return {agent: CLASSES[agent_class]._replace(lists_version=version) for agent, agent_class in by_agent.items()}


@examples(3)
@given(moments, classes, classes)
def test_reclassified_documents_are_those_of_a_plain_processing(found, before, after):
    """Also if clicks of several agents shared a cell, or were chained; and back again."""
    stored_before, expected = stored(store(clicks_of(found, before))), stored(store(clicks_of(found, after)))
    moved = reclassify(stored_before, now(after), 30)
    assert comparable(moved) == comparable(expected)
    assert comparable(reclassify(moved, now(after), 30)) == comparable(moved)
    assert comparable(reclassify(moved, now(before, "third"), 30)) == comparable(stored_before)
    assert not any(is_outdated(click.source, now(after)) for click in moved)


@given(moments, classes, classes)
def test_nothing_changes_where_nothing_is_outdated(found, before, after):
    made = stored(store(clicks_of(found, before)))
    unchanged = {click.document_id: click.source for click in reclassify(made, now(before), 30)}
    assert unchanged == {
        click.document_id: {name: value for name, value in click.source.items() if name != "updated_timestamp"}
        for click in made
    }


@given(moments, classes, classes, st.integers(0, 20))
def test_what_was_interrupted_is_completed(found, before, after, done):
    """Wherever it was: a click is in one of the documents at any time."""
    made = stored(store(clicks_of(found, before)))
    moved = reclassify(made, now(after), 30)
    *writes, deletes = plan_steps(made, moved)
    changes = [(click[:2], click) for step in writes for click in step] + [(click[:2], None) for click in deletes]
    there = {click[:2]: click for click in made} | dict(changes[:done])
    assert comparable(reclassify([click for click in there.values() if click], now(after), 30)) == comparable(moved)


def test_a_chain_across_midnight_stays_one():
    """The ghost of the later click does not tell whose it is."""
    found = [(-10, "a", None), (10, "a", None)]
    made = stored(store(clicks_of(found, dict.fromkeys(AGENTS, "browser"), start=MIDNIGHT)))
    yesterday = [click for click in made if click.index_name == day_index(MIDNIGHT - timedelta(days=1))]
    (moved,) = reclassify(yesterday, now(dict.fromkeys(AGENTS, "robot")), 30)
    assert moved.source["superseded"]
    (back,) = reclassify([moved], now(dict.fromkeys(AGENTS, "browser"), "third"), 30)
    assert comparable([back]) == comparable(yesterday)


def test_an_exclusion_stays_with_all_that_a_document_is_divided_into():
    made = stored(store(clicks_of([(0, "a", None), (5, "b", None)], dict.fromkeys(AGENTS, "browser"))))
    excluded = [click._replace(source={**click.source, "excluded": True, "excluded_by": ["x"]}) for click in made]
    moved = reclassify(excluded, now({"a": "browser", "b": "robot"}), 30)
    assert [click.source["excluded_by"] for click in moved] == [["x"], ["x"]]
    assert not any(counts(click.source) for click in moved)


@pytest.mark.parametrize("fields", [{}, {"visitor_id": None}], ids=["none", "null"])
def test_an_event_without_a_visitor_only_changes_its_class(fields):
    source = {"unique_id": "A", "timestamp": "2026-01-30T12:00:00", "event_id": "e", "agent_id": "a", **fields}
    source |= {**CLASSES["browser"].fields, "lists_version": "first"}
    (moved,) = reclassify([StoredClick("i", "e", source)], now({"a": "robot"}), 30)
    assert moved == ("i", "e", {**source, **CLASSES["robot"].fields, "lists_version": "second"})


def test_what_these_lists_have_classified_stays():
    """They have seen the whole text of the user agent, the catalog has the reduced one."""
    (click,) = clicks_of([(0, "a", None)], dict.fromkeys(AGENTS, "browser"))
    assert not is_outdated(click.fields, now({"a": "robot"}, "first"))


def test_a_document_of_an_earlier_release_keeps_its_id():
    """Keys of robots told their class then, and ids did not."""
    (click,) = clicks_of([(0, "a", None)], dict.fromkeys(AGENTS, "robot"))
    old = StoredClick("i", f"{cell_start(NOON, 30)}-old", {**click.fields, "event_id": "e"})
    assert reclassify([old], {}, 30)[0].document_id == old.document_id
    (moved,) = reclassify([old], now({"a": "browser"}), 30)
    assert moved.document_id != old.document_id
