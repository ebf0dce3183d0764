"""Garbage collection is paused during bulk work, and resumed after the last."""

import gc
import threading
import weakref

import pytest

from invenio_stats.support import garbage_collection


@pytest.fixture(autouse=True)
def on_again():
    yield
    gc.enable()


def test_it_is_off_until_the_last_of_several_is_done():
    begun, go_on = threading.Event(), threading.Event()

    def work():
        with garbage_collection.paused():
            begun.set()
            go_on.wait(10)

    other = threading.Thread(target=work)
    with garbage_collection.paused():
        other.start()
        assert begun.wait(10)
    assert not gc.isenabled()
    go_on.set()
    other.join()
    assert gc.isenabled()


def test_it_stays_off_where_the_process_wants_none():
    gc.disable()
    with pytest.raises(ValueError, match="what went wrong"), garbage_collection.paused():
        raise ValueError("what went wrong")
    assert not gc.isenabled()


def test_what_is_left_is_found_now_and_then():
    class Cyclic:
        def __init__(self):
            self.itself = self

    with garbage_collection.paused():
        gone = weakref.ref(Cyclic())
        assert gone() is not None
        for _ in range(8):
            garbage_collection.collect_sometimes()
    assert gone() is None
