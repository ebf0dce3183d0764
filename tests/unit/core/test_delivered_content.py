"""The response decides what counts."""

import pytest

from invenio_stats.core.delivered_content import Answer, is_usage


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Answer("GET", 200), True, id="delivered"),
        pytest.param(Answer("GET", 304), True, id="not modified"),
        pytest.param(Answer("POST", 200), True, id="delivered to a form"),
        pytest.param(Answer("GET", 206, "bytes 0-99/1000"), True, id="first part"),
        pytest.param(Answer("GET", 206, "bytes 100-199/1000"), False, id="later part"),
        pytest.param(Answer("GET", 206, "bytes 01-9/1000"), False, id="no digit may follow the zero"),
        pytest.param(Answer("GET", 206), False, id="part of unknown place"),
        pytest.param(Answer("HEAD", 200), False, id="HEAD"),
        pytest.param(Answer("GET", 302), False, id="redirect elsewhere"),
        pytest.param(Answer("GET", 404), False, id="not found"),
        pytest.param(Answer("GET", 416), False, id="refused range"),
        pytest.param(Answer("GET", 500), False, id="failed"),
    ],
)
def test_only_delivered_content_counts(answer, expected):
    assert is_usage(answer) is expected


@pytest.mark.parametrize(("status", "expected"), [(302, True), (303, True), (307, True), (301, False), (404, False)])
def test_a_redirect_counts_when_it_leads_to_the_content(status, expected):
    assert is_usage(Answer("GET", status), leads_to_content=True) is expected
