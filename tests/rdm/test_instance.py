"""A stock InvenioRDM with this package: from a visitor's request to the numbers in its search results."""

import json
from datetime import date, timedelta

import pytest

from .processes import Program, Web
from .visits import AUTOMATED, Visitor, addresses

PEOPLE = 5


@pytest.fixture(scope="module")
def instance(make_instance):
    return make_instance()


@pytest.fixture(scope="module")
def program(instance):
    program = Program(instance, "ours").ready()
    program.call("set_up", str(instance.folder / "files"))
    return program


@pytest.fixture(scope="module")
def records(program):
    """Return the ids of the records and what belongs to them."""
    return program.call("create_records")


@pytest.fixture(scope="module")
def web(instance, records):
    return Web(instance, "ours").ready()


@pytest.fixture(scope="module")
def used(web, program, records):
    """Visits of people, of robots and tools, and of the owner; return what processing and aggregation said."""
    v1, v2, file = records["v1"], records["v2"], records["file"]
    for address in addresses(1, PEOPLE):
        visit(web.url, v1, v2, file, address=address)
    for address, agent in zip(addresses(100, len(AUTOMATED)), AUTOMATED, strict=True):
        visit(web.url, v1, v2, file, address=address, agent=agent)
    owner = Visitor(web.url, "198.51.100.200").sign_in("owner@example.org", records["password"])
    owner.view(records["restricted"])
    owner.download(records["restricted"], file)
    owner.close()
    return program.count()


def visit(url, v1, v2, file, **who):
    """Look at two versions and take their files; what is done twice is a double click."""
    visitor = Visitor(url, **who)
    for _ in range(2):
        visitor.view(v1)
        visitor.download(v1, file)
    visitor.view(v2)
    visitor.view_by_api(v2)
    visitor.download_by_api(v2, file)
    visitor.close()


@pytest.fixture
def ask(records):
    """Return a function that asks the four queries of a record: its statuses and, where it may, the answers."""

    def run(web, recid, parent, email=None):
        visitor = Visitor(web.url, "198.51.100.250")
        if email:
            visitor.sign_in(email, records["password"])
        by_record, by_parent = {"recid": recid}, {"parent_recid": parent}
        questions = {
            "record-view": by_record,
            "record-view-all-versions": by_parent,
            "record-download": by_record,
            "record-download-all-versions": by_parent,
        }
        answers = {name: visitor.ask({"a": {"stat": name, "params": params}}) for name, params in questions.items()}
        visitor.close()
        statuses = {answer.status_code for answer in answers.values()}
        return statuses, {name: answer.json().get("a") for name, answer in answers.items()}

    return run


def test_people_are_counted_once_and_robots_and_tools_never(instance, records, used):
    v1, v2, restricted = records["v1"], records["v2"], records["restricted"]
    assert instance.counted() == {
        ("record-view", v1): (PEOPLE, PEOPLE),
        ("record-view", v2): (PEOPLE, PEOPLE),
        ("record-view", restricted): (1, 1),
        ("file-download", v1): (PEOPLE, PEOPLE),
        ("file-download", v2): (PEOPLE, PEOPLE),
        ("file-download", restricted): (1, 1),
    }


def test_processing_and_aggregation_say_what_they_did(used):
    processed, aggregated = used
    assert {name: failed for name, (_, failed) in processed} == {"file-download": 0, "record-view": 0}
    assert all(failed == 0 for runs in aggregated for _, failed in runs)


def test_nothing_waits_and_nothing_is_a_dead_letter(instance, program, used):
    assert instance.waiting() == {"record-view": 0, "file-download": 0}
    code, output = program.call("stats", "status", "--json")
    assert code == 0, output
    status = json.loads(output)
    assert {line["failed"] for line in status["events"].values()} == {0}
    problems = [line["problems"] for lines in (status["events"], status["aggregations"]) for line in lines.values()]
    assert not any(problems)


def test_an_event_has_the_community_of_its_record(instance, records, used):
    for event_type in ("record-view", "file-download"):
        events = instance.documents(f"events-stats-{event_type}").values()
        labels = {event["recid"]: event.get("labels") for event in events}
        assert len(labels[records["v1"]]) == 1
        assert labels[records["v1"]] == labels[records["v2"]]
        assert not labels[records["restricted"]]


@pytest.mark.parametrize(("email", "status"), [(None, 401), ("owner@example.org", 403), ("stranger@example.org", 403)])
def test_with_the_stock_policy_nobody_may_ask(ask, web, records, used, email, status):
    """InvenioRDM ships `can_query_stats = [Disable()]`; never is the answer a 500."""
    assert ask(web, records["v1"], records["parent"], email)[0] == {status}


@pytest.fixture(scope="module")
def open_web(instance, used):
    """A web server whose policy lets those ask who may read."""
    return Web(instance, "ours", RDM_POLICY="can_read").ready()


@pytest.mark.parametrize(
    ("record", "email", "status"),
    [
        pytest.param("v1", None, 200, id="public, anonymous"),
        pytest.param("v1", "stranger@example.org", 200, id="public, stranger"),
        pytest.param("restricted", None, 401, id="restricted, anonymous"),
        pytest.param("restricted", "stranger@example.org", 403, id="restricted, stranger"),
        pytest.param("restricted", "owner@example.org", 200, id="restricted, owner"),
    ],
)
def test_with_a_policy_that_follows_can_read_who_may_read_may_ask(ask, open_web, records, record, email, status):
    parent = records["parent" if record == "v1" else "restricted_parent"]
    statuses, answers = ask(open_web, records[record], parent, email)
    assert statuses == {status}
    if status == 200:
        number, versions = (PEOPLE, 2) if record == "v1" else (1, 1)
        assert answers["record-view"]["views"] == answers["record-view"]["unique_views"] == number
        assert answers["record-view-all-versions"]["views"] == number * versions
        assert answers["record-download"]["downloads"] == answers["record-download"]["unique_downloads"] == number
        assert answers["record-download-all-versions"]["downloads"] == number * versions


def test_the_volume_is_that_of_the_files(ask, open_web, records):
    answers = ask(open_web, records["v2"], records["parent"])[1]
    assert answers["record-download"]["data_volume"] == PEOPLE * len(b"a,b\n" * 50)
    assert answers["record-download-all-versions"]["data_volume"] == PEOPLE * len(b"a,b\n" * 75)


def test_search_results_have_the_numbers_after_the_reindex_task(program, web, records, used):
    program.call("reindex")
    visitor = Visitor(web.url, "198.51.100.250")
    found = visitor.search()
    visitor.close()
    assert set(found) == {records["v1"], records["v2"]}
    for numbers in found.values():
        for name in ("views", "unique_views", "downloads", "unique_downloads"):
            assert numbers["this_version"][name] == PEOPLE
            assert numbers["all_versions"][name] == 2 * PEOPLE


TODAY = date.today()  # noqa: DTZ011 - a range that is wide enough in any zone
RANGE = ("--from", f"{TODAY - timedelta(days=2)}", "--to", f"{TODAY + timedelta(days=2)}")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(["status"], "all times are UTC", id="status"),
        pytest.param(["doctor"], "The search engine answers (2.", id="doctor"),
        pytest.param(["doctor", "--before-downgrade"], "No messages wait on the queues.", id="before a downgrade"),
        pytest.param(["verify"], "", id="verify"),
        pytest.param(["aggregations", "rebuild", *RANGE, "--dry-run"], "", id="rebuild"),
        pytest.param(["aggregations", "list-bookmarks"], "record-view-agg:", id="bookmarks"),
    ],
)
def test_commands_find_everything_in_order(program, used, command, said):
    code, output = program.call("stats", *command)
    assert code == 0, output
    assert said in output


def test_verify_and_rebuild_find_no_difference(program, used):
    code, output = program.call("stats", "verify", "--json")
    assert (code, json.loads(output)["differences"]) == (0, [])
    code, output = program.call("stats", "aggregations", "rebuild", *RANGE, "--dry-run", "--json")
    facts = json.loads(output)["aggregations"]
    assert (code, set(facts)) == (0, {"record-view-agg", "file-download-agg"})
    assert not any(fact["differences"] for fact in facts.values()), output


def test_a_second_run_writes_nothing_again(instance, program, used):
    """Or InvenioRDM would index its records again each hour, for nothing."""
    before = instance.totals()
    program.count()
    assert instance.totals() == before
