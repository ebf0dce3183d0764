"""Stores of salts: each release keeps its own, also in a cache that another has used."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cachelib import FileSystemCache, SimpleCache

from invenio_stats.privacy.salt_stores import salt_store

DAY = "2026-11-02"


def test_what_another_release_keeps_under_its_own_key_is_left_alone():
    """7.x keeps its salt of a day in another form; neither could read what the other has put there."""
    cache = SimpleCache()
    cache.set(f"stats:salt:{DAY}", b"theirs")
    salt = salt_store(cache).get_or_make(DAY)
    assert salt_store(cache).get(DAY) == salt
    assert len(salt) == 64
    assert cache.get(f"stats:salt:{DAY}") == b"theirs"


def test_nothing_is_put_where_another_release_looks():
    cache = SimpleCache()
    salt_store(cache).get_or_make(DAY)
    assert cache.get(f"stats:salt:{DAY}") is None


@pytest.fixture
def files(tmp_path):
    """A store next to a file cache."""
    return salt_store(FileSystemCache(str(tmp_path / "cache")))


@pytest.fixture
def without_links(monkeypatch):
    def link(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)


def test_without_hard_links_all_processes_have_one_salt(files, without_links):
    """As on some file systems of containers."""
    together = threading.Barrier(8)

    def get(number):
        together.wait(10)
        return files.get_or_make(DAY)

    with ThreadPoolExecutor(8) as threads:
        (salt,) = set(threads.map(get, range(8)))
    assert len(salt) == 64
    assert [path.name for path in files._folder.iterdir()] == [DAY]
    assert files._folder.joinpath(DAY).stat().st_mode & 0o777 == 0o600


def test_a_salt_that_another_process_is_writing_is_waited_for(files, without_links):
    salt = files.get_or_make(DAY)
    path = files._folder / DAY
    path.write_text("")
    assert files.get(DAY) is None
    writer = threading.Timer(0.05, path.write_text, [salt])
    writer.start()
    assert files.get_or_make(DAY) == salt
    writer.join()


def test_a_salt_whose_writer_died_is_replaced(files, without_links):
    files.get_or_make(DAY)
    path = files._folder / DAY
    path.write_text("")
    with pytest.raises(OSError, match="broken"):
        files.get_or_make(DAY)
    os.utime(path, (time.time() - 60,) * 2)
    assert len(files.get_or_make(DAY)) == 64


def test_a_file_system_whose_clock_is_days_behind_is_an_error(files, monkeypatch):
    """The caller then uses a local salt; an endless loop would hold its lock, and every request with it."""
    real = os.link

    def link(source, target):
        os.utime(source, (time.time() - 3 * 86_400,) * 2)
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match="clock of its file system"):
        files.get_or_make(DAY)


def test_a_redis_that_keeps_nothing_is_an_error():
    class Forgetful:
        def get(self, key):
            return None

        def set(self, key, value, **options):
            return True

    class Cache:
        _read_client = _write_client = Forgetful()

        def _get_prefix(self):
            return ""

    with pytest.raises(OSError, match="does not keep"):
        salt_store(Cache()).get_or_make(DAY)
