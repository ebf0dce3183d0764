"""The response decides what counts."""

import pytest

from invenio_stats.core.delivered_content import Answer, is_prefetch, is_usage


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


RANGES = [
    pytest.param(None, True, id="no range"),
    pytest.param("bytes=0-", True, id="all of it"),
    pytest.param("bytes=0-65535", True, id="first part"),
    pytest.param("Bytes = 00-5 , 100-200", True, id="several, from the start"),
    pytest.param("items=3-", True, id="a unit that servers ignore"),
    pytest.param("bytes=65536-131071", False, id="second part"),
    pytest.param("bytes=4000000-", False, id="the rest"),
    pytest.param("bytes=-1024", False, id="the end"),
    pytest.param("bytes=100-200,0-5", False, id="several, the first from elsewhere"),
    pytest.param("bytes=x", False, id="no range at all"),
]


@pytest.mark.parametrize(("requested", "expected"), RANGES)
def test_the_requested_range_decides_if_another_server_sends_the_content(requested, expected):
    """The application answers 200 to every part, without Content-Range."""
    assert is_usage(Answer("GET", 200, requested_range=requested, is_sent_elsewhere=True)) is expected


@pytest.mark.parametrize(("requested", "expected"), RANGES)
def test_the_requested_range_decides_on_a_redirect_to_the_content(requested, expected):
    """A client repeats its range at the object store."""
    assert is_usage(Answer("GET", 302, requested_range=requested), leads_to_content=True) is expected


def test_a_plain_answer_that_ignores_the_range_counts():
    assert is_usage(Answer("GET", 200, requested_range="bytes=65536-131071"))


@pytest.mark.parametrize(
    ("requested", "expected"), [("bytes=0-9,20-29", True), ("bytes=20-29,0-9", False), (None, False)]
)
def test_several_ranges_in_one_answer_count_if_the_first_begins_at_the_start(requested, expected):
    """A multipart/byteranges answer has no Content-Range of its own."""
    assert is_usage(Answer("GET", 206, requested_range=requested)) is expected


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prefetch;anonymous-client-ip"},
        {"Purpose": "prefetch"},
        {"X-Moz": "Prefetch"},
        {"X-Purpose": "preview"},
    ],
)
def test_what_a_browser_fetches_in_advance_does_not_count(headers):
    assert is_prefetch(headers)
    assert not is_usage(Answer("GET", 200, is_prefetch=True))


@pytest.mark.parametrize("headers", [{}, {"Purpose": "research"}, {"X-Purpose": "prefetched"}, {"Sec-Purpose": ""}])
def test_other_purposes_are_no_prefetch(headers):
    assert not is_prefetch(headers)
