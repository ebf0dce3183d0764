"""An InvenioRDM begun with the public 7.0.2, switched to this package, and back again as docs/upgrading says.

At each switch messages wait, and all of it happens on one day: nothing is lost in either direction.
"""

import pytest

from .instance import EVENT_TYPES, PUBLIC
from .phases import PAST, PEOPLE, counts_of, days_of, expected, observe, publish_past, visit
from .processes import Program, Web
from .visits import Visitor, addresses


@pytest.fixture(scope="module")
def instance(make_instance):
    from tests.fixtures.services import without_service

    if not PUBLIC.is_dir():
        without_service(f"no public release in {PUBLIC}: ./run-tests.sh --only rdm")
    return make_instance()


@pytest.fixture(scope="module")
def records(instance):
    """Return the ids of the records, made under the public release."""
    program = Program(instance, "public").ready()
    program.call("set_up", str(instance.folder / "files"))
    records = program.call("create_records")
    program.stop()
    return records


@pytest.fixture(scope="module")
def begun(instance, records):
    """Return what there was under 7.0.2: days of the past counted, today's visits too; then messages that wait."""
    program, web = instance.start("public")
    publish_past(program, records, PAST, addresses(200, 3))
    visit(web, records, phase=0)
    program.count()
    program.call("reindex")
    counted = observe(instance)
    visit(web, records, phase=1)
    publish_past(program, records, PAST[1:2], addresses(210, 1))
    web.stop()
    program.stop()
    return counted._replace(waiting=instance.waiting())


@pytest.fixture(scope="module")
def switched(instance, records, begun):
    """Return what there was under this package; then messages of its own that wait."""
    program, web = instance.start("ours")
    program.call("put_templates")
    program.count()
    read = observe(instance)
    visit(web, records, phase=2)
    program.count()
    program.call("reindex")
    visitor = Visitor(web.url, "198.51.100.250")
    said = {
        "after reading": read.counted,
        "search": visitor.search(),
        "events": [event for name in EVENT_TYPES for event in instance.documents(f"events-stats-{name}").values()],
        "verify": program.call("stats", "verify"),
        "status": program.call("stats", "status"),
        "bookmarks": program.call("stats", "aggregations", "list-bookmarks"),
    }
    visitor.close()
    counted = observe(instance, **said)
    visit(web, records, phase=3)
    web.stop()
    before = program.call("stats", "doctor", "--before-downgrade")
    waiting = instance.waiting()
    program.call("stats", "events", "process", "--eager")
    after = program.call("stats", "doctor", "--before-downgrade")
    program.call("stats", "aggregations", "process", "--eager", "-b")
    program.stop()
    counted.said.update({"doctor before": before, "doctor after": after})
    return counted._replace(waiting=waiting)


@pytest.fixture(scope="module")
def returned(instance, records, switched):
    """Return what there was under 7.0.2 once more."""
    program, web = instance.start("public")
    program.call("put_templates")
    program.count()
    read = observe(instance)
    visit(web, records, phase=4)
    program.count()
    program.call("reindex")
    visitor = Visitor(web.url, "198.51.100.250")
    said = {"after reading": read.counted, "search": visitor.search()}
    visitor.close()
    web.stop()
    counted = observe(instance, **said)
    mixed = Web(instance, "ours", RDM_READABLE_FOR="7.x").ready()
    visit(mixed, records, phase=5)
    mixed.stop()
    program.count()
    program.stop()
    counted.said["mixed"] = instance.counted()
    return counted


def test_it_begins_as_an_instance_of_the_public_release(begun, records):
    assert begun.counted == expected(records, phases=1, past=3 * len(PAST))
    assert begun.waiting == {"record-view": 2 * PEOPLE + 1, "file-download": 2 * PEOPLE + 1}


def test_messages_of_the_public_release_are_counted(switched, records):
    """Those of today, and a late one for a day that was counted before."""
    assert switched.said["after reading"] == expected(records, phases=2, past=3 * len(PAST) + 1)


def test_new_views_are_counted_beside_those_before_on_the_same_day(switched, records):
    assert switched.counted == expected(records, phases=3, past=3 * len(PAST) + 1)


def test_the_salt_of_the_public_release_does_not_stand_in_the_way_of_ours(switched):
    """Both keep theirs in the same cache; a process that could not read it would go by a salt of its own."""
    ours = [event for event in switched.said["events"] if event.get("event_id")]
    assert len(ours) == 2 * 2 * 2 * PEOPLE + 2
    assert not [event for event in ours if event.get("is_local_salt")]


def test_totals_of_the_past_stay_as_they_were(begun, switched, returned):
    """Not even their time of change moves, or InvenioRDM would index all its records again."""
    past = days_of(begun.totals, PAST[0], PAST[2])
    assert len(past) == 4
    assert days_of(switched.totals, PAST[0], PAST[2]) == past
    assert counts_of(days_of(returned.totals, PAST[0], PAST[2])) == counts_of(past)


def test_a_late_event_changes_its_own_day(begun, switched):
    before, after = (counts_of(days_of(phase.totals, PAST[1])) for phase in (begun, switched))
    assert after == {key: count + 1 for key, count in before.items()}


def test_commands_find_no_difference_after_the_switch(switched):
    for command in ("verify", "status", "bookmarks"):
        code, output = switched.said[command]
        assert code == 0, output


def test_bookmarks_of_the_public_release_stay(begun, switched):
    assert begun.bookmarks
    assert begun.bookmarks.items() <= switched.bookmarks.items()


def test_the_index_of_bookmarks_holds_bookmarks_only(switched):
    """Programs count and list its documents."""
    types = {bookmark["aggregation_type"] for bookmark in switched.bookmarks.values()}
    assert types == {"record-view-agg", "file-download-agg", "stats_reindex"}


@pytest.mark.parametrize("phase", ["switched", "returned"])
def test_search_results_have_the_numbers(phase, records, request):
    found = request.getfixturevalue(phase)
    for version in ("v1", "v2"):
        numbers = found.said["search"][records[version]]["this_version"]
        assert (numbers["views"], numbers["unique_views"]) == found.counted["record-view", records[version]]
        assert (numbers["downloads"], numbers["unique_downloads"]) == found.counted["file-download", records[version]]


def test_doctor_says_when_the_public_release_may_take_over(switched):
    """Messages of ours are what it cannot read."""
    assert min(switched.waiting.values()) > 0
    code, output = switched.said["doctor before"]
    assert code == 1, output
    assert "Messages that 7.x would lose wait" in output
    code, output = switched.said["doctor after"]
    assert code == 0, output


def test_going_back_loses_nothing_that_was_waiting(returned, records):
    assert returned.said["after reading"] == expected(records, phases=4, past=3 * len(PAST) + 1)


def test_the_public_release_counts_on_the_same_day(returned, records):
    assert returned.waiting == {"record-view": 0, "file-download": 0}
    assert returned.counted == expected(records, phases=5, past=3 * len(PAST) + 1)


def test_a_worker_of_the_public_release_reads_web_nodes_of_ours_with_two_settings(returned, records):
    assert returned.said["mixed"] == expected(records, phases=6, past=3 * len(PAST) + 1)
