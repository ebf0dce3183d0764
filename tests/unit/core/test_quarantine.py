"""A failed total is tried again, and leaves the quarantine when it succeeds."""

from invenio_stats.core.moments import parse
from invenio_stats.core.quarantine import QuarantinedTotal, after_run, read_quarantined, write_quarantined

MONDAY, TUESDAY, NOON, LATER = (parse(f"2026-03-{day}") for day in ("09", "10", "10T12:00:00", "11"))
OLD = QuarantinedTotal(MONDAY, "a", "ValueError", NOON)


def test_what_fails_is_quarantined():
    assert after_run([], {MONDAY}, [OLD]) == [OLD]


def test_what_fails_again_keeps_its_date():
    again = OLD._replace(since=LATER, error="KeyError")
    assert after_run([OLD], {MONDAY}, [again]) == [again._replace(since=NOON)]


def test_what_went_well_is_forgotten():
    assert after_run([OLD], {MONDAY}, []) == []


def test_what_was_not_tried_stays():
    other = OLD._replace(start=TUESDAY)
    assert after_run([OLD], {TUESDAY}, [other]) == [OLD, other]


def test_what_is_written_is_read():
    assert read_quarantined({"quarantined": write_quarantined([OLD])}) == [OLD]
    assert read_quarantined({}) == []
