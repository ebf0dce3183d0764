"""What was last known of items stays, and is read in the order of reports."""

import pytest
from invenio_search.utils import prefix_index

from invenio_stats.core.moments import parse
from invenio_stats.counter import items
from invenio_stats.counter.container_renames import read_renames
from invenio_stats.counter.items import ItemKeeper, find_items, newest_change, scan_items
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from invenio_stats.search.bulk import index_all
from invenio_stats.search.scan import pages
from tests.fixtures import counter_usage

JOURNAL = Container("Journal of Examples", "Journal", issn="1234-5679")


@pytest.fixture
def keep(search_client, clock):
    """Return `keep(known, *item_ids)`: what a close does with a source that knows these items."""

    def keep_all(known, *item_ids, **options):
        def source(asked):
            return {item_id: known[item_id] for item_id in asked if item_id in known}

        keeper = ItemKeeper(search_client, source, clock.now)
        keeper.prepare()
        found = keeper.keep(item_ids or list(known))
        keeper.finish()
        return found

    return keep_all


@pytest.fixture
def known(search_client):
    """Return `known()`: the kept items, in order."""
    return lambda: list(scan_items(search_client, size=2))


def ids(items):
    return [item.item_id for item in items]


def test_what_was_kept_comes_back(keep, known):
    everything = ItemMetadata(
        "Title",
        "Press",
        ("ROR:00hx57361",),
        (Author("Doe, Jane", orcid="0000-0001-2345-6789"), Author("Roe", isni="0000000121032683")),
        "10.1234/x",
        "978-3-16-148410-0",
        "1234-5679",
        "https://example.org/x",
        "2020-01-31",
        "VoR",
        "Article",
        "2020",
        JOURNAL,
        "https://example.org/records/x",
        "Article",
        "open",
        "v2",
    )
    keep({"i1": everything, "i2": ItemMetadata("")}, "i1", "i2", "i3")
    assert {item.item_id: item.metadata for item in known()} == {
        "i1": everything,
        "i2": ItemMetadata(""),
        "i3": None,
    }


def test_the_order_is_that_of_reports(keep, known):
    """Containers by title and id, items without one last, items by title and id; none twice."""
    other = Container("A Journal", "Journal", issn="2049-3630")
    same_title = Container("Journal of Examples", "Journal", issn="0378-5955")
    keep(
        {
            "b": ItemMetadata("Beta", data_type="Article", container=JOURNAL),
            "a": ItemMetadata("Beta", data_type="Article", container=JOURNAL),
            "c": ItemMetadata("Alpha", data_type="Article", container=JOURNAL),
            "d": ItemMetadata("Zeta", data_type="Article", container=other),
            "e": ItemMetadata("Beta", data_type="Article", container=same_title),
            "f": ItemMetadata("Beta 2", data_type="Dataset"),
            "g": ItemMetadata("Beta", data_type="Dataset"),
            "h": ItemMetadata("Ärger", data_type="Dataset"),
            "i": ItemMetadata("\tAlpha\n", data_type="Dataset"),
        },
        *"abcdefghij",
    )
    assert ids(known()) == ["d", "e", "c", "a", "b", "j", "i", "g", "f", "h"]
    keys = [item.container_key for item in known()]
    assert keys[2] == keys[3] == keys[4] != keys[1]
    assert keys[5:] == [""] * 5


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(ItemMetadata("x", data_type="Dataset", container=JOURNAL), id="a dataset has no journal"),
        pytest.param(
            ItemMetadata("x", data_type="Article", container=Container("Book", "Book", isbn="978-3-16-148410-0")),
            id="an article has no book",
        ),
        pytest.param(
            ItemMetadata("x", data_type="Article", container=Container("Journal", "Journal")), id="no identifier"
        ),
    ],
)
def test_what_cannot_be_a_parent(keep, known, metadata):
    keep({"i1": metadata})
    assert known()[0].container_key == ""


def test_a_deleted_record_keeps_what_was_last_known(keep, known):
    keep({"i1": ItemMetadata("One", data_type="Article", yop="2020")})
    found = keep({}, "i1")
    assert found["i1"] == known()[0].metadata == ItemMetadata("One", data_type="Article", yop="2020")


def test_newer_metadata_replace_older_ones(keep, known, search_client, clock):
    assert newest_change(search_client) is None
    keep({"i1": ItemMetadata("One"), "i2": ItemMetadata("Two")})
    first = clock.now
    clock.forward(days=1)
    keep({"i1": ItemMetadata("One"), "i2": ItemMetadata("Two")})
    assert newest_change(search_client) == first
    keep({"i1": ItemMetadata("Another"), "i2": ItemMetadata("Two")})
    assert newest_change(search_client) == clock.now
    assert [item.metadata.title for item in known()] == ["Another", "Two"]


def test_a_container_has_one_title(keep, known):
    """Items may write it in different ways; the kept title stays as long as one of a close's items gives it."""
    renamed = JOURNAL._replace(title="J. Examples")
    article = ItemMetadata("x", data_type="Article")
    keep({"i1": article._replace(container=JOURNAL), "i2": article._replace(container=renamed)})
    titles = {item.metadata.container.title for item in known()}
    assert len(titles) == 1
    keep({"i1": article._replace(container=JOURNAL)})
    keep({"i3": article._replace(container=renamed), "i4": article._replace(container=JOURNAL)})
    assert {item.metadata.container.title for item in known()} == {"Journal of Examples"}


def test_a_container_that_all_items_rename_is_renamed(keep, known):
    article = ItemMetadata("x", data_type="Article")
    keep({name: article._replace(container=JOURNAL) for name in ("i1", "i2")})
    keep({"i3": article._replace(container=JOURNAL._replace(title="Another"))}, "i3", "i1")
    assert [(item.item_id, item.metadata.container.title) for item in known()] == [
        ("i1", "Another"),
        ("i2", "Another"),
        ("i3", "Another"),
    ]


class KilledError(BaseException):
    """The process is gone."""


@pytest.fixture
def rename_killed(search_client, monkeypatch, keep):
    """Return a function that renames the journal of some items, two at a time, and dies after as many writes."""

    def rename(writes, title="Another"):
        left = [writes]

        def write(*args, **kwargs):
            if not left[0]:
                raise KilledError
            left[0] -= 1
            return index_all(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(items, "pages", lambda found: pages(found, 2))
            patch.setattr(items, "index_all", write)
            article = ItemMetadata("New", data_type="Article", container=JOURNAL._replace(title=title))
            try:
                keep({"new": article})
            except KilledError:
                search_client.indices.refresh(index=prefix_index("stats-counter-items"))
                return True
        return False

    return rename


@pytest.fixture
def journals(keep):
    """Five articles of a journal, one of another, and a dataset."""
    other = Container("B Journal", "Journal", issn="2049-3630")
    titles = {"a": "Alpha", "b": "Beta", "c": "Gamma", "d": "Delta", "e": "Epsilon"}
    keep(
        {
            **{name: ItemMetadata(title, data_type="Article", container=JOURNAL) for name, title in titles.items()},
            "o": ItemMetadata("Other", data_type="Article", container=other),
            "z": ItemMetadata("Numbers", doi="10.1234/z", data_type="Dataset"),
        }
    )


@pytest.mark.parametrize("writes", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param("Another", ["a", "b", "d", "e", "c", "new", "o", "z"], id="before the old one"),
        pytest.param("Zoology", ["o", "a", "b", "d", "e", "c", "new", "z"], id="after it"),
    ],
)
def test_a_container_is_there_once_wherever_its_renaming_stops(
    journals, rename_killed, known, keep, search_client, title, expected, writes
):
    """With the new title, its items together and in order; the next close of any month finishes."""
    assert rename_killed(writes, title)
    assert titles_of(known()) == {title, "B Journal"}
    assert ids(known()) == expected
    some = find_items(search_client, ["c", "o", "a"], ["10.1234/z"])
    assert ids(some) == [item_id for item_id in expected if item_id in "coaz"]
    keep({"z": ItemMetadata("Numbers", data_type="Dataset")})
    assert not read_renames(search_client)
    assert titles_of(known()) == {title, "B Journal"}
    assert ids(known()) == expected


def test_until_a_container_is_renamed_it_has_its_old_title(journals, rename_killed, known):
    """The process died before all items of the month were seen."""
    assert rename_killed(1)
    assert titles_of(known()) == {"Journal of Examples", "B Journal"}


def titles_of(found):
    return {item.metadata.container.title for item in found if item.container_key}


def test_a_rename_that_was_interrupted_may_be_taken_back(journals, rename_killed, known, keep):
    assert rename_killed(3)
    keep({"a": ItemMetadata("Alpha", data_type="Article", container=JOURNAL)})
    assert titles_of(known()) == {"Journal of Examples", "B Journal"}


def test_reports_that_were_made_before_a_rename_are_stale(journals, rename_killed, search_client, clock):
    clock.forward(days=1)
    assert rename_killed(2)
    assert newest_change(search_client) == clock.now


@pytest.mark.usefixtures("expect_logged_errors")
def test_a_source_that_fails_stops_no_close(two_months, work, close, metadata, usage_of, known, clock):
    work()
    clock.now = parse("2026-02-20T12:00:00")
    close()
    metadata["i3"] = RuntimeError("no database")
    clock.now = parse("2026-03-20T12:00:00")
    assert close()["2026-02"].is_closed
    assert usage_of("2026-02")[("i3", "Open", "Regular", "", "")][:2] == ("Unspecified", "0001")
    assert {item.item_id: item.metadata and item.metadata.title for item in known()} == {
        "i1": "One",
        "i2": "Two",
        "i3": None,
        "i4": None,
    }


@pytest.mark.usefixtures("expect_logged_errors")
def test_metadata_of_another_form_stop_no_close(keep, known):
    class Broken:
        title = "x"

    keep({"i1": Broken(), "i2": ItemMetadata("Two", authors=None, yop=2020), "i3": ItemMetadata("\ud800")})
    assert {item.item_id: item.metadata and item.metadata.title for item in known()} == {
        "i1": None,
        "i2": "Two",
        "i3": "?",
    }


@pytest.mark.parametrize(
    ("given", "stamped"),
    [
        (ItemMetadata("x", data_type="Article", yop="2020"), ("Article", "2020")),
        (ItemMetadata("x", data_type="Book", yop="20"), ("Other", "0001")),
        (ItemMetadata("x", data_type=None, yop=None), ("Unspecified", "0001")),
        (None, ("Unspecified", "0001")),
    ],
)
def test_data_type_and_year_are_stamped_on_the_month(two_months, work, close, metadata, usage_of, given, stamped):
    """No item has a Data_Type that only a parent can have."""
    metadata.pop("i3")
    if given is not None:
        metadata["i3"] = given
    work()
    close()
    assert usage_of("2026-02")[("i3", "Open", "Regular", "", "")][:2] == stamped


def test_a_month_keeps_its_data_types_until_it_is_restated(
    two_months, work, close, metadata, usage_of, restated, search_client
):
    work()
    close()
    metadata["i2"] = metadata["i2"]._replace(data_type="Software", title="Renamed")
    keys = [key for key in usage_of("2026-01") if key[0] == "i2"]
    assert {usage_of("2026-01")[key][0] for key in keys} == {"Dataset"}
    result = restated("2026-01", "Wrong type")
    assert (result.difference.items, result.difference.sums) == (1, {})
    assert {usage_of("2026-01")[key][0] for key in keys} == {"Software"}
    assert counter_usage.read_month(search_client, "2026-01").log[-1]["reason"] == "Wrong type"
