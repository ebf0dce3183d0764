"""All processes share one salt a day, for two days, with any cache."""

import json
import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from invenio_cache import InvenioCache, current_cache

from invenio_stats.privacy import salts
from invenio_stats.privacy.salt_stores import SALT_LIFETIME_SECONDS, salt_store

ROOT = Path(__file__).parent.parent.parent
DAY = date(2026, 11, 2)


@pytest.fixture(params=["files", "redis"])
def cache(request, tmp_path):
    """Settings of a cache that processes share."""
    if request.param == "files":
        return {"CACHE_TYPE": "FileSystemCache", "CACHE_DIR": str(tmp_path / "cache")}
    url = request.getfixturevalue("redis_url")
    return {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": url, "CACHE_KEY_PREFIX": f"salts-{time.time_ns()}-"}


@pytest.fixture
def process(cache):
    """An application of its own, as another process has it."""

    def start(**changes):
        app = Flask("salt")
        app.config.update(cache, **changes)
        InvenioCache(app)
        return app

    return start


def ask(app, day=DAY):
    """Return the salt of a day as a process sees it."""
    with app.app_context():
        return salts.salt_of(day)


def test_eight_processes_that_start_at_once_have_one_salt(cache):
    command = [sys.executable, "-m", "tests.services.salt_reader", DAY.isoformat()]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(command, **pipes) for _ in range(8)]
    for process in processes:
        process.stdin.write(json.dumps(cache) + "\n")
        process.stdin.flush()
    assert {process.stdout.readline() for process in processes} == {"ready\n"}
    answers = [process.communicate("go\n", timeout=60)[0] for process in processes]
    ((salt, is_shared),) = {tuple(json.loads(answer)) for answer in answers}
    assert len(salt) == 64
    assert is_shared is True


def test_a_salt_lives_two_days_from_its_creation_and_no_longer(process, cache):
    app = process()
    ask(app)
    store = salt_store(app.extensions["invenio-cache"].cache.cache)
    if "CACHE_REDIS_URL" in cache:
        left = store._cache._write_client.ttl(store._key(DAY.isoformat()))
        assert SALT_LIFETIME_SECONDS - 60 < left <= SALT_LIFETIME_SECONDS
        return
    file = store._folder / DAY.isoformat()
    assert file.stat().st_mode & 0o077 == 0
    old = time.time() - SALT_LIFETIME_SECONDS - 1
    os.utime(file, (old, old))
    assert store.get(DAY.isoformat()) is None
    ask(process(), DAY + timedelta(days=1))
    assert not file.exists(), "making the next one forgets what has expired"


def test_days_have_salts_of_their_own_and_processes_the_same(process):
    first, second = ask(process()), ask(process())
    assert first == second
    assert ask(process(), DAY + timedelta(days=1)) != first


def test_at_most_two_days_are_in_memory(process):
    app = process()
    for days in range(5):
        ask(app, DAY + timedelta(days=days))
    assert len(app.extensions["invenio-stats-salts"]._shared) == 2


def test_a_salt_that_is_not_there_is_not_made_by_looking(process):
    app = process()
    with app.app_context():
        assert salts.existing_salt_of(DAY) is None
    made = ask(process())
    with process().app_context():
        assert salts.existing_salt_of(DAY) == made


def test_while_the_store_is_away_a_process_goes_by_a_salt_of_its_own_and_comes_back(process, monkeypatch):
    app, shared = process(), ask(process())

    def away(cache):
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr("invenio_stats.privacy.salts.salt_store", away)
        own = ask(app)
        assert ask(app) == own, "it stays the same"
        with app.app_context():
            assert salts.is_own(DAY)
    assert own.is_shared is False
    app.extensions["invenio-stats-salts"]._next_try = 0
    assert ask(app) == shared
    with app.app_context():
        assert not salts.is_own(DAY)


def test_what_another_release_keeps_under_its_own_key_is_left_alone(process):
    """7.x has its salt of a day in the same cache, in another form; after going back it finds it as it was."""
    app, theirs = process(), f"stats:salt:{DAY.isoformat()}"
    with app.app_context():
        current_cache.set(theirs, "theirs", timeout=60)
        assert salts.salt_of(DAY).is_shared
        assert current_cache.get(theirs) == "theirs"
    assert ask(process()) == ask(app)


def test_a_salt_is_not_made_of_anything_else(process, cache, tmp_path):
    """Neither the date nor the instance's secret key leads to it."""
    first = ask(process(SECRET_KEY="same"))
    other = {**cache, "CACHE_DIR": str(tmp_path / "other"), "CACHE_KEY_PREFIX": f"other-{time.time_ns()}-"}
    assert ask(process(SECRET_KEY="same", **other)) != first
