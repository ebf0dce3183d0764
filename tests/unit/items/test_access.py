"""What the instance knows about its records is asked in batches, and what fails is not known."""

import itertools
from types import SimpleNamespace
from uuid import UUID

import pytest
from flask import Flask

from invenio_stats.items import ANONYMOUS, SYSTEM, CheckedAccess, Community, ItemIds, ItemMetadata
from invenio_stats.items.access import REQUIRED_METHODS, FixedIdentity
from invenio_stats.items.metadata import describe_items
from invenio_stats.items.shown import ShownItem, describe_readable

SECRET = "a title that nobody may see"


class Library:
    """Knows records r0 to r9999 and remembers how many ids it was asked for; odd ones may not be read."""

    def __init__(self):
        self.asked = []

    def readable_items(self, identity, ids):
        self.asked.append(len(ids))
        return {record for record in ids if int(record[1:]) % 2 == 0} | {"another"}

    def owners(self, ids):
        self.asked.append(len(ids))
        return {record: ["7"] for record in ids} | {"another": ["8"]}

    def items_of(self, user_id):
        assert user_id == "7"
        return [f"r{number}" for number in range(20_000)]

    def item_of(self, pid_or_id):
        return ("r1", "p1") if pid_or_id == "r1" else None

    def describe(self, ids):
        self.asked.append(len(ids))
        return {record: ItemMetadata(SECRET if int(record[1:]) % 2 else record) for record in ids}


class Broken:
    """Fails at every question, with a text that names somebody."""

    def __getattr__(self, name):
        def fail(*args):
            raise RuntimeError(f"{SECRET} of jane@example.org")

        return fail


IDS = [f"r{number}" for number in range(1200)]


def test_ids_are_asked_for_in_batches_of_500_and_each_once():
    library = Library()
    access = CheckedAccess(library)
    assert len(access.owners([*IDS, *IDS])) == 1200
    assert library.asked == [500, 500, 200]


def test_what_was_not_asked_for_is_not_answered():
    """An object that is too generous shows nothing more."""
    access = CheckedAccess(Library())
    assert access.readable_items(ANONYMOUS, ["r2", "r3"]) == {"r2"}
    assert access.owners(["r2"]) == {"r2": ["7"]}


def test_a_user_has_10000_items_at_most():
    assert len(CheckedAccess(Library()).items_of(7)) == 10_000


def test_ids_of_a_record_have_names():
    access = CheckedAccess(Library())
    assert access.item_of("r1") == ItemIds(item_id="r1", parent_id="p1")
    assert access.item_of("r2") is None


def test_an_object_that_knows_no_permission_of_files_shows_those_of_readable_records():
    access = CheckedAccess(SimpleNamespace(readable_items=lambda identity, ids: {"r1"}))
    assert access.items_with_readable_files(ANONYMOUS, ["r1", "r2"]) == {"r1"}


NOT_KNOWN = {
    "readable_items": ((ANONYMOUS, ["r1"]), set()),
    "shown_items": ((ANONYMOUS, ["r1"]), {}),
    "community": (("physics",), None),
    "may_see_community": ((ANONYMOUS, "physics"), False),
    "manages_community": ((ANONYMOUS, "physics"), False),
    "is_administrator": ((ANONYMOUS,), False),
    "items_of": (("7",), []),
    "owners": ((["r1"],), {}),
    "item_of": (("r1",), None),
    "versions": (("r1",), []),
    "files": ((["r1"],), {}),
    "buckets": ((["r1"],), {}),
    "items_with_readable_files": ((ANONYMOUS, ["r1"]), set()),
    "communities": ((ANONYMOUS, ["physics"]), {}),
    "user_names": ((["7"],), {}),
}


def test_every_question_has_an_answer_for_what_is_not_known():
    assert set(NOT_KNOWN) == {*REQUIRED_METHODS, "shown_items", "buckets", "items_with_readable_files"}


@pytest.mark.parametrize("method", NOT_KNOWN)
def test_what_raises_is_not_known_and_logged_without_its_text(method, expect_logged_errors):
    arguments, not_known = NOT_KNOWN[method]
    assert getattr(CheckedAccess(Broken()), method)(*arguments) == not_known
    (record,) = expect_logged_errors()
    assert record.message == "Error asking STATS_ACCESS"
    assert record.method == method
    assert SECRET not in str(record.exc_info[1])


@pytest.mark.parametrize("method", NOT_KNOWN)
def test_without_records_nothing_is_known_and_nothing_logged(method):
    arguments, not_known = NOT_KNOWN[method]
    assert getattr(CheckedAccess(None), method)(*arguments) == not_known


@pytest.mark.parametrize("answer", ["physics", 3, ["r1"]])
def test_an_answer_of_another_shape_is_not_known(answer, expect_logged_errors):
    access = CheckedAccess(SimpleNamespace(owners=lambda ids: answer, item_of=lambda pid: answer))
    assert access.owners(["r1"]) == {}
    assert access.item_of("r1") is None
    assert expect_logged_errors()


@pytest.mark.parametrize(
    ("method", "answers"),
    [
        pytest.param("community", ["physics", {"id": "c1"}, ("c1", "physics", "Physics"), object()], id="community"),
        pytest.param("items_of", ["r1", 3, object()], id="items_of"),
        pytest.param("item_of", ["r1", "ab", ("r1",), {"item_id": "r1"}, 3], id="item_of"),
        pytest.param("versions", ["r1", 3], id="versions"),
        pytest.param("shown_items", ["r1", ["r1"], 3], id="shown_items"),
        pytest.param(
            "files", [{"r1": None}, {"r1": "a.pdf"}, {"r1": ["a.pdf"]}, {"r1": [("a.pdf", "big")]}], id="files"
        ),
        pytest.param("owners", [{"r1": "7"}, {"r1": 7}], id="owners"),
    ],
)
def test_an_answer_that_nobody_could_use_is_not_known(method, answers, expect_logged_errors):
    arguments, not_known = NOT_KNOWN[method]
    for answer in answers:
        access = CheckedAccess(SimpleNamespace(**{method: lambda *args, found=answer: found}))
        assert getattr(access, method)(*arguments) == not_known
    assert expect_logged_errors()


@pytest.mark.parametrize("asked", ["a\0b", "half a character: \ud83d"])
def test_a_text_that_no_store_takes_is_not_asked_for(asked):
    """Anybody may send it, and each time an error would be logged."""
    access = CheckedAccess(Broken())
    assert (access.item_of(asked), access.community(asked), access.items_of(asked)) == (None, None, [])


def test_ids_are_texts_and_what_is_none_is_left_out():
    """Objects of an instance may have UUIDs and numbers, which no total and no other answer has."""
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    access = CheckedAccess(
        SimpleNamespace(
            items_of=lambda user_id: (number for number in itertools.count()),
            item_of=lambda pid: (None, uuid),
            community=lambda asked: Community(uuid, "physics", "Physics"),
            communities=lambda identity, labels: {"physics": "Physics", "biology": None},
        )
    )
    assert access.items_of("7")[-1] == "9999"
    assert access.item_of("r1") == ItemIds(None, str(uuid))
    assert access.community("physics").id == str(uuid)
    assert access.communities(ANONYMOUS, ["physics", "biology"]) == {"physics": "Physics"}


def test_items_without_metadata_or_title_are_not_known(expect_logged_errors):
    assert describe_items(lambda ids: {"r1": None, "r2": ItemMetadata(None), "r3": ItemMetadata("A")}, IDS[:4]) == {
        "r3": ItemMetadata("A")
    }
    for nonsense in (None, 3, {"r1": {"title": "A"}}):
        assert describe_items(lambda ids, found=nonsense: found, ["r1"]) == {}
    assert expect_logged_errors()


def test_commands_and_tasks_administer_the_instance():
    access = CheckedAccess(None)
    assert access.is_administrator(SYSTEM)
    assert access.manages_community(SYSTEM, "physics")
    assert access.may_see_community(SYSTEM, "physics")


def test_only_what_may_be_read_is_described():
    """The metadata of a record is not even asked for if the asker may not read it."""
    library = Library()
    shown = describe_readable(CheckedAccess(library), library.describe, ANONYMOUS, ["r1", "r2", "r3", "r4"])
    assert {asked: item.metadata.title for asked, item in shown.items()} == {"r2": "r2", "r4": "r4"}
    assert library.asked == [4, 2]


def test_a_parent_is_described_by_the_version_that_stands_for_it():
    access = CheckedAccess(SimpleNamespace(shown_items=lambda identity, ids: {"p1": "r4", "p2": "r6"}))
    shown = describe_readable(access, Library().describe, ANONYMOUS, ["p1", "p3"])
    assert shown == {"p1": ShownItem("r4", ItemMetadata("r4"))}


def test_items_are_described_in_batches_and_a_failing_batch_is_not_known(expect_logged_errors):
    library = Library()

    def describe(ids):
        if "r0" in ids:
            raise RuntimeError(SECRET)
        return library.describe(ids)

    assert set(describe_items(describe, IDS)) == set(IDS[500:])
    assert library.asked == [500, 200]
    (record,) = expect_logged_errors()
    assert record.message == "Error describing items"
    assert SECRET not in str(record.exc_info[1])


def test_a_community_has_id_slug_and_title():
    community = Community("c1", "physics", "Physics")
    access = CheckedAccess(SimpleNamespace(community={"physics": community, "c1": community}.get))
    assert access.community("physics") == access.community("c1") == community
    assert access.community("biology") is None


def test_within_a_request_nothing_is_asked_twice():
    """The queries of a page are about the same record; the next request may find another answer."""
    library, other = Library(), FixedIdentity("8", frozenset())
    access = CheckedAccess(library)
    for requests in (1, 2):
        with Flask("app").test_request_context():
            access.owners(["r1"]).clear()
            assert access.owners(["r1"]) == {"r1": ["7"]}
            assert access.readable_items(ANONYMOUS, ["r2"]) == access.readable_items(ANONYMOUS, ["r2"]) == {"r2"}
            assert access.readable_items(other, ["r2"]) == {"r2"}
        assert len(library.asked) == 3 * requests


@pytest.mark.parametrize("asked", ["r\0", "r\ud800"])
def test_what_no_store_takes_is_not_asked_for(asked, caplog):
    """An address with such an id would be an error of the database, which anybody could have logged."""
    library = Library()
    access = CheckedAccess(library)
    assert access.readable_items(ANONYMOUS, [asked, "r2"]) == {"r2"}
    assert set(access.owners([asked, "r2"])) == {"r2"}
    assert library.asked == [1, 1]
    assert not caplog.records
