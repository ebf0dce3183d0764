"""The spool's file: removed, moved, of another release, readable by others; what was accepted is not lost."""

import json
import multiprocessing
import os
import shutil
import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.broker import spool as spools
from invenio_stats.broker.spool import Spool
from invenio_stats.errors import EventsRefusedError, SpoolVersionError
from tests.unit.broker.test_spool import MIB, message, other, spool, taken

__all__ = ("other", "spool")  # fixtures

pytestmark = pytest.mark.expect_logged_errors

VERSION_1 = """
    CREATE TABLE spool (name TEXT NOT NULL);
    CREATE TABLE waiting (id INTEGER PRIMARY KEY, since REAL, taken REAL, message TEXT);
    CREATE TABLE refused (
        day TEXT, queue TEXT, events INTEGER, reported INTEGER DEFAULT 0, PRIMARY KEY (day, queue));
    INSERT INTO spool VALUES ('its name');
    INSERT INTO refused VALUES ('2026-03-01', 'stats-x', 5, 0);
    PRAGMA user_version = 1;
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool" / "spool.sqlite"


def remove_file(path):
    path.unlink()


def remove_all_files(path):
    for file in path.parent.iterdir():
        file.unlink()


def remove_folder(path):
    shutil.rmtree(path.parent)


def move_file(path):
    path.rename(path.parent.parent / "elsewhere.sqlite")


REMOVALS = [remove_file, remove_all_files, remove_folder, move_file]


@pytest.mark.parametrize("remove", REMOVALS)
def test_what_was_accepted_before_and_after_a_removal_is_there(spool, other, path, remove):
    """Each process that has it open brings along what it knows; a message is there once."""
    spool.put([message("a")])
    other.put([message("b")])
    remove(path)
    other.put([message("c")])
    assert spool.count() == other.count() == 3
    spool.put([message("d")])
    remove(path)
    assert sorted(taken(spool)) == ["a", "b", "c", "d"]
    assert taken(other) == []
    assert Spool(str(path.parent), MIB).count() == 4


@pytest.mark.parametrize("remove", REMOVALS)
def test_a_removal_within_a_write_loses_nothing(spool, path, remove):
    """`put` has accepted it when it returns: it is in the file that others see."""
    spool.put([message("a")])
    with spool._file.writing() as database:
        database.execute("INSERT INTO waiting (since, message) VALUES (0, ?)", (message("b").to_json(),))
        remove(path)
    assert sorted(taken(Spool(str(path.parent), MIB))) == ["a", "b"]


def test_numbers_of_refused_events_come_along(spool, path):
    spool.note_refused([message("a"), message("b")])
    spool.set_reported(spool.refusals())
    spool.note_refused([message("c")])
    remove_file(path)
    assert [refusals.events for refusals in spool.refusals()] == [1]


def test_who_stood_still_does_not_delete_what_somebody_else_put(spool, other, path, monkeypatch):
    """Sixty seconds after it was taken a message is anybody's; numbers of messages are never given twice."""
    monkeypatch.setattr(spools, "_TAKEN_SECONDS", -1)
    spool.put([message("a")])
    slow = spool.take(10)
    other.settle(other.take(10), sent=True)
    other.put([message("b")])
    spool.settle(slow, sent=True)
    assert taken(other) == ["b"]
    remove_folder(path)
    stale = other.take(10)
    other.settle(stale, sent=True)
    remove_folder(path)
    other.put([message("c")])
    spool.settle([*slow, *stale], sent=True)
    assert taken(other) == ["c"]


@pytest.mark.parametrize(
    "text",
    [
        '["stats-x", "a", "{}", {}, 1, "of a newer release"]',
        "{",
        '{"queue": 1}',
        "[1, 2, 3]",
        '["celery", "a", "{}", {}, 1]',
        '["stats-instances", "a", "{}", {}, 1]',
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_and_the_others_go(spool, other, text, caplog):
    spool.put([message("a")])
    with spool._file.writing() as database:
        database.execute("INSERT INTO waiting (since, message) VALUES (0, ?)", (text,))
    spool.put([message("b")])
    assert taken(other) == ["a", "b"]
    assert (spool.rejected(), spool.count()) == (1, 2)
    assert "cannot be read" in caplog.text
    assert spool.retry_rejected() == 1
    assert (spool.take(10), spool.rejected()) == ([], 1)
    assert spool.purge_rejected(datetime.now(timezone.utc) - timedelta(days=1)) == 1
    assert spool.rejected() == 0


def test_rows_that_cannot_be_read_do_not_end_the_sending(spool):
    with spool._file.writing() as database:
        database.executemany("INSERT INTO waiting (since, message) VALUES (0, ?)", [("{",)] * 20)
    spool.put([message("a")])
    assert [entry.message.message_id for entry in spool.take(5)] == ["a"]
    assert spool.rejected() == 20


def test_a_file_of_a_newer_release_is_refused_with_its_name_and_left_alone(path, spool):
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.executescript("CREATE TABLE waiting (everything_else TEXT); PRAGMA user_version = 7;")
    database.close()
    with pytest.raises(SpoolVersionError, match=f"{path}.*user_version is 7"):
        spool.count()
    with pytest.raises(EventsRefusedError, match=str(path)):
        spool.put([message("a")])
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("waiting",)]
    database.close()


def test_a_file_of_version_1_is_upgraded(path, spool, other):
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.executescript(VERSION_1)
        database.execute("INSERT INTO waiting VALUES (4, 1, NULL, ?)", (message("old").to_json(),))
    database.close()
    spool.put([message("new")])
    assert (other.name(), other.refused()) == ("its name", 5)
    first, second = other.take(10)
    assert (first.message, second.message) == (message("old"), message("new"))
    assert first.ticket == 4 < second.ticket


def test_nobody_else_may_read_it(path, spool):
    """Also where the folder is there already, and open to all, or an older release has made the file."""
    before = os.umask(0)
    try:
        path.parent.mkdir(mode=0o777)
        spool.put([message("a")])
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
        for file in path.parent.iterdir():
            file.chmod(0o644)
        Spool(str(path.parent), MIB).put([message("b")])
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    finally:
        os.umask(before)


def put_many(folder: str, name: str, has_put, is_over) -> None:
    spool = Spool(folder, 64 * MIB)
    for number in range(100):
        put_until_accepted(spool, f"{name}-{number}")
    has_put.set()
    is_over.wait(60)  # a file that is removed when nobody has it open any more is lost, as any file is
    put_until_accepted(spool, f"{name}-last")


def put_until_accepted(spool: Spool, name: str) -> None:
    for _ in range(1000):
        with suppress(EventsRefusedError):
            spool.put([message(name)])
            return
    raise AssertionError("it is never accepted")


def remove(folder):
    """Remove a folder at one stroke: file by file, `rmtree` may take what SQLite has just put beside a new file."""
    removed = folder.with_name(f"{folder.name}-removed")
    folder.rename(removed)
    shutil.rmtree(removed)


def test_processes_lose_nothing_however_often_it_is_removed(path):
    """What each has been told is accepted is there in the end, at least once."""
    context = multiprocessing.get_context("fork")
    names, is_over = ["w0", "w1", "w2"], context.Event()
    have_put = [context.Event() for _ in names]
    workers = [
        context.Process(target=put_many, args=(str(path.parent), name, has_put, is_over))
        for name, has_put in zip(names, have_put, strict=True)
    ]
    for worker in workers:
        worker.start()
    watching = Spool(str(path.parent), 64 * MIB)
    put_until_accepted(watching, "first")
    while not all(has_put.is_set() for has_put in have_put):
        remove(path.parent)
        put_until_accepted(watching, "between")
        have_put[0].wait(0.05)
    is_over.set()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    put_until_accepted(watching, "last")
    found = {json.loads(row)[1] for row in rows(watching)}
    assert found >= {f"{name}-{step}" for name in names for step in [*range(100), "last"]}


def rows(spool):
    with spool._file.opened() as database:
        return [text for (text,) in database.execute("SELECT message FROM waiting")]
