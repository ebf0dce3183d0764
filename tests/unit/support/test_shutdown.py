"""Work in a Celery pool ends when its worker is asked to stop."""

import multiprocessing
import sys
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
