"""Identifiers and dates get COUNTER's forms; what is none of them is left out."""

import pytest

from invenio_stats.counter import identifiers


@pytest.mark.parametrize(
    ("format_value", "given", "expected"),
    [
        (identifiers.format_doi, "10.1234/abc", "10.1234/abc"),
        (identifiers.format_doi, "https://doi.org/10.1234/abc", "10.1234/abc"),
        (identifiers.format_doi, "doi:10.1234/abc", "10.1234/abc"),
        (identifiers.format_doi, "10.1234.5/a(b)<c>", "10.1234.5/a(b)<c>"),
        (identifiers.format_doi, "https://doi.org/10.1234%2Fa%3Cb%3E%23c", "10.1234/a<b>#c"),
        (identifiers.format_doi, "https://doi.org/10.1234/100%", "10.1234/100%"),
        (identifiers.format_doi, "10.1234/a%3Cb", "10.1234/a%3Cb"),
        (identifiers.format_doi, "doi:10.1234/a%3Cb", "10.1234/a%3Cb"),
        (identifiers.format_doi, "https://doi.org/10.1234/a%20b", None),
        (identifiers.format_doi, "https://doi.org/10.1234/a%00b", None),
        (identifiers.format_doi, "https://doi.org/10.1234/a%FF", None),
        (identifiers.format_doi, "10.1234/a\N{ZERO WIDTH SPACE}b", None),
        (identifiers.format_doi, "10.1234/a\x00", None),
        (identifiers.format_doi, "10.1234", None),
        (identifiers.format_doi, "10.12/abc", None),
        (identifiers.format_doi, "https://example.org/10.1234/abc", None),
        (identifiers.format_doi, "10.1234/a b", None),
        (identifiers.format_isbn, "978-3-16-148410-0", "978-3-16-148410-0"),
        (identifiers.format_isbn, "9783161484100", "978-3-16-148410-0"),
        (identifiers.format_isbn, "978 316 148 4100", "978-3-16-148410-0"),
        (identifiers.format_isbn, "080442957X", "978-0-8044-2957-3"),
        (identifiers.format_isbn, "9791090636071", "979-10-90636-07-1"),
        (identifiers.format_isbn, "9783161484101", None),
        (identifiers.format_isbn, "978", None),
        (identifiers.format_issn, "0378-5955", "0378-5955"),
        (identifiers.format_issn, "03785955", "0378-5955"),
        (identifiers.format_issn, "2434-561x", "2434-561X"),
        (identifiers.format_issn, "0378-5954", None),
        (identifiers.format_orcid, "0000-0002-1825-0097", "0000-0002-1825-0097"),
        (identifiers.format_orcid, "https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097"),
        (identifiers.format_orcid, "http://orcid.org/0000-0002-1825-0097/", "0000-0002-1825-0097"),
        (identifiers.format_orcid, "000000021694233x", "0000-0002-1694-233X"),
        (identifiers.format_orcid, "0000-0002-1825-0098", None),
        (identifiers.format_isni, "0000 0001 2146 438X", "000000012146438X"),
        (identifiers.format_isni, "https://isni.org/isni/000000012146438X", "000000012146438X"),
        (identifiers.format_isni, "http://www.isni.org/000000012146438X/", "000000012146438X"),
        (identifiers.format_isni, "https://example.org/isni/000000012146438X", None),
        (identifiers.format_isni, "0000 0001 2146 4381", None),
        (identifiers.format_ror, "00hx57361", "00hx57361"),
        (identifiers.format_ror, "https://ror.org/00hx57361", "00hx57361"),
        (identifiers.format_ror, "http://ror.org/00hx57361/", "00hx57361"),
        (identifiers.format_ror, "https://www.ror.org/00hx57361", "00hx57361"),
        (identifiers.format_ror, "https://example.org/00hx57361", None),
        (identifiers.format_ror, "hx57361", None),
        (identifiers.format_uri, "https://example.org/a?b#c", "https://example.org/a?b#c"),
        (identifiers.format_uri, "urn:nbn:de:101:1-2", "urn:nbn:de:101:1-2"),
        (identifiers.format_uri, "/records/1", None),
        (identifiers.format_uri, "https:///records", None),
        (identifiers.format_uri, "http://[::1/a", None),
        (identifiers.format_uri, "https://example.org/a b", None),
        (identifiers.format_date, "2020-02-29", "2020-02-29"),
        (identifiers.format_date, "2021-02-29", None),
        (identifiers.format_date, "2020", None),
        (identifiers.format_date, "2020-02", None),
        (identifiers.format_date, "2020-01-01/2021-01-01", None),
        (identifiers.format_proprietary, "example:1", "example:1"),
        (identifiers.format_proprietary, "no-hyphen:1", None),
        (identifiers.format_proprietary, "example:", None),
        (identifiers.format_proprietary, "a" * 18 + ":1", None),
    ],
)
def test_a_value_is_formatted_or_left_out(format_value, given, expected):
    assert format_value(given) == expected


@pytest.mark.parametrize("name", [name for name in dir(identifiers) if name.startswith("format_")])
@pytest.mark.parametrize("nothing", ["", None])
def test_nothing_is_no_identifier(name, nothing):
    assert getattr(identifiers, name)(nothing) is None


def test_years():
    """0001 stands for a year that is not known, 9999 for what is in press."""
    assert [year for year in ("0001", "2020", "9999", "0000", "202", "20201", "20a0") if identifiers.is_yop(year)] == [
        "0001",
        "2020",
        "9999",
    ]
