"""Contract, indices: names, aliases, ids and templates, which other programs read and some write."""

import json
from importlib.resources import files

import pytest
from invenio_search import current_search

from invenio_stats import current_stats
from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.processors import hash_id
from invenio_stats.templates import register_index_templates, register_templates

from .samples import DOWNLOADS, LAST_MONTH, download, naive, on, view

PACKAGES = {
    "invenio_stats.contrib.record_view": "record-view-v1.json",
    "invenio_stats.contrib.file_download": "file-download-v1.json",
    "invenio_stats.contrib.aggregations.aggr_record_view": "aggr-record-view-v1.json",
    "invenio_stats.contrib.aggregations.aggr_file_download": "aggr-file-download-v1.json",
}
FOLDERS = ("os-v2", "os-v1", "v7")


def test_an_event_lies_in_the_index_of_its_day_behind_the_alias(store_events, documents, index_prefix):
    store_events(download(on(3)), download(on(4)))
    found = {hit["_index"] for hit in documents(DOWNLOADS).values()}
    assert found == {f"{index_prefix}{DOWNLOADS}-{on(day):%Y-%m-%d}" for day in (3, 4)}


@pytest.mark.parametrize("suffix", ["%Y-%m", "%Y"])
def test_the_suffix_of_event_indices_is_a_parameter(store_events, documents, index_prefix, suffix):
    store_events(download(on(3)), download(on(4)), suffix=suffix)
    hits = documents(DOWNLOADS).values()
    assert {hit["_index"] for hit in hits} == {f"{index_prefix}{DOWNLOADS}-{LAST_MONTH.strftime(suffix)}"}
    assert len(hits) == 2


def test_the_id_of_an_event_is_made_of_its_double_click_cell(store_events, documents):
    """Clicks in one cell, which begins at :00 or :30, are one document."""
    store_events(download(on(3, 12, 0, 1)), download(on(3, 12, 0, 29)), download(on(3, 12, 1, 31)))
    found = documents(DOWNLOADS)
    assert len(found) == 2
    for document_id, hit in found.items():
        cell = naive(on(3, 12, 0, 0) if hit["_source"]["timestamp"].endswith("29") else on(3, 12, 1, 30))
        assert document_id == hash_id(cell, hit["_source"])


@pytest.mark.parametrize(
    ("interval", "index_interval", "index_suffix", "id_suffix"),
    [
        ("hour", "day", "%Y-%m-%d", "%Y-%m-%dT%H"),
        ("day", "month", "%Y-%m", "%Y-%m-%d"),
        ("month", "year", "%Y", "%Y-%m"),
        ("year", "year", "%Y", "%Y"),
    ],
)
def test_a_total_has_its_index_alias_and_id(
    store_events, aggregator, documents, index_prefix, interval, index_interval, index_suffix, id_suffix
):
    store_events(download(on(3)))
    aggregator(interval=interval, index_interval=index_interval).run()
    ((document_id, hit),) = documents("stats-file-download").items()
    assert hit["_index"] == f"{index_prefix}stats-file-download-{on(3).strftime(index_suffix)}"
    assert document_id == f"B1_F1-{on(3).strftime(id_suffix)}"


def test_running_again_overwrites_totals_instead_of_adding_to_them(store_events, aggregate, documents):
    store_events(download(on(3)))
    aggregate()
    store_events(download(on(3, 13)))
    aggregate()
    ((document_id, hit),) = documents("stats-file-download").items()
    assert (document_id, hit["_source"]["count"]) == (f"B1_F1-{on(3):%Y-%m-%d}", 2)


def test_bookmarks_lie_in_their_index_with_a_strict_mapping(store_events, aggregate, search_client, index_prefix):
    store_events(download(on(3)))
    aggregate()
    index = f"{index_prefix}stats-bookmarks"
    search_client.indices.refresh(index)
    hits = search_client.search(index=index)["hits"]["hits"]
    assert all(set(hit["_source"]) == {"date", "aggregation_type"} for hit in hits)
    assert [hit["_source"]["aggregation_type"] for hit in hits].count("file-download-agg") == 1
    mapping = search_client.indices.get_mapping(index=index)[index]["mappings"]
    assert mapping["dynamic"] == "strict"
    assert set(mapping["properties"]) == {"date", "aggregation_type"}


def test_of_the_bookmarks_of_past_runs_the_newest_counts(search_client, refresh, index_prefix):
    """An older release has written one document per run."""
    search_client.indices.create(f"{index_prefix}stats-bookmarks", body=BookmarkAPI.MAPPINGS)
    for day in (1, 3, 2):
        document = {"date": naive(on(day)), "aggregation_type": "file-download-agg"}
        search_client.index(index=f"{index_prefix}stats-bookmarks", body=document)
    refresh()
    bookmark = BookmarkAPI(search_client, "file-download-agg", "day")
    assert bookmark.get_bookmark(refresh_time=0) == on(3)


def test_our_bookmark_is_one_document_that_moves_and_is_listed_first(search_client, refresh, documents, index_prefix):
    search_client.indices.create(f"{index_prefix}stats-bookmarks", body=BookmarkAPI.MAPPINGS)
    document = {"date": naive(on(1)), "aggregation_type": "file-download-agg"}
    search_client.index(index=f"{index_prefix}stats-bookmarks", body=document)
    bookmark = BookmarkAPI(search_client, "file-download-agg", "day")
    for day in (2, 3, 4):
        bookmark.set_bookmark(naive(on(day)))
        refresh()
    assert len(documents("stats-bookmarks")) == 2
    assert [listed.date for listed in bookmark.list_bookmarks()] == [naive(on(4)), naive(on(1))]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("package", "name"), PACKAGES.items())
def test_each_template_package_holds_its_file_for_each_client(package, name, folder):
    """invenio-search looks into the folder of the client's version, as a package."""
    path = files(package) / folder
    assert (path / "__init__.py").is_file()
    body = json.loads((path / name).read_text())
    assert "mappings" in body
    assert all("__SEARCH_INDEX_PREFIX__" in pattern for pattern in body["index_patterns"])
    assert all(alias.startswith("__SEARCH_INDEX_PREFIX__") for alias in body["aliases"])


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("package", "name"), PACKAGES.items())
def test_each_composable_template_lies_in_the_package_below(package, name, folder):
    """A legacy body and a composable one cannot share a file."""
    path = files(f"{package}.composable") / folder
    assert (path / "__init__.py").is_file()
    assert "mappings" in json.loads((path / name).read_text())["template"]


def test_the_entry_points_are_callables_without_arguments_that_return_packages(app):
    assert all(files(package).is_dir() for package in register_templates())
    assert register_index_templates() == []
    assert len(current_search.templates) == len(PACKAGES)
    assert current_search.index_templates == {}


def test_foreign_packages_are_passed_as_they_are(app, monkeypatch):
    event = current_stats.event_definitions["record-view"]._replace(templates="mine.templates")
    monkeypatch.setitem(current_stats.event_definitions, "record-view", event)
    assert "mine.templates" in register_templates()
    monkeypatch.setitem(app.config, "STATS_REGISTER_INDEX_TEMPLATES", True)
    assert "mine.templates" in register_index_templates()
    assert "invenio_stats.contrib.file_download.composable" in register_index_templates()


@pytest.mark.parametrize("composable", [False, True], ids=["legacy", "composable"])
def test_the_engine_takes_both_kinds_of_templates(app, search_client, index_prefix, monkeypatch, composable):
    monkeypatch.setitem(app.config, "STATS_REGISTER_INDEX_TEMPLATES", composable)
    for name in ("templates", "index_templates"):
        vars(current_search._get_current_object()).pop(name, None)
    placed = [*current_search.put_templates(), *current_search.put_index_templates()]
    for name in ("templates", "index_templates"):
        vars(current_search._get_current_object()).pop(name, None)
    assert len(placed) == len(PACKAGES)
    assert all(answer["acknowledged"] for _, answer in placed)
    for name in (f"{DOWNLOADS}-2026-01-31", "stats-file-download-2026-01"):
        index, alias = f"{index_prefix}{name}", f"{index_prefix}{name.rpartition('-2026')[0]}"
        search_client.indices.create(index)
        found = search_client.indices.get(index)[index]
        assert alias in found["aliases"]
        assert found["mappings"]["properties"]["bucket_id"] == {"type": "keyword"}
        assert found["settings"]["index"]["number_of_shards"] == "1"


def test_monthly_and_daily_indices_lie_side_by_side_and_nothing_is_counted_twice(
    store_events, aggregate, documents, search_client, index_prefix
):
    """An instance that was on monthly indices switches to daily ones in the middle of a month."""
    month = f"{index_prefix}{DOWNLOADS}-{LAST_MONTH:%Y-%m}"
    store_events(download(on(3)), download(on(10)), suffix="%Y-%m")
    assert {hit["_index"] for hit in documents(DOWNLOADS).values()} == {month}
    aggregate()
    # The same click, delivered again after the switch, and a new one on a day that the month's index holds.
    store_events(download(on(10)), download(on(10, 15)), download(on(20)))
    aggregate()
    assert len(documents(DOWNLOADS)) == 4
    counts = {key: hit["_source"]["count"] for key, hit in documents("stats-file-download").items()}
    assert counts == {f"B1_F1-{on(day):%Y-%m-%d}": count for day, count in ((3, 1), (10, 2), (20, 1))}


def test_views_and_downloads_never_share_an_index(store_events, documents):
    store_events(download(on(3)))
    store_events(view(on(3)), event_type="record-view")
    assert len(documents(DOWNLOADS)) == len(documents("events-stats-record-view")) == 1
