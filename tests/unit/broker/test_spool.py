"""Any process can take what is in the spool, until it is sent."""

import multiprocessing
import os
import sqlite3
import threading
from datetime import datetime, timezone

import pytest

from invenio_stats.broker import spool as spools
from invenio_stats.broker import spool_file
from invenio_stats.broker.spool import Spool
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.errors import EventsRefusedError

MIB = 1 << 20


def message(name: str, size: int = 10, queue: str = "stats-x") -> Outgoing:
    """Return a message with an id."""
    return Outgoing(queue, name, "y" * size, {"reason": "none"})


@pytest.fixture
def spool(tmp_path):
    return Spool(str(tmp_path / "spool"), MIB)


@pytest.fixture
def other(tmp_path):
    """The spool as another process has it."""
    return Spool(str(tmp_path / "spool"), MIB)


def taken(spool) -> list[str]:
    return [taken.message.message_id for taken in spool.take(10_000)]


def test_what_was_put_comes_in_order_and_unchanged(spool, other):
    spool.put([message("a"), message("b")])
    other.put([message("ü")])
    assert spool.count() == 3
    assert abs((spool.oldest() - datetime.now(timezone.utc)).total_seconds()) < 60
    assert [taken.message for taken in other.take(10)] == [message("a"), message("b"), message("ü")]


def test_what_one_sends_no_other_does(spool, other):
    spool.put([message("a"), message("b"), message("c")])
    first = spool.take(2)
    assert taken(other) == ["c"]
    assert spool.count() == 3
    spool.settle(first[:1], sent=True)
    spool.settle(first[1:], sent=False)
    assert taken(other) == ["b"]
    assert spool.count() == 2


def test_what_a_dead_one_took_is_anybodys_again(spool, other, monkeypatch):
    spool.put([message("a")])
    assert taken(spool) == ["a"]
    assert taken(other) == []
    monkeypatch.setattr(spools, "_TAKEN_SECONDS", -1)
    assert taken(other) == ["a"]


def test_nothing_is_made_where_nothing_is_kept(spool, tmp_path):
    assert (spool.count(), spool.oldest(), spool.refused(), spool.is_empty()) == (0, None, 0, True)
    assert (spool.take(5), spool.refusals()) == ([], [])
    assert not list(tmp_path.iterdir())


def test_a_batch_is_kept_whole_or_not_at_all(spool):
    spool.put([message("a")])
    with pytest.raises(EventsRefusedError, match="full") as caught:
        spool.put([message(str(number), size=10_000) for number in range(200)])
    assert caught.value.count == 200
    assert taken(spool) == ["a"]


def test_its_size_is_limited_and_what_was_sent_makes_room(spool, tmp_path):
    def fill():
        for number in range(1000):
            spool.put([message(str(number), size=10_000)])

    with pytest.raises(EventsRefusedError, match="full"):
        fill()
    held = spool.count()
    assert held > 50
    assert (tmp_path / "spool" / "spool.sqlite").stat().st_size <= MIB
    spool.settle(spool.take(10_000), sent=True)
    with pytest.raises(EventsRefusedError, match="full"):
        fill()
    assert spool.count() >= held - 1


def test_refused_ones_are_counted_also_when_it_is_full_or_off(spool, other, tmp_path):
    with pytest.raises(EventsRefusedError):
        spool.put([message(str(number), size=10_000) for number in range(200)])
    spool.note_refused([message("a")] * 200)
    other.note_refused([message("b", queue="stats-y")])
    assert spool.refused() == other.refused() == 201
    off = Spool(str(tmp_path / "off"), 0)
    with pytest.raises(EventsRefusedError, match="off"):
        off.put([message("a")])
    off.note_refused([message("a")])
    assert off.refused() == 1


def test_refusals_are_reported_until_somebody_knows_them(spool, other):
    today = datetime.now(timezone.utc).date().isoformat()
    spool.note_refused([message("a"), message("b"), message("c", queue="stats-y")])
    found = sorted(spool.refusals())
    assert found == [(today, "stats-x", 2), (today, "stats-y", 1)]
    other.note_refused([message("d")])
    spool.set_reported(found)
    assert spool.refusals() == [(today, "stats-x", 3)]
    assert spool.name() == other.name() != ""


def test_a_number_that_could_not_be_written_is_written_with_the_next(spool, other, tmp_path, monkeypatch):
    monkeypatch.setattr(spool_file, "_LOCK_SECONDS", 0.02)
    other.put([message("a")])
    blocking = sqlite3.connect(tmp_path / "spool" / "spool.sqlite", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    spool.note_refused([message("a")] * 2)
    with pytest.raises(EventsRefusedError, match="cannot be written"):
        spool.put([message("b")])
    blocking.execute("ROLLBACK")
    blocking.close()
    spool.note_refused([message("a")] * 3)
    assert spool.refused() == 5


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_file_is_refused_and_left_for_who_can_read_it(spool, tmp_path, content):
    path = tmp_path / "spool" / "spool.sqlite"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(EventsRefusedError, match="cannot be written"):
        spool.put([message("a")])
    spool.note_refused([message("a")])
    assert path.read_bytes() == content


def fill(folder: str, name: str) -> None:
    """Put a hundred messages from each of four threads, over one spool."""
    spool_file._LOCK_SECONDS = 60
    spool = Spool(folder, 16 * MIB)

    def work(thread: int) -> None:
        for number in range(100):
            spool.put([message(f"{name}{thread}-{number}")])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_processes_and_threads_fill_it_at_once(spool, tmp_path):
    """It is made by all of them at once, too."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fill, args=(str(tmp_path / "spool"), name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(set(taken(spool))) == 1200


def test_a_forked_process_begins_anew(spool):
    """As a web server makes its workers; also while another thread had the lock."""
    spool.put([message("parent")])
    with spool._file._lock:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                spool.put([message("child")])
                status = 0
            finally:
                os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert taken(spool) == ["parent", "child"]
