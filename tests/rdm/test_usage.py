"""Questions about usage, asked of a real InvenioRDM: what its visitors did, and who may know it."""

import pytest

from tests.fixtures.permission_matrix import ADMINISTRATOR, MANAGER, UPLOADER, VISITOR, cases

from .processes import Program, Web
from .visits import Visitor, addresses

PEOPLE = 5
V1, V2 = 100, 200
"""Bytes of the files of both versions."""


@pytest.fixture(scope="module")
def instance(make_instance):
    return make_instance(RDM_USAGE="1")


@pytest.fixture(scope="module")
def program(instance):
    program = Program(instance, "ours").ready()
    program.call("set_up", str(instance.folder / "files"))
    return program


@pytest.fixture(scope="module")
def records(program):
    return program.call("usage", "create_usage_records")


@pytest.fixture(scope="module")
def web(instance, records):
    return Web(instance, "ours").ready()


@pytest.fixture(scope="module")
def people(web, records):
    """Somebody of each kind; all but the visitor are signed in."""
    emails = {UPLOADER: "owner", MANAGER: "manager", ADMINISTRATOR: "administrator"}
    found = {VISITOR: Visitor(web.url, "198.51.100.240")}
    for number, (who, name) in enumerate(emails.items(), start=241):
        found[who] = Visitor(web.url, f"198.51.100.{number}").sign_in(f"{name}@example.org", records["password"])
    yield found
    for visitor in found.values():
        visitor.close()


@pytest.fixture(scope="module", autouse=True)
def used(web, program, records, people):
    """Five people use both versions of a record, and its owner uses what only he may read."""
    for address in addresses(1, PEOPLE):
        visitor = Visitor(web.url, address)
        for version in ("v1", "v2"):
            visitor.view(records[version])
            visitor.download(records[version], records["file"])
            visitor.download(records[version], records["file"])  # a double click
        visitor.close()
    for record in ("restricted", "closed"):
        people[UPLOADER].view(records[record])
        people[UPLOADER].download(records[record], records["file"])
    for entry in ("stats-process-events", "stats-aggregate-events", "stats-usage", "stats-daily"):
        program.call("beat", entry)


@pytest.fixture
def ask(people):
    """Return a function that asks a query in somebody's name, and returns its answer."""

    def run(query, who=VISITOR, **params):
        response = people[who].get(query, **{"period": "all", **params})
        assert response.status_code == 200, response.text
        return response.json()

    return run


def numbers(views, unique_views, downloads, unique_downloads, volume):
    return {
        **{"views": views, "unique_views": unique_views, "downloads": downloads},
        **{"unique_downloads": unique_downloads, "volume": volume},
    }


def counted(answer):
    return {name: answer[name] for name in numbers(0, 0, 0, 0, 0)}


def test_usage_of_items_is_that_of_the_requests(instance, records):
    found = {total["item_id"]: total for total in instance.documents("stats-item-usage").values()}
    assert set(found) == {records[name] for name in ("v1", "v2", "restricted", "closed")}
    for version, size in (("v1", V1), ("v2", V2)):
        total = found[records[version]]
        assert counted(total) == numbers(PEOPLE, PEOPLE, PEOPLE, PEOPLE, PEOPLE * size)
        assert (total["total_item_investigations"], total["unique_item_investigations"]) == (2 * PEOPLE, PEOPLE)
        assert (total["total_item_requests"], total["unique_item_requests"]) == (PEOPLE, PEOPLE)
        assert (total["parent_id"], len(total["labels"])) == (records["parent"], 1)
    assert found[records["restricted"]]["requests_by_access_status"] == {"restricted": 1}


def test_a_visitor_of_two_versions_is_one_visitor_of_the_record(instance, records):
    found = {total["parent_id"]: total for total in instance.documents("stats-record-usage").values()}
    assert counted(found[records["parent"]]) == numbers(2 * PEOPLE, PEOPLE, 2 * PEOPLE, PEOPLE, PEOPLE * (V1 + V2))


def test_totals_of_each_scope(ask, records):
    both = numbers(2 * PEOPLE, PEOPLE, 2 * PEOPLE, PEOPLE, PEOPLE * (V1 + V2))
    first = numbers(PEOPLE, PEOPLE, PEOPLE, PEOPLE, PEOPLE * V1)
    own = len(b"secret\n") + len(b"closed\n")
    everything = numbers(2 * PEOPLE + 2, PEOPLE + 2, 2 * PEOPLE + 2, PEOPLE + 2, PEOPLE * (V1 + V2) + own)
    assert counted(ask("record-total", record=records["v1"])) == both
    assert counted(ask("record-total", record=records["v1"], versions="this")) == first
    assert counted(ask("community-total", community="tests")) == both
    assert counted(ask("repository-total")) == everything
    assert counted(ask("user-total", UPLOADER, user=records["owner"])) == everything
    downloads = ask("file-total", file=f"{records['parent']}/{records['file']}")
    assert (downloads["downloads"], downloads["views"]) == (2 * PEOPLE, None)


@pytest.mark.parametrize(
    ("who", "titles"),
    [
        (VISITOR, ["Public", "A restricted record", "Closed files"]),
        (UPLOADER, ["Public", "Restricted", "Closed files"]),
        (ADMINISTRATOR, ["Public", "A restricted record", "Closed files"]),
    ],
)
def test_a_list_has_the_titles_that_somebody_may_read(ask, records, who, titles):
    """What is restricted keeps its rank and numbers, and has no id and no address."""
    rows = ask("repository-records", who)["rows"]
    by_title = {row["title"]: row for row in rows}
    assert sorted(by_title) == sorted(titles)
    assert [row["downloads"] for row in rows] == [2 * PEOPLE, 1, 1]
    assert by_title["Public"]["url"].endswith(f"/records/{records['v2']}")
    if "A restricted record" in by_title:
        hidden = by_title["A restricted record"]
        assert (hidden["id"], hidden["url"]) == (None, None)
        assert records["restricted"] not in str(rows)
        assert records["restricted_parent"] not in str(rows)


def test_lists_of_a_record_and_of_a_community(ask, records):
    versions = ask("record-versions", record=records["parent"], by="volume")["rows"]
    assert [(row["id"], row["volume"]) for row in versions] == [
        (records["v2"], PEOPLE * V2),
        (records["v1"], PEOPLE * V1),
    ]
    files = ask("record-files", record=records["parent"])["rows"]
    assert [(row["id"], row["downloads"]) for row in files] == [(records["file"], 2 * PEOPLE)]
    used = ask("community-records", community="tests")["rows"]
    assert [(row["id"], row["downloads"]) for row in used] == [(records["parent"], 2 * PEOPLE)]
    communities = ask("repository-communities")["rows"]
    assert [(row["title"], row["downloads"]) for row in communities] == [("Tests", 2 * PEOPLE)]


@pytest.mark.parametrize(
    ("who", "title"), [(VISITOR, "A restricted file"), (MANAGER, "A restricted file"), (UPLOADER, "data.csv")]
)
def test_names_of_files_are_for_whoever_may_read_the_files(ask, records, who, title):
    """The record is public, its files are not."""
    assert [row["title"] for row in ask("record-files", who, record=records["closed"])["rows"]] == [title]


def test_open_against_controlled_use_and_holdings(ask):
    answer = ask("repository-open-ratio")
    assert answer["requests"] == {"open": 2 * PEOPLE, "restricted": 2}
    assert answer["points"][-1]["state"] == "running"
    assert answer["holdings"]["records"] == {"open": 1, "restricted": 2}
    assert answer["holdings"]["shares"] == {"open": 1 / 3, "restricted": 2 / 3}
    assert ask("community-open-ratio", community="tests")["holdings"]["records"] == {"open": 1}
    empty = ask("community-open-ratio", community="physics")
    assert (empty["shares"], empty["holdings"]["shares"]) == (None, None)


def test_holdings_and_uploaders(people, records):
    holdings = people[VISITOR].get("repository-holdings", by="access_status").json()
    assert {row["id"]: row["records"] for row in holdings["rows"]} == {"open": 1, "restricted": 2}
    new = people[VISITOR].get("community-new-records", community="tests").json()["points"]
    assert [(point["state"], point["records"], point["uploaders"]) for point in new] == [("running", 1, 1)]
    (row,) = people[ADMINISTRATOR].get("repository-uploaders").json()["rows"]
    assert (row["id"], row["name"], row["records"], row["files"]) == (records["owner"], "Olivia Owner", 3, 3)
    (row,) = people[UPLOADER].get("community-uploaders", community="tests", by="bytes").json()["rows"]
    assert (row["id"], row["bytes"]) == (records["owner"], V2)


@pytest.fixture(scope="module")
def params(records):
    return {
        "open": {
            "repository": {},
            "record": {"record": records["v1"]},
            "file": {"file": f"{records['v1']}/{records['file']}"},
            "community": {"community": "physics"},
        },
        "hidden": {
            "record": {"record": records["restricted"]},
            "file": {"file": f"{records['restricted']}/{records['file']}"},
            "community": {"community": "secret"},
        },
        "own": {"user": {"user": records["owner"]}},
    }


@pytest.mark.parametrize("case", cases(administrators_see=False), ids=str)
def test_the_matrix(people, params, case):
    """Visitor, uploader, manager and administrator, for each query; the same table holds for plain Invenio."""
    asked = params[case.thing][case.scope]
    found = {who: people[who].get(case.query, **asked).status_code for who in case.statuses}
    assert found == case.statuses


def test_search_results_have_current_numbers(program, people, records):
    """In contrast to InvenioRDM's own task, a visitor of two versions is one; an edit comes through, and stays."""
    program.call("beat", "reindex-stats")
    for round_ in ("first", "edited"):
        stats = people[VISITOR].search()[records["v1"]]
        for name, views in (("this_version", PEOPLE), ("all_versions", 2 * PEOPLE)):
            found = stats[name]
            assert (found["views"], found["downloads"]) == (views, views), round_
            assert (found["unique_views"], found["unique_downloads"]) == (PEOPLE, PEOPLE), round_
        assert stats["all_versions"]["data_volume"] == PEOPLE * (V1 + V2)
        program.call("usage", "rewrite", records["v1"], 3)
        program.call("usage", "edit", records["v1"], "Public, edited")
        program.call("beat", "reindex-stats")
    found = people[VISITOR].session.get(f"{people[VISITOR].url}/api/records/{records['v1']}").json()
    assert found["metadata"]["title"] == "Public, edited"


def test_search_results_are_written_once(program, used):
    program.call("beat", "reindex-stats")
    assert program.call("beat", "reindex-stats") == 0


def test_commands_find_no_difference(program, used):
    for command in ("verify", "doctor", "status"):
        code, output = program.call("stats", command)
        assert code == 0, output
