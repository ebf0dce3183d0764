"""Who may read, own and manage what is asked of a real InvenioRDM, and titles are shown to those only."""

import pytest

from .processes import Program

PEOPLE = ("visitor", "stranger", "curator", "manager", "administrator", "owner", "system")


@pytest.fixture(scope="module")
def program(make_instance):
    instance = make_instance()
    program = Program(instance, "ours").ready()
    program.call("set_up", str(instance.folder / "files"))
    return program


@pytest.fixture(scope="module")
def records(program):
    """Return ids: two versions of a public record, a restricted one, and one whose newest version is restricted."""
    return {**program.call("create_records"), **program.call("access", "create_access_records")}


@pytest.fixture
def ask(program, records):
    """Return a function that asks `current_stats.access` in somebody's name."""
    return lambda who, method, *arguments: program.call("access", "ask_access", who, method, *arguments)


@pytest.mark.parametrize("who", PEOPLE)
def test_titles_are_shown_to_those_who_may_read(program, records, who):
    """The owner, and commands; an administrator of the instance has no right to read."""
    ids = [records[name] for name in ("v1", "v2", "parent", "restricted", "restricted_parent")]
    public = dict.fromkeys(ids[:3], "Public")
    restricted = dict.fromkeys(ids[3:], "Restricted") if who in ("owner", "system") else {}
    assert program.call("access", "titles", who, [*ids, "unknown"]) == {**public, **restricted}


@pytest.mark.parametrize(("who", "version"), [("visitor", "open_version"), ("owner", "hidden_version")])
def test_a_parent_stands_for_its_newest_version_that_the_asker_may_read(ask, records, who, version):
    assert ask(who, "shown_items", [records["half_open"]]) == {records["half_open"]: records[version]}


def test_a_parent_may_be_read_if_a_version_may(ask, records):
    ids = [records["half_open"], records["open_version"], records["hidden_version"]]
    assert ask("visitor", "readable_items", ids) == sorted(ids[:2])
    assert ask("owner", "readable_items", ids) == sorted(ids)


@pytest.mark.parametrize(("who", "others"), [("visitor", 0), ("owner", 500), ("visitor", 400)])
def test_a_batch_needs_few_requests_whatever_its_size(program, records, who, others):
    """Three searches for who may read, one for metadata and one for types; nothing for a single record."""
    ids = [records[name] for name in ("v1", "v2", "parent", "half_open", "restricted")]
    ids += [f"none-{number}" for number in range(others - len(ids))]
    counts = program.call("access", "requests_of", who, ids)
    assert 3 <= counts["engine"] <= 5
    assert counts["database"] <= 3


def test_ids_belong_together(ask, records):
    assert ask(None, "item_of", records["v1"]) == [records["v1"], records["parent"]]
    assert ask(None, "item_of", records["parent"]) == [None, records["parent"]]
    assert ask(None, "item_of", "unknown") is None
    assert ask(None, "versions", records["parent"]) == [records["v1"], records["v2"]]


def test_owners_and_their_items(ask, records):
    owner = str(records["users"]["owner"])
    ids = [records[name] for name in ("v1", "parent", "restricted", "half_open")]
    assert ask(None, "owners", ids) == {asked: [owner] for asked in ids}
    owned = [records[name] for name in ("v1", "v2", "restricted", "open_version", "hidden_version")]
    assert sorted(ask(None, "items_of", owner)) == sorted(owned)
    assert ask(None, "items_of", records["users"]["stranger"]) == []


def test_files_have_keys_and_sizes(ask, records):
    assert ask(None, "files", [records["v1"], records["v2"]]) == {
        records["v1"]: [[records["file"], 100]],
        records["v2"]: [[records["file"], 200]],
    }


def test_a_community_has_an_id_and_a_slug(ask, records):
    found = ask(None, "community", "hidden")
    assert found == ask(None, "community", records["hidden_community"])
    assert found == [records["hidden_community"], "hidden", "Hidden"]
    assert ask(None, "community", "unknown") is None


@pytest.mark.parametrize("who", PEOPLE)
def test_a_hidden_community_is_its_members(ask, records, who):
    """An administrator of the instance is not a member."""
    sees = who in ("owner", "curator", "manager", "system")
    hidden = records["hidden_community"]
    assert ask(who, "may_see_community", hidden) is sees
    public = ask(None, "community", "tests")[0]
    titles = {public: "Tests", **({hidden: "Hidden"} if sees else {})}
    assert ask(who, "communities", [public, hidden]) == titles


@pytest.mark.parametrize("who", PEOPLE)
def test_owners_and_managers_manage_a_community(ask, records, who):
    assert ask(who, "manages_community", records["hidden_community"]) is (who in ("owner", "manager", "system"))


@pytest.mark.parametrize("who", PEOPLE)
def test_administrators_were_given_the_access(ask, records, who):
    assert ask(who, "is_administrator") is (who in ("administrator", "system"))


def test_users_have_names_and_never_addresses(ask, records):
    users = records["users"]
    assert ask(None, "user_names", [users["owner"], users["stranger"]]) == {str(users["owner"]): "Olivia Owner"}


def test_records_are_described_by_their_metadata(program, records):
    found = program.call("access", "describe", records["v2"])
    assert found["title"] == "Public"
    assert found["authors"] == [["Doe, A", None, None]]
    assert (found["publisher"], found["data_type"], found["type_label"]) == ("Test", "Dataset", "Dataset")
    assert (found["publication_date"], found["yop"], found["version"]) == ("2026-02-02", "2026", "v2")
    assert found["access_status"] == "open"
    assert found["url"].endswith(f"/records/{records['v2']}")


@pytest.fixture
def count(program, records):
    """Return a function that asks the database about holdings: rows without their ranks, and the whole answer."""
    return lambda *arguments: program.call("access", "holdings", *arguments)


@pytest.mark.parametrize(
    ("by", "counts"),
    [
        ("access_status", {"restricted": 2, "open": 1}),
        ("resource_type", {"dataset": 3}),
        ("publication_month", {"2026-02": 2, "2026-01": 1}),
    ],
)
def test_holdings_are_counted_with_all_versions_as_one(count, by, counts):
    """By their newest version, as it is now."""
    answer = count("HoldingsQuery", by)
    assert {row["id"]: row["records"] for row in answer["rows"]} == counts
    assert (answer["unknown"], answer["count"]) == (0, len(counts))


def test_holdings_of_a_community(count, ask):
    public = ask(None, "community", "tests")[0]
    by_community = count("HoldingsQuery", "community")
    assert [(row["id"], row["title"], row["records"]) for row in by_community["rows"]] == [(public, "Tests", 1)]
    assert by_community["unknown"] == 2
    assert [row["records"] for row in count("HoldingsQuery", "access_status", "tests")["rows"]] == [1]


def test_uploaders_have_files_and_bytes_of_newest_versions(count, records):
    (row,) = count("UploadersQuery", "bytes")["rows"]
    owner = {"rank": 1, "id": str(records["users"]["owner"]), "name": "Olivia Owner"}
    assert row == {**owner, "records": 3, "files": 3, "bytes": 200 + len(b"secret\n") + len(b"ab\n")}
    assert [row["bytes"] for row in count("UploadersQuery", "files", "tests")["rows"]] == [200]


def test_new_records_are_those_of_first_versions(count):
    points = count("NewRecordsQuery", None)["points"]
    assert sum(point["records"] for point in points) == 3
    assert (points[-1]["state"], points[-1]["uploaders"]) == ("running", 1)
