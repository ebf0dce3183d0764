"""Each error arrives as it was raised, from a process pool or through Celery."""

import copy
import pickle

import pytest

from invenio_stats import errors

ARGUMENTS = {
    errors.UnknownTypeError: ("a", "STATS_EVENTS"),
    errors.EventsRefusedError: (3, "the spool is full"),
    errors.SpoolVersionError: ("/spool.sqlite", 3),
    errors.ClosedIndexError: ("a", ["events-1"]),
    errors.ForeignTotalError: ("stats-a-2026-01", "unique_id"),
    errors.FieldNotCountableError: ("a", "unique_id", "events-stats-a", True),
    errors.MonthBusyError: ("2026-05", 120.0),
    errors.MissingItemsError: ("stats-counter-items", "2026-01", "2026-05"),
    errors.TooManyRowsError: (1_048_576,),
    errors.NotPermittedError: (401, "not permitted"),
    errors.NotFoundError: (),
    errors.NoAnswerError: (503, "no answer"),
}
"""Arguments of the errors that take more than one text."""

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.StatsError)]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("error_type", ALL)
def test_an_error_arrives_as_it_was_raised(error_type, duplicate, monkeypatch):
    monkeypatch.setattr(errors, "_", lambda text, **values: text % values)  # without an application
    raised = error_type(*ARGUMENTS.get(error_type, ("a text",)))
    raised.add_note("a note") if hasattr(raised, "add_note") else None
    arrived = duplicate(raised)
    assert type(arrived) is error_type
    assert str(arrived) == str(raised)
    assert arrived.args == raised.args
    assert vars(arrived) == vars(raised)
