"""A tool that tests APIs by their description finds nothing wrong with the COUNTER API."""

import pytest
import schemathesis
from hypothesis import given
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from invenio_stats.core.counter_reports import REPORTS
from tests.flow.counter.api.conftest import find_faults
from tests.flow.counter.api.openapi import describe
from tests.laws import examples

EXAMPLES = {"positive": 0.3, "negative": 0.2}
"""Part of the usual number of examples, for each operation."""
BY_COUNTER = [negative_data_rejection, positive_data_acceptance]
"""Checks that expect other status codes than COUNTER's: a bad filter is answered 200, with an exception in the header,
and an end before the begin is refused although each date is right by itself."""


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_schemathesis_finds_nothing(app, monkeypatch, months, requestor, mode):
    """It asks each path with values that fit their schemas, and with others; other methods, too."""
    monkeypatch.setitem(app.config, "STATS_COUNTER_INSECURE", True)  # it sends plain HTTP to applications
    schema = schemathesis.openapi.from_dict(describe(requestor.requestor_id))
    schema.app = app
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.path for operation in operations} == {
        "/status",
        "/members",
        "/reports",
        *(f"/reports/{report_id.lower()}" for report_id in REPORTS),
    }
    for operation in operations:
        if operation.query or mode == "positive":
            check(operation, schemathesis.GenerationMode(mode))


def check(operation, mode):
    """Send cases of an operation, and check the answers against the description and COUNTER's rules."""
    statuses = set()

    @given(operation.as_strategy(generation_mode=mode))
    @examples(EXAMPLES[mode.value])
    def send(case):
        # It asks applications for compressed answers, and does not decompress them.
        answer = case.call_and_validate(headers={"Accept-Encoding": "identity"}, excluded_checks=BY_COUNTER)
        statuses.add(answer.status_code)
        if answer.status_code == 200 and operation.path.startswith("/reports/"):
            assert find_faults(operation.path[1:], Answer(answer)) == []

    send()
    if mode is schemathesis.GenerationMode.POSITIVE:
        assert statuses <= {200, 400}
        assert 200 in statuses


class Answer:
    """An answer as Flask's test client would give it."""

    def __init__(self, answer):
        self.status_code, self.data, self.headers, self.text = answer.status_code, answer.content, {}, answer.text
