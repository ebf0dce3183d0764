"""Whatever is in a storage, the privacy report says what it could look at."""

from invenio_stats.operations.privacy_report import storages


def test_a_document_that_is_nested_too_deeply_stops_no_report():
    document = {}
    for _ in range(10_000):
        document = {"a": document}
    found = storages._try("queue: record-view", lambda: [document])
    assert (found.storage, found.looked_at, found.problem) == ("queue: record-view", 0, "RecursionError")
