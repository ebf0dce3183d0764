"""What looks like personal data is found, and is never told itself."""

import pytest

from invenio_stats.core.personal_patterns import OTHER_FIELD, count_findings, find_fields, find_kinds, names_of_fields


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("198.51.100.77", {"ipv4_address"}),
        ('{"a": "198.51.100.77:8080"}', {"ipv4_address"}),
        ("from 2001:db8:77::4242 today", {"ipv6_address"}),
        ("::ffff:198.51.100.77", {"ipv4_address"}),
        ("A flood of 198.51.100.77.", {"ipv4_address"}),
        ("A flood of 2001:db8:77::4242.", {"ipv6_address"}),
        ("1.2.3.4.5", set()),
        ("198.51.100.77.example.org", set()),
        ("jane.doe@example.net", {"mail_address"}),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/126.0", {"user_agent"}),
        ("curl/8.0", {"user_agent"}),
        ("2026-01-31T10:00:00+00:00", set()),
        ("10.1234/abcd.5", set()),
        ("v1.2.3.4-beta", set()),
        ("999.1.1.1", set()),
        ("a9f0c3d2e1b4a596", set()),
        ("01:23:45", set()),
        ("counter-2024-03-01", set()),
        ("::", set()),
    ],
)
def test_kinds(text, kinds):
    assert find_kinds(text) == kinds


def test_fields_are_named_and_values_are_not():
    document = {
        "visitor_id": "a9f0",
        "user_agent": "anything",
        "user_id": None,
        "nested": {"note": ["fine", "jane.doe@example.net"]},
        "jane.doe@example.net": "x",
    }
    assert find_fields(document, {}) == {
        ("user_agent", "personal_field"),
        ("nested.note", "mail_address"),
        (OTHER_FIELD, "mail_address"),
    }
    assert set(names_of_fields(document)) == {"visitor_id", "user_agent", "user_id", "nested", OTHER_FIELD}


def test_what_a_field_may_have_is_no_finding():
    documents = [{"agent": "Mozilla/5 Firefox/126"}, {"agent": "curl/8 198.51.100.77"}, {"other": "curl/8"}]
    assert count_findings(documents, {"agent": "user_agent"}) == {
        ("agent", "ipv4_address"): 1,
        ("other", "user_agent"): 1,
    }
