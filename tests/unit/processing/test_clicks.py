"""A batch of events becomes clicks by pure rules."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.core.moments import BEGINNING
from invenio_stats.processing.batch import Batch
from invenio_stats.processing.clicks import ClickRules, build_clicks

MOMENT = datetime(2026, 3, 9, 12, 0, 31, tzinfo=timezone.utc)


def event(**changes):
    """Return a pseudonymized event."""
    fields = {"timestamp": "2026-03-09T12:00:31.250", "unique_id": "B_F", "visitor_id": "V", **changes}
    return IdentifiedEvent({name: value for name, value in fields.items() if value is not None}, "id-1")


def build(*events, chain=(), first_complete_day=BEGINNING, **changes):
    """Return the clicks of a batch, and what was noted of it."""
    batch = Batch()
    rules = ClickRules(
        chain=chain,
        drop_reason=lambda step, dropped: step.__name__,
        window=30,
        stamp="2026-03-09T12:05:00+00:00",
        first_complete_day=first_complete_day,
        queue="stats-e",
        alias="events-stats-e",
        **changes,
    )
    return list(build_clicks(events, rules, batch)), batch


def test_an_event_becomes_a_click_in_its_cell():
    (click,), batch = build(event(previous_visitor_id="V0"))
    assert (click.moment, click.cell) == (MOMENT, MOMENT - timedelta(seconds=1))
    assert (click.event_id, click.previous_visitor_id) == ("id-1", "V0")
    assert click.fields == {
        "timestamp": "2026-03-09T12:00:31",
        "unique_id": "B_F",
        "visitor_id": "V",
        "event_id": "id-1",
        "updated_timestamp": "2026-03-09T12:05:00+00:00",
    }
    assert batch == Batch()


def test_timestamps_have_their_zone_where_that_is_asked_for():
    (click,), _ = build(event(), writes_zone=True)
    assert click.fields["timestamp"] == "2026-03-09T12:00:31+00:00"


def test_the_event_itself_is_left_as_it_came():
    """It may have to go back to the queue, or to the dead letters."""
    given = event()
    before = dict(given)
    build(given, chain=[lambda doc: doc.update(changed=True) or doc])
    assert given == before


def test_what_a_step_drops_is_counted_under_its_reason_and_goes_no_further():
    def drop(doc):
        return None

    def fail(doc):
        raise AssertionError

    clicks, batch = build(event(), event(), chain=[drop, fail])
    assert clicks == []
    assert batch.dropped == {"drop": 2}
    assert batch.failures == []


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"timestamp": None}, "preprocessor: KeyError: missing field 'timestamp'", id="no timestamp"),
        pytest.param({"timestamp": "yesterday"}, "preprocessor: ValueError", id="no moment"),
        pytest.param(
            {"ip_address": "192.0.2.1", "visitor_id": None}, "preprocessor: PersonalDataError", id="an address"
        ),
        pytest.param({"previous_visitor_id": "\ud800"}, "preprocessor: UnicodeEncodeError", id="no text"),
    ],
)
def test_what_fails_is_noted_without_its_person_and_takes_no_other_with_it(changes, reason):
    (click,), batch = build(event(**changes), event())
    assert click.fields["unique_id"] == "B_F"
    ((dead_letter, noted),) = batch.failures
    assert noted == reason
    assert not {"ip_address", "user_agent", "user_id", "session_id"} & set(dead_letter)


def test_an_event_before_the_first_complete_day_is_expired():
    clicks, batch = build(event(), first_complete_day=MOMENT + timedelta(seconds=1))
    assert clicks == []
    assert [reason for _, reason in batch.failures] == ["expired"]
    assert len(build(event(), first_complete_day=MOMENT)[0]) == 1


@pytest.mark.parametrize(("timestamp", "counts"), [("2026-03-10T12:00:31", True), ("2026-03-10T12:00:32", False)])
def test_an_event_after_the_last_moment_is_in_the_future(timestamp, counts):
    clicks, batch = build(event(timestamp=timestamp), last_moment=MOMENT + timedelta(days=1))
    assert len(clicks) == counts
    assert [reason for _, reason in batch.failures] == ([] if counts else ["in the future"])


def test_what_could_not_be_pseudonymized_is_rejected_with_that_reason():
    clicks, batch = build(event(rejected="pseudonymization: TypeError"), event())
    assert len(clicks) == 1
    assert [reason for _, reason in batch.failures] == ["pseudonymization: TypeError"]


def test_a_missing_module_is_no_fault_of_the_event():
    def step(doc):
        raise ImportError("not installed here")

    with pytest.raises(ImportError):
        build(event(), chain=[step])
