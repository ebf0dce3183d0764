"""A referrer is the host of a well-formed URL, and nothing else that a client writes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.referrers import host_of_request, is_host, referrer_host

OWN = {"repo.example.org"}


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://www.example.org/search?q=my+illness", "www.example.org"),
        ("HTTP://WWW.Example.ORG.:8080/x#y", "www.example.org"),
        ("http://user:secret@example.org:8080/x", "example.org"),
        ("https://xn--bcher-kva.example/é", "xn--bcher-kva.example"),
        ("http://localhost:5000/", "localhost"),
        ("http://198.51.100.7/", "198.51.100.7"),
        ("http://[2001:DB8::7]:80/", "2001:db8::7"),
        ("https://repo.example.org/records/1", "internal"),
        ("https://REPO.example.org:8443/records/1", "internal"),
        (f"https://{'a.' * 126}b/", f"{'a.' * 126}b"),
    ],
)
def test_of_a_url_the_host_remains(referrer, host):
    assert referrer_host(referrer, OWN) == host
    assert is_host(host)


@pytest.mark.parametrize(
    "text",
    [
        "?q=my+illness",
        "a.person@example.org",
        "<img src=x onerror=alert(1)>",
        "=cmd|' calc'!A0",
        "my illness",
        "illness",
    ]
    + ["example.org", "internal", "http://internal/", "//example.org/x", "/records/1", "", "http:///x", "https://"]
    + ["ftp://example.org/", "javascript:alert(1)", "data:text/html,x", "android-app://com.example", "about:client"]
    + ["https://[broken", "http://example.org:99999/", "http://exam ple.org/", "http://example.org/a b"]
    + ["http://exa\nmple.org/", "http://example.org/\x00", "http://example.org/\u202egpj", "http://\u202eexample.org/"]
    + ["http://<b>.example.org/", "http://exam%70le.org/", "http://evil.example\\@example.org/", "http://example..org/"]
    + ["http://b\xfccher.example/", f"https://{'a.' * 127}b/", f"https://{'a' * 64}.example/", "http://[fe80::1%25e]/"]
    + ["http://Other/", "https://unknown/x", "http://\ud800.example/", None, 7, {"a": ["b"]}, b"http://example.org/"],
)
def test_anything_else_is_no_referrer(text):
    assert referrer_host(text, OWN) is None


@given(st.text(max_size=300) | st.from_regex(re.compile(r"https?://[^/]{1,40}/.{0,9}", re.DOTALL)))
def test_what_remains_is_a_host_and_stays_one(text):
    host = referrer_host(text, OWN)
    assert host is None or (is_host(host) and host == host.lower() and len(host) <= 253 and host.isascii())


@pytest.mark.parametrize(
    ("header", "host"),
    [("Repo.example.org:8443", "repo.example.org"), ("[::1]:5000", "::1"), ("localhost", "localhost"), ("[", None)],
)
def test_the_own_host_is_known_without_its_port(header, host):
    assert host_of_request(header) == host
