"""Work in a Celery pool ends when its worker is asked to stop."""

import multiprocessing
import signal
import sys
import threading
import time

import pytest
from celery.signals import worker_shutting_down

from invenio_stats.support import shutdown


def work(begun):
    begun.set()
    started = time.monotonic()
    while not shutdown.is_due(started, 20):
        time.sleep(0.01)
    sys.exit(0 if time.monotonic() - started < 15 else 1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_processes_of_a_pool_are_asked_with_their_worker():
    """Only the worker gets the signal, and then waits for its pool."""
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    with shutdown.on_sigterm():  # takes the wish back at its end
        process = context.Process(target=work, args=(begun,))
        process.start()
        assert begun.wait(20)
        worker_shutting_down.send(sender=None)
        process.join(20)
    assert process.exitcode == 0
    assert not shutdown.is_due(time.monotonic(), None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_and_no_later_one(number):
    before = signal.getsignal(number)
    with shutdown.on_sigterm() as received:
        assert not shutdown.is_requested()
        signal.raise_signal(number)
        assert shutdown.is_requested()
    assert received == [number]
    assert not shutdown.is_requested()
    assert signal.getsignal(number) is before


def press_ctrl_c_twice():
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_interrupts():
    with pytest.raises(KeyboardInterrupt), shutdown.on_sigterm():
        press_ctrl_c_twice()
    assert not shutdown.is_requested()


def test_a_ctrl_c_that_is_ignored_stays_so(restored_handlers):
    """As in a script's background job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with shutdown.on_sigterm() as received:
        signal.raise_signal(signal.SIGINT)
    assert received == []


def test_outside_the_main_thread_a_run_has_no_handler():
    """Only the main thread can have one."""
    before, ran = signal.getsignal(signal.SIGTERM), []

    def run():
        with shutdown.on_sigterm():
            ran.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ran == [before]


def test_a_handler_that_python_did_not_install_is_let_be(monkeypatch, restored_handlers):
    """`getsignal` and `signal` return None for it, and `signal` does not take None."""
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    handle = signal.signal
    monkeypatch.setattr(signal, "signal", lambda number, handler: handle(number, handler) and None)
    with shutdown.on_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert not shutdown.is_requested()


@pytest.fixture
def restored_handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handle = signal.signal
    yield
    for number, handler in before.items():
        handle(number, handler)
