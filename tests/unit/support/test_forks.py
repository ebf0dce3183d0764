"""A forked process has locks of its own, whatever the threads of its parent hold."""

import gc
import os
import signal
import weakref

import pytest

from invenio_stats.privacy import salts
from invenio_stats.privacy.country_database import CountryDatabase
from invenio_stats.privacy.user_agents import cache
from invenio_stats.support import garbage_collection
from invenio_stats.support.forks import renew_in_child

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def status_of_child(work):
    """Return the exit status of a forked process: 0 if `work()` is true; killed if it waits."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(3)
        status = 1
        try:
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


def salts_memory():
    memory = salts._Memory()
    memory._next_try = float("inf")  # its store is not asked
    return memory, lambda: memory.get_or_make("2026-01-31").value


def agents():
    agent = cache.Agent("id", "text", "human", "1")
    return cache, lambda: cache.put_back([agent]) is None and agent in cache.take_noted()


def country_database():
    database = CountryDatabase("/no/such/file")
    return database, lambda: not database.check()


def garbage_pauses():
    return garbage_collection, lambda: [garbage_collection.paused().__enter__()]


@pytest.mark.parametrize("make", [salts_memory, agents, country_database, garbage_pauses])
def test_a_child_does_not_wait_for_a_lock_of_its_parent(make):
    """As when a web server makes a worker while a thread has it."""
    holder, work = make()
    with holder._lock:
        assert status_of_child(work) == 0


def test_what_is_gone_is_not_renewed_and_not_kept():
    class Owner:
        pass

    owner = Owner()
    renew_in_child(owner, lambda owned: os._exit(9))
    assert status_of_child(lambda: True) == 9 << 8
    gone = weakref.ref(owner)
    del owner
    assert gone() is None
    assert status_of_child(lambda: True) == 0


def test_a_child_collects_garbage_though_its_parent_paused_that():
    def work():
        with garbage_collection.paused():
            was_on = gc.isenabled()
        return gc.isenabled() and not was_on

    with garbage_collection.paused():
        assert status_of_child(gc.isenabled) == 0
        assert status_of_child(work) == 0
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_child_that_leaves_a_block_of_its_parent_counts_its_own_only():
    block = garbage_collection.paused()
    block.__enter__()

    def work():
        with garbage_collection.paused():
            block.__exit__(None, None, None)
            stays_off = not gc.isenabled()
        return stays_off and gc.isenabled()

    assert status_of_child(work) == 0
    block.__exit__(None, None, None)


def test_a_child_of_a_process_that_collects_no_garbage_does_not_either():
    gc.disable()
    try:
        with garbage_collection.paused():
            assert status_of_child(lambda: not gc.isenabled()) == 0
    finally:
        gc.enable()
