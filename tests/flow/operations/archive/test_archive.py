"""Export and import: statistics survive the loss of the search engine, and an import never does harm."""

import gzip
import json
from datetime import datetime, timezone

import pytest

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.cli.progress import bar
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core import names
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.moments import parse
from invenio_stats.errors import ArchiveError
from invenio_stats.operations.archive import files, manifest
from invenio_stats.operations.archive.export import export, summary
from invenio_stats.operations.archive.restore import read_verified, restore
from invenio_stats.operations.corrections import read_corrections
from tests.fixtures.counting import EVENTS, TOTALS

TYPES = ["file-download", "record-view"]


@pytest.fixture
def counted(raw, aggregator, clock, refresh):
    """Events of three days, counted; one of them is superseded."""
    raw.put(day="2026-01-30", session="s1", index=f"{EVENTS}-2026-01-30")
    raw.put(day="2026-01-30", session="s2", index=f"{EVENTS}-2026-01-30", country="CH")
    raw.put(day="2026-03-10", session="s1", index=f"{EVENTS}-2026-03-10")
    raw.put(day="2026-03-10", session="s1", index=f"{EVENTS}-2026-03-10", superseded=True)
    refresh()
    aggregator().run()
    refresh()
    return raw


@pytest.fixture
def save(search_client, tmp_path):
    """Return a function that exports, and the directory."""

    def run(name="export", event_types=TYPES, first=None, last=None):
        with bar("", quiet=True) as shown:
            return export(search_client, tmp_path / name, event_types, first, last, shown)

    return run


@pytest.fixture
def load(search_client, tmp_path):
    """Return a function that imports."""

    def run(name="export", is_dry=False):
        with bar("", quiet=True) as shown:
            outcomes = restore(search_client, tmp_path / name, read_verified(tmp_path / name, shown), is_dry, shown)
        return {kind: {name: count for name, count in found.items() if count} for kind, found in outcomes.items()}

    return run


@pytest.fixture
def everything(search_client, index_prefix, refresh):
    """Return a function that gives all documents by kind of index and id."""

    def read(prefix=index_prefix):
        refresh()
        found = {}
        for kind in ("events-stats-", "stats-"):
            answer = search_client.search(index=f"{prefix}{kind}*", body={"size": 1000}, ignore_unavailable=True)
            left_out = [f"{prefix}{name}" for name in (names.LOCKS, names.CORRECTIONS)]
            hits = [hit for hit in answer["hits"]["hits"] if hit["_index"] not in left_out]
            hits = [hit for hit in hits if not hit["_id"].startswith(("aggregation:", "revision:"))]  # found anew
            found[kind] = {hit["_id"]: {**hit["_source"], "oldest_events": None} for hit in hits}  # looked at anew
        return found

    return read


@pytest.fixture
def lose_everything(search_client, index_prefix):
    def lose():
        search_client.indices.delete(index=f"{index_prefix}*")

    return lose


def test_an_empty_engine_has_everything_again(counted, save, load, everything, lose_everything, aggregator):
    before = everything()
    assert [len(found) for found in before.values()] == [4, 4]
    save()
    lose_everything()
    outcomes = load()
    assert everything() == before
    both = {"completeness": {"same": 1}, "bookmarks": {"created": 1}}
    assert outcomes == {"totals": {"created": 2}, "events": {"created": 4}, **both}
    assert not any(written for written, _ in aggregator().run())
    (correction,) = read_corrections(aggregator().client)
    assert (correction.kind, correction.command) == ("import", "invenio stats import")
    assert sum(months["events"] for months in correction.months.values()) == 4


def test_another_prefix_has_it_too(counted, save, load, everything, app, monkeypatch, index_prefix):
    """Names in the files are without prefix; here the templates have not even been placed."""
    before = everything()
    save()
    monkeypatch.setitem(app.config, "SEARCH_INDEX_PREFIX", f"{index_prefix}other-")
    load()
    assert everything(f"{index_prefix}other-") == before
    client = counted.client
    assert client.count(index=f"{index_prefix}other-{EVENTS}")["count"] == 3  # one is superseded
    assert client.count(index=f"{index_prefix}other-{TOTALS}")["count"] == 2
    days = client.search(index=f"{index_prefix}other-{EVENTS}", body={"query": {"term": {"country": "CH"}}})
    assert days["hits"]["total"]["value"] == 1


def test_old_days_come_back_as_one_month(counted, save, load, lose_everything, search_client, index_prefix):
    """By today's rule: the export knows days, and their month is closed long since."""
    save()
    lose_everything()
    load()
    found = search_client.indices.get_alias(index=f"{index_prefix}{EVENTS}-*")
    year = datetime.now(timezone.utc).year
    assert year > 2025
    assert f"{index_prefix}{EVENTS}-2026-01" in found
    assert f"{index_prefix}{EVENTS}-2026-01-30" in found[f"{index_prefix}{EVENTS}-2026-01"]["aliases"]


def test_importing_twice_does_it_once(counted, save, load, everything):
    before = everything()
    save()
    again = {"totals": {"same": 2}, "events": {"same": 4}}
    assert load() == {**again, "completeness": {"same": 1}, "bookmarks": {}}
    assert everything() == before


def test_a_try_writes_nothing(counted, save, load, everything, lose_everything):
    save()
    lose_everything()
    assert load(is_dry=True)["events"] == {"created": 4}
    assert everything() == {"events-stats-": {}, "stats-": {}}


def test_what_is_newer_stays_and_what_is_older_is_replaced(raw, save, load, clock, refresh):
    kept, replaced = raw.put(session="kept"), raw.put(session="replaced")
    clock.forward(minutes=5)
    raw.change(replaced, country="CH")
    save()
    raw.client.index(**replaced, body={"timestamp": "2026-03-10T10:00:00", "updated_timestamp": "2026-03-10T10:00:01"})
    raw.client.delete(**kept)
    clock.forward(minutes=5)
    raw.client.index(**kept, body={"timestamp": "2026-03-10T10:00:00", "updated_timestamp": clock.now.isoformat()})
    refresh()
    assert load()["events"] == {"kept": 1, "replaced": 1}
    assert raw.client.get(**replaced)["_source"]["country"] == "CH"
    assert "visitor_id" not in raw.client.get(**kept)["_source"]


def test_a_replaced_event_keeps_the_ids_that_it_was_counted_for(raw, save, load, clock, refresh):
    """Otherwise nothing would tell the next run that the total of its former item has lost it."""
    event = raw.put(item_id="B", parent_id="P")
    save()
    older = {"timestamp": "2026-03-10T10:00:00", "updated_timestamp": "2026-03-10T10:00:01"}
    raw.client.index(**event, body={**older, "item_id": "A", "parent_id": "P", "former_ids": ["Q"]})
    refresh()
    assert load()["events"] == {"replaced": 1}
    found = raw.client.get(**event)["_source"]
    assert (found["item_id"], found["parent_id"], found["former_ids"]) == ("B", "P", ["A", "Q"])


@pytest.mark.parametrize(("here", "saved", "after"), [(0, 2, 2), (2, 0, 2)])
def test_of_two_first_complete_days_the_later_stays(counted, save, load, search_client, here, saved, after):
    """Whoever asked here before the import did not know of the totals: the day was judged without them."""
    days = [NOTHING_MISSING, None, parse("2026-03-01")]
    search_client.delete(index=f"{counted.prefix}stats-completeness", id="record-view", refresh=True)
    FirstCompleteDay(search_client, "record-view").raise_to(days[saved])
    search_client.indices.refresh(index=f"{counted.prefix}stats-completeness")
    save()
    search_client.indices.delete(index=f"{counted.prefix}*")
    FirstCompleteDay(search_client, "record-view").raise_to(days[here])
    load()
    assert FirstCompleteDay(search_client, "record-view").get() == days[after]


def test_events_that_come_in_below_the_bookmark_are_counted_by_the_next_run(
    counted, save, load, aggregator, clock, counts, search_client, index_prefix, refresh
):
    """They say that they were written long ago."""
    save()
    search_client.indices.delete(index=f"{index_prefix}{EVENTS}-2026-01-30")
    search_client.delete_by_query(index=f"{index_prefix}{TOTALS}", body={"query": {"match_all": {}}}, refresh=True)
    clock.forward(days=2)
    aggregator().run()
    before = BookmarkAPI(search_client, "record-view-agg", "day").get_bookmark()
    assert load()["events"] == {"created": 2, "same": 2}
    assert BookmarkAPI(search_client, "record-view-agg", "day").get_bookmark() < before
    search_client.delete_by_query(index=f"{index_prefix}{TOTALS}", body={"query": {"match_all": {}}}, refresh=True)
    refresh()
    aggregator().run()
    assert counts() == {"recid_1-2026-01-30": 2, "recid_1-2026-03-10": 1}


def test_the_same_documents_make_the_same_bytes(counted, save, tmp_path):
    first, second = save("one"), save("two")
    assert first.files == second.files
    names = [part.path for part in first.files]
    assert names == [
        "bookmarks/stats-bookmarks.jsonl.gz",
        "completeness/stats-completeness.jsonl.gz",
        "totals/stats-record-view-2026-01.jsonl.gz",
        "totals/stats-record-view-2026-03.jsonl.gz",
        "events/events-stats-record-view-2026-01-30.jsonl.gz",
        "events/events-stats-record-view-2026-03-10.jsonl.gz",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert (tmp_path / "one" / name).stat().st_mode & 0o077 == 0
    lines = gzip.decompress((tmp_path / "one" / names[4]).read_bytes()).splitlines()
    assert [json.loads(line)["_source"]["unique_session_id"] for line in lines] == ["s1", "s2"]


def test_a_range_and_types_choose(counted, save):
    day = datetime(2026, 1, 30, tzinfo=timezone.utc)
    assert [part.index for part in save("day", first=day, last=day).files if part.kind == "events"] == [
        "events-stats-record-view-2026-01-30"
    ]
    assert save("from", first=day.replace(day=31)).files[-1].documents == 2
    assert save("downloads", event_types=["file-download"]).files == []
    assert summary(save("all"))["events"]["documents"] == 4


def test_an_interrupted_export_is_gone_on_with(counted, save, tmp_path, requests_sent):
    whole = save("whole")
    for number in range(5, 100):
        folder = tmp_path / "export"
        requests_sent.cut(number, is_answer_lost=False)
        try:
            save()
        except BaseException:  # noqa: B902
            requests_sent.mend()
            with pytest.raises(ArchiveError, match="interrupted"), bar("", quiet=True) as shown:
                read_verified(folder, shown)
            continue
        requests_sent.mend()
        break
    assert manifest.load(folder).files == whole.files
    assert number > 10


def test_a_directory_that_holds_something_else_is_refused(counted, save, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("chapter 1")
    with pytest.raises(ArchiveError, match="not empty"):
        save("mine")
    save()
    with pytest.raises(ArchiveError, match="already contains an export of"):
        save()


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(damage, "checksum", id="a bit is another"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-9]), "checksum", id="the end is missing"),
        pytest.param(lambda path: path.unlink(), "missing", id="a file is missing"),
    ],
)
def test_what_is_damaged_is_refused_before_anything_is_written(
    counted, save, load, everything, lose_everything, tmp_path, harm, said
):
    written = save()
    harm(tmp_path / "export" / written.files[-1].path)
    lose_everything()
    with pytest.raises(ArchiveError, match=said):
        load()
    assert everything() == {"events-stats-": {}, "stats-": {}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"files": 7}, "cannot be read"),
        ({"fields": {"totals/record-view": ["count"]}}, "no mappings"),
        ({"files": [{"kind": "events", "event_type": "x", "index": "../../etc/passwd"}]}, "no export has"),
        ({"files": [{"kind": "events", "event_type": "x", "index": "/etc/passwd"}]}, "no export has"),
        ({"files": [{"kind": "keys", "event_type": "x", "index": "x"}]}, "no export has"),
    ],
)
def test_a_manifest_that_nobody_wrote_is_refused(save, app, search_client, tmp_path, change, said):
    save()
    path = tmp_path / "export" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ArchiveError, match=said):
        manifest.load(tmp_path / "export")


def test_a_manifest_that_is_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ArchiveError, match="RecursionError"):
        manifest.load(tmp_path)


def test_a_directory_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match=r"no manifest\.json"):
        manifest.load(tmp_path)


def test_a_line_that_is_no_document_is_named(tmp_path):
    with gzip.open(tmp_path / "x.jsonl.gz", "wb") as file:
        file.write(b'{"_id":"1","_source":{}}\n{"_id":')
    with pytest.raises(ArchiveError, match="line 2"):
        list(files.read(tmp_path / "x.jsonl.gz"))


def test_many_documents_are_sorted_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_DOCUMENTS_IN_MEMORY", 7)
    documents = [(str(number * 37 % 100), {"number": number}) for number in range(100)]
    done = []
    written = files.write(tmp_path / "x" / "y.jsonl.gz", documents, done.append)
    assert written.documents == sum(done) == 100
    assert list(files.read(tmp_path / "x" / "y.jsonl.gz")) == sorted(documents, key=lambda entry: json.dumps(entry[0]))
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["y.jsonl.gz"]


def test_usage_totals_are_exported_and_imported(
    app, usage, usage_aggregator, save, load, search_client, index_prefix, refresh, stored_totals, monkeypatch
):
    """They are not those of one event type."""
    aggregations = {**app.config["STATS_AGGREGATIONS"], **USAGE_AGGREGATIONS}
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", aggregations)
    usage.view(country="DE")
    usage.download()
    usage_aggregator().run()
    usage_aggregator("record-usage-agg").run()
    refresh()
    before = {alias: stored_totals(alias) for alias in ("stats-item-usage", "stats-record-usage")}
    assert all(before.values())
    save()
    save("downloads", event_types=["search"])
    search_client.indices.delete(index=f"{index_prefix}*")
    assert load()["usage"] == {"created": 2}
    refresh()
    assert {alias: stored_totals(alias) for alias in before} == before
    mapped = search_client.indices.get_mapping(index=f"{index_prefix}stats-item-usage-2026-03")
    (body,) = mapped.values()
    assert body["mappings"]["properties"]["rows"] == {"type": "object", "enabled": False}
    assert "usage" not in load("downloads")
