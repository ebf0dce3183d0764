"""The customer of an address is the one with the longest range that holds it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.addresses import canonical_address
from invenio_stats.core.customers import Customer, Customers, parse_range

CAMPUS = Customer("campus", "Campus", ranges=(parse_range("192.0.0.0/16"), parse_range("2001:db8::/32")))
LIBRARY = Customer("library", "Library", ranges=(parse_range("192.0.2.0/24"), parse_range("::ffff:198.51.100.7")))
CUSTOMERS = Customers([CAMPUS, LIBRARY])

# Few bits differ, so that ranges hold each other and hold the addresses.
v4 = st.builds(lambda bits: 0xC0000000 | bits << 14, st.integers(0, 255))
v6 = st.builds(lambda bits: 0x20010DB8 << 96 | bits << 60, st.integers(0, 255))
addresses = st.one_of(v4.map(lambda number: ip_address(number)), v6.map(lambda number: ip_address(number)))
ranges = st.builds(
    lambda address, share: ip_network((address, round(share * address.max_prefixlen / 32)), strict=False),
    addresses,
    st.integers(0, 32),
)


@pytest.mark.parametrize(
    ("address", "customer_id"),
    [
        pytest.param("192.0.1.1", "campus", id="in one range"),
        pytest.param("192.0.2.1", "library", id="in two ranges"),
        pytest.param("192.1.2.1", None, id="in none"),
        pytest.param("2001:db8:5::1", "campus", id="IPv6"),
        pytest.param("2001:db9::1", None, id="IPv6 in none"),
        pytest.param("::ffff:192.0.2.1", "library", id="an address of IPv4 in IPv6"),
        pytest.param("198.51.100.7:443", "library", id="a range of IPv4 in IPv6"),
        pytest.param("unknown", None, id="no address"),
    ],
)
def test_the_longest_range_decides(address, customer_id):
    assert CUSTOMERS.find_id(canonical_address(address)) == customer_id


def test_without_customers_nobody_is_asked():
    assert Customers().find_id("192.0.2.1") is None


@given(st.lists(ranges, unique=True, max_size=30), st.lists(addresses, min_size=1, max_size=20))
def test_the_look_up_finds_what_a_look_at_all_ranges_finds(networks, asked):
    customers = Customers([Customer(str(network), "name", ranges=(network,)) for network in networks])
    for address in asked:
        matching = [network for network in networks if network.version == address.version and address in network]
        expected = max(matching, key=lambda network: network.prefixlen, default=None)
        assert customers.find_id(str(address)) == (expected and str(expected))


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "campus", "fe80::%eth0/64", ""])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match="host bits set|does not appear|has a zone"):
        parse_range(text)
