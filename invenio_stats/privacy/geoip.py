"""Look up the country of an IP address in the country database that the operator chooses."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import current_app

from invenio_stats.core.addresses import canonical_address
from invenio_stats.privacy.country_database import CountryDatabase

_PACKAGE = "_maxminddb_geolite2"
_FILE_OF_PACKAGE = "GeoLite2-City.mmdb"


def get_geoip(ip: str | None) -> str | None:
    """Return the ISO code of the country of an IP address; None if it is not known.

    None, and never an exception, also for an invalid address and for a database that is missing or damaged.
    """
    return country_of(canonical_address(ip), country_database())


def country_database() -> str | None:
    """Return the path of the country database; None if there is none.

    STATS_GEOIP_DATABASE, or without a setting the database of the package `maxminddb-geolite2` if it is installed,
    which older releases required. An empty setting means none.
    """
    path: str | None = current_app.config.get("STATS_GEOIP_DATABASE") if current_app else None
    if path is None:
        return packaged_database()
    return os.path.join(current_app.instance_path, path) if path else None


@cache
def packaged_database() -> str | None:
    """Return the path of the database of the package `maxminddb-geolite2`; None if it is not installed."""
    package = find_spec(_PACKAGE)
    paths = [Path(folder) / _FILE_OF_PACKAGE for folder in (package and package.submodule_search_locations) or ()]
    return next((str(path) for path in paths if path.is_file()), None)


def country_of(address: str | None, path: str | None) -> str | None:
    """Return the country of a canonical IP address, from the database at `path`."""
    return open_database(path).country_of(address) if path and address else None


@cache
def open_database(path: str) -> CountryDatabase:
    """Return the database at a path, the same object for all callers of this process."""
    return CountryDatabase(path, is_replaceable=path != packaged_database())
