"""An address is one visitor in one country, in whatever way it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.addresses import canonical_address


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        pytest.param("198.51.100.7", "198.51.100.7", id="IPv4"),
        pytest.param("198.51.100.7:17085", "198.51.100.7", id="with a port"),
        pytest.param(" 198.51.100.7 ", "198.51.100.7", id="with blanks"),
        pytest.param("::ffff:198.51.100.7", "198.51.100.7", id="IPv4 in IPv6"),
        pytest.param("[::FFFF:c633:6407]:443", "198.51.100.7", id="IPv4 in IPv6, in hexadecimal, with a port"),
        pytest.param("2001:DB8:0:0:0:0:0:7", "2001:db8::7", id="IPv6 in full and in capitals"),
        pytest.param("[2001:db8::7]", "2001:db8::7", id="in brackets"),
        pytest.param("[2001:db8::7]:51008", "2001:db8::7", id="in brackets with a port"),
        pytest.param("fe80::1%eth0", "fe80::1", id="with a zone"),
        pytest.param("[fe80::1%25eth0]:80", "fe80::1", id="with all of these"),
    ],
)
def test_an_address_has_one_form(written, canonical):
    assert canonical_address(written) == canonical
    assert canonical_address(canonical) == canonical


@pytest.mark.parametrize(
    "value",
    [None, "", " ", "unknown", "_hidden", "localhost", "unix:", "198.51.100", "198.51.100.256", "198.051.100.007"]
    + ["198.51.100.7, 10.0.0.1", "198.51.100.7:", "198.51.100.7:x", "198.51.100.7:123456", "[198.51.100.7]:80"]
    + ["[2001:db8::7", "[2001:db8::7]x", "2001:db8::7::", "\ud800", "9" * 5000, 7, b"198.51.100.7", ["198.51.100.7"]],
)
def test_what_is_no_address_is_none(value):
    assert canonical_address(value) is None


@given(st.ip_addresses(), st.integers(0, 65535))
def test_a_port_never_makes_another_address(address, port):
    written = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    assert canonical_address(written) == canonical_address(str(address)) is not None
