"""Countries come from the operator's database, and a broken one costs no event."""

import sys
import tempfile
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from werkzeug.middleware.proxy_fix import ProxyFix

from invenio_stats.operations.monitoring.doctor import examine
from invenio_stats.privacy.country_database import CountryDatabase
from invenio_stats.privacy.geoip import get_geoip, packaged_database
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
        pytest.param("198.51.100.7:17085", "CH", id="with a port"),
        pytest.param("::ffff:198.51.100.7", "CH", id="IPv4 in IPv6"),
        pytest.param("[2001:db8:77::7]:443", "CH", id="IPv6 with a port"),
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


def write(path, entry):
    """Write a database of one network."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    writer.insert_network(IPSet(["198.51.100.0/24"]), entry)
    writer.to_db_file(str(path))


@pytest.mark.parametrize(
    ("entry", "country"),
    [
        pytest.param({"country": {"iso_code": "CH"}}, "CH", id="nested"),
        pytest.param({"country_code": "CH", "country": "Switzerland"}, "CH", id="country_code"),
        pytest.param({"country": "ch", "country_name": "Switzerland"}, "CH", id="country"),
        pytest.param({"country": "Switzerland"}, None, id="a name"),
        pytest.param({"country_code": "-"}, None, id="no code"),
        pytest.param({"country": {"iso_code": "ZZ"}}, None, id="the code of no country"),
        pytest.param({"country": {"iso_code": "XK"}}, "XK", id="a code in use that no standard has"),
        pytest.param({"autonomous_system_number": 64500}, None, id="another database"),
        pytest.param("CH", None, id="text"),
    ],
)
def test_flat_layouts_are_read_and_doctor_names_one_that_gives_no_country(
    located, app, monkeypatch, tmp_path, entry, country
):
    path = tmp_path / "countries.mmdb"
    write(path, entry)
    assert located("198.51.100.7", str(path)) == country
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", str(path))
    (finding,) = [finding for finding in examine() if finding.check == "countries"]
    assert finding.level == ("ok" if country else "error")
    assert ("gives no country" in finding.message) is (country is None)


def test_a_replaced_database_is_noticed_within_minutes(tmp_path):
    path, clock = tmp_path / "countries.mmdb", iter(range(0, 10_000, 61))
    write(path, {"country": {"iso_code": "CH"}})
    database = CountryDatabase(str(path), clock=lambda: next(clock))
    assert database.country_of("198.51.100.7") == "CH"
    write(tmp_path / "new", {"country": {"iso_code": "DK"}})
    (tmp_path / "new").replace(path)
    assert database.country_of("198.51.100.7") == "DK"


def test_without_a_temporary_directory_countries_are_known(database, tmp_path, monkeypatch):
    """As in a container whose file system is read only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    countries = CountryDatabase(database)
    assert countries.check()
    assert [countries.country_of(address) for address in ("198.51.100.7", "192.0.2.1")] == ["CH", None]
    assert countries.gives_countries()


@pytest.mark.expect_logged_errors
def test_a_file_that_could_not_be_read_is_tried_again(tmp_path, monkeypatch):
    path, clock = tmp_path / "countries.mmdb", iter(range(0, 10_000, 61))
    write(path, {"country": {"iso_code": "CH"}})
    database = CountryDatabase(str(path), clock=lambda: next(clock))
    with monkeypatch.context() as failing:
        failing.setattr(Path, "read_bytes", lambda path: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        assert database.country_of("198.51.100.7") is None
    assert database.country_of("198.51.100.7") == "CH"


def test_the_file_is_not_looked_at_for_each_address(tmp_path):
    path = tmp_path / "countries.mmdb"
    write(path, {"country": {"iso_code": "CH"}})
    database = CountryDatabase(str(path), clock=lambda: 0)
    assert database.country_of("198.51.100.7") == "CH"
    path.unlink()
    assert database.country_of("198.51.100.8") == "CH"


def test_a_database_that_was_missing_is_found_later_and_missed_once(tmp_path, caplog):
    path, clock = tmp_path / "countries.mmdb", iter(range(0, 10_000, 61))
    database = CountryDatabase(str(path), clock=lambda: next(clock))
    assert [database.country_of("198.51.100.7") for _ in range(3)] == [None] * 3
    assert caplog.text.count("The country database cannot be read") == 1
    write(path, {"country": {"iso_code": "CH"}})
    assert database.country_of("198.51.100.7") == "CH"


def test_a_damaged_replacement_leaves_the_previous_database_in_use(tmp_path):
    path, clock = tmp_path / "countries.mmdb", iter(range(0, 10_000, 61))
    write(path, {"country": {"iso_code": "CH"}})
    database = CountryDatabase(str(path), clock=lambda: next(clock))
    assert database.country_of("198.51.100.7") == "CH"
    path.write_bytes(b"half of it")
    assert database.country_of("198.51.100.8") == "CH"
    assert database.check() is False


def test_without_a_setting_the_database_of_the_package_of_older_releases_is_used(app, monkeypatch, tmp_path):
    """7.x required maxminddb-geolite2, so its countries went without a setting; doctor says how old they are."""
    path = tmp_path / "packaged.mmdb"
    write(path, {"country": {"iso_code": "CH"}})
    monkeypatch.setattr("invenio_stats.privacy.geoip.packaged_database", lambda: str(path))
    assert get_geoip("198.51.100.7") == "CH"
    (finding,) = [finding for finding in examine() if finding.check == "countries"]
    assert finding.level == "ok"
    assert "0 days old" in finding.message
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "")
    assert get_geoip("198.51.100.7") is None


def test_the_package_of_older_releases_is_found_where_it_is_installed(monkeypatch, tmp_path):
    folder = tmp_path / "_maxminddb_geolite2"
    folder.mkdir()
    (folder / "__init__.py").touch()
    write(folder / "GeoLite2-City.mmdb", {"country": {"iso_code": "CH"}})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "_maxminddb_geolite2", raising=False)
    packaged_database.cache_clear()
    try:
        assert packaged_database() == str(folder / "GeoLite2-City.mmdb")
    finally:
        packaged_database.cache_clear()


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
