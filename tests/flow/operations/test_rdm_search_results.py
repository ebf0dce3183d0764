"""Numbers come into InvenioRDM's search results; `tests/rdm` does the same in a real one."""

import sys
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.core import names
from invenio_stats.errors import StatsError
from invenio_stats.operations import rdm_search_results
from invenio_stats.operations.rdm_search_results import update_search_results
from tests.flow.queries.usage_documents import Totals, set_bookmarks, usage

ALIAS = "rdmrecords-records"
NAMES = ("views", "unique_views", "downloads", "unique_downloads", "data_volume")
STOCK = {"this_version": dict.fromkeys(NAMES, 1), "all_versions": dict.fromkeys(NAMES, 1)}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


@pytest.fixture(autouse=True)
def rdm(monkeypatch):
    """Stand in for the service of InvenioRDM, which is not installed here."""
    service = SimpleNamespace(record_cls=SimpleNamespace(index=SimpleNamespace(_name=ALIAS)))
    proxies = SimpleNamespace(current_rdm_records_service=service)
    monkeypatch.setitem(sys.modules, "invenio_rdm_records", SimpleNamespace(proxies=proxies))
    monkeypatch.setitem(sys.modules, "invenio_rdm_records.proxies", proxies)


class Library:
    """The index of InvenioRDM's records, written as InvenioRDM does: with the version of the record."""

    def __init__(self, client, prefix):
        self.client, self.alias = client, f"{prefix}{ALIAS}"
        mappings = {"properties": {"parent": {"properties": {"id": {"type": "keyword"}}}, "updated": {"type": "date"}}}
        body = {"mappings": mappings, "aliases": {self.alias: {}}}
        client.indices.create(index=f"{self.alias}-record-v1", body=body)

    def index(self, item_id, parent_id, version=5, updated="2026-01-01T00:00:00", title="First"):
        self.client.index(
            index=f"{self.alias}-record-v1",
            id=f"uuid-{item_id}",
            body={"id": item_id, "parent": {"id": parent_id}, "title": title, "stats": STOCK, "updated": updated},
            version=version,
            version_type="external_gte",
            refresh=True,
        )

    def documents(self):
        self.client.indices.refresh(index=self.alias)
        found = self.client.search(index=self.alias, body={"version": True, "size": 100})["hits"]["hits"]
        return {hit["_source"]["id"]: (hit["_version"], hit["_source"]) for hit in found}

    def downloads(self):
        return {
            item_id: (source["stats"]["this_version"]["downloads"], source["stats"]["all_versions"]["downloads"])
            for item_id, (_version, source) in self.documents().items()
        }


@pytest.fixture
def library(app, search_client, index_prefix):
    """Three records, one of which has two versions."""
    library = Library(search_client, index_prefix)
    for item_id, parent_id in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")):
        library.index(item_id, parent_id)
    return library


@pytest.fixture
def use(app, search_client, index_prefix, utc_now):
    """Return a function that writes totals of downloads, as of now."""
    set_bookmarks(search_client, index_prefix, utc_now)
    totals = Totals(search_client, index_prefix)

    def write(day, *used):
        moment = utc_now.isoformat(timespec="seconds").removesuffix("+00:00")
        documents = [usage(day, item, item[0], downloads=count, updated_timestamp=moment) for item, count in used]
        totals.write_usage(documents)

    return write


@pytest.fixture
def utc_now():
    return datetime.now(timezone.utc)


def test_all_versions_of_a_record_that_was_used_get_its_numbers(library, use):
    use("2026-01-31", ("a1", 4), ("b1", 2))
    assert update_search_results() == 3
    assert library.downloads() == {"a1": (4, 4), "a2": (0, 4), "b1": (2, 2), "c1": (1, 1)}
    version, document = library.documents()["a2"]
    assert (version, document["title"], document["stats"]["all_versions"]["data_volume"]) == (5, "First", 40)


def test_nothing_is_written_twice(library, use):
    use("2026-01-31", ("a1", 4))
    assert update_search_results() == 2
    library.documents()  # after a refresh, as an hour later
    assert update_search_results() == 0
    use("2026-02-01", ("a2", 1))
    assert update_search_results() == 2
    assert library.downloads()["a1"] == (4, 5)


def test_an_edited_record_keeps_its_numbers_and_its_edit(library, use, utc_now):
    """InvenioRDM indexes it with the next version, and with the numbers of its own queries."""
    use("2026-01-31", ("a1", 4))
    for _ in range(10):
        update_search_results()
        library.index("a1", "a", version=5)
    library.index("a1", "a", version=6, updated=utc_now.isoformat(), title="Second")
    assert update_search_results() == 1
    version, document = library.documents()["a1"]
    assert (version, document["title"]) == (6, "Second")
    assert library.downloads()["a1"] == (4, 4)


def test_an_edit_in_between_wins(library, use, utc_now, monkeypatch):
    """The document that was read is older than the one that is there when it is written."""
    use("2026-01-31", ("a1", 4), ("b1", 2))
    write = rdm_search_results._write_changed

    def edit_and_write(hits):
        library.index("a1", "a", version=6, updated=utc_now.isoformat(), title="Second")
        return write(hits)

    with monkeypatch.context() as patch:
        patch.setattr(rdm_search_results, "_write_changed", edit_and_write)
        assert update_search_results() == 2  # a2 and b1
    assert library.documents()["a1"][1]["title"] == "Second"
    assert update_search_results() == 1
    assert library.downloads()["a1"] == (4, 4)


class Killed(BaseException):
    """The end of a process."""


def test_a_run_that_is_killed_is_repeated(library, use, monkeypatch):
    """The bookmark stays where it was, whatever is written already."""
    monkeypatch.setattr(rdm_search_results, "PARENTS_PER_SEARCH", 1)
    use("2026-01-31", ("a1", 4))
    update_search_results()
    use("2026-02-01", ("b1", 2), ("c1", 3))
    write, written = rdm_search_results._write_changed, []

    def write_once(hits):
        if len(written) == 1:
            raise Killed
        written.append(write(hits))
        return written[0]

    with monkeypatch.context() as patch:
        patch.setattr(rdm_search_results, "_write_changed", write_once)
        with pytest.raises(Killed):
            update_search_results()
    update_search_results()
    assert library.downloads() == {"a1": (4, 4), "a2": (0, 4), "b1": (2, 2), "c1": (3, 3)}


def test_a_document_that_cannot_be_written_keeps_the_bookmark(library, use, search_client):
    use("2026-01-31", ("a1", 4))
    settings = {"index": {"blocks": {"read_only_allow_delete": True}}}
    search_client.indices.put_settings(index=library.alias, body=settings)
    with pytest.raises(StatsError, match="2 of 2 records"):
        update_search_results()
    assert BookmarkAPI(search_client, names.SEARCH_RESULTS, "day").get_bookmark() is None
    settings = {"index": {"blocks": {"read_only_allow_delete": None}}}
    search_client.indices.put_settings(index=library.alias, body=settings)
    assert update_search_results() == 2


def test_a_moment_in_the_past_takes_all_since_then(app, library, use):
    """After the index of records was built anew, all numbers are InvenioRDM's."""
    from invenio_stats.tasks import update_search_results as task

    use("2026-01-31", ("a1", 4))
    assert task() == 2
    library.index("a1", "a", version=5)
    assert task() == 1
    library.index("a1", "a", version=5)
    assert task(since="2020-01-01") == 3
    assert library.downloads() == {"a1": (4, 4), "a2": (0, 4), "b1": (0, 0), "c1": (0, 0)}


def test_without_the_index_of_records_there_is_nothing_to_write(app, use):
    use("2026-01-31", ("a1", 4))
    assert update_search_results() == 0


@pytest.fixture(autouse=True)
def _no_index_is_left(search_client, index_prefix):
    yield
    search_client.indices.delete(index=f"{index_prefix}{ALIAS}*", ignore=[404])
