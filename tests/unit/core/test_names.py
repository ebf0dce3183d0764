"""Names that other programs read do not change."""

from datetime import datetime, timezone

import pytest

from invenio_stats.core import names

MOMENT = datetime(2026, 1, 31, 10, 0, tzinfo=timezone.utc)


def test_names_are_those_that_instances_have():
    assert names.queue("file-download") == "stats-file-download"
    assert names.events_alias("file-download") == "events-stats-file-download"
    assert names.events_index("events-stats-file-download", MOMENT) == "events-stats-file-download-2026-01-31"
    assert names.events_index("events-stats-file-download", MOMENT, "%Y-%m") == "events-stats-file-download-2026-01"
    assert names.totals_index("file-download", MOMENT, "month") == "stats-file-download-2026-01"
    assert names.total_id("B_F", "2026-01-31") == "B_F-2026-01-31"


@pytest.mark.parametrize(
    ("name", "is_queue"),
    [
        (names.queue("file-download"), True),
        (names.dead_letters(names.queue("no-more-configured")), True),
        (names.AGENTS, True),
        (names.INSTANCES, False),
        ("celery", False),
        ("", False),
        ("stats-", False),
        ("other-stats-x", False),
    ],
)
def test_queues_of_others_are_none_of_ours(name, is_queue):
    assert names.is_queue(name) is is_queue


def test_a_key_too_long_for_an_id_stands_in_it_as_its_hash():
    long, other = names.total_id("x" * 5000, "2026-01-31"), names.total_id("x" * 5001, "2026-01-31")
    assert len(long.encode()) <= 512
    assert long != other
