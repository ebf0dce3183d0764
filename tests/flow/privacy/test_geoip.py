"""Countries come from the operator's database, and a broken one costs no event."""

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from werkzeug.middleware.proxy_fix import ProxyFix

from invenio_stats.privacy.geoip import get_geoip
from invenio_stats.utils import get_user


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database of two networks, one of which says nothing of a country."""
    path = tmp_path_factory.mktemp("geo") / "countries.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    writer.insert_network(IPSet(["198.51.100.0/24", "2001:db8:77::/48"]), {"country": {"iso_code": "CH"}})
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"registered_country": {"iso_code": "CH"}})
    writer.to_db_file(str(path))
    return str(path)


@pytest.fixture
def located(app, monkeypatch):
    """Return `located(address, path)`: the country by a database."""

    def locate(address, path):
        monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", path)
        return get_geoip(address)

    return locate


@pytest.mark.parametrize(
    ("address", "country"),
    [
        pytest.param("198.51.100.7", "CH", id="IPv4"),
        pytest.param("2001:db8:77::7", "CH", id="IPv6"),
        pytest.param("203.0.113.7", None, id="no country"),
        pytest.param("192.0.2.1", None, id="not in the database"),
        pytest.param("10.0.0.1", None, id="private"),
        pytest.param("127.0.0.1", None, id="loopback"),
        pytest.param("fe80::1%eth0", None, id="with a zone"),
        pytest.param("unknown", None, id="no address"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
        pytest.param("198.51.100.7, 10.0.0.1", None, id="a list"),
        pytest.param("9" * 5000, None, id="long"),
    ],
)
def test_an_address_is_where_the_database_says_or_nowhere(located, database, address, country):
    assert located(address, database) == country


@pytest.mark.parametrize("content", [None, b"", b"no database", b"\xab\xcd\xefMaxMind.com" * 9])
def test_a_database_that_cannot_be_read_leaves_countries_unknown(located, tmp_path, content, caplog):
    path = tmp_path / "countries.mmdb"
    if content is not None:
        path.write_bytes(content)
    assert located("198.51.100.7", str(path)) is None
    assert "The country database cannot be read" in caplog.text


def test_a_truncated_database_leaves_countries_unknown(located, tmp_path, database):
    path = tmp_path / "countries.mmdb"
    with open(database, "rb") as whole:
        path.write_bytes(whole.read()[:-40])
    assert located("198.51.100.7", str(path)) is None


@pytest.mark.parametrize(("hops", "address"), [(0, "10.0.0.1"), (1, "198.51.100.7"), (2, "203.0.113.9")])
def test_only_trusted_proxies_say_who_comes(create_app, app_config, hops, address):
    """A visitor may write what they like into the header; only the last `hops` of it are ours."""
    app = create_app(**app_config)

    @app.route("/me")
    def me():
        return get_user()["ip_address"]

    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops)
    answer = app.test_client().get(
        "/me",
        headers={"X-Forwarded-For": "192.0.2.99, 203.0.113.9, 198.51.100.7"},
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
    )
    assert answer.text == address
