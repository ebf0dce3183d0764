"""Look up the country of an IP address in a database file that the operator chooses."""

import logging
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import maxminddb
from flask import current_app

logger = logging.getLogger(__name__)


def get_geoip(ip: str | None) -> str | None:
    """Return the ISO code of the country of an IP address; None if it is not known.

    None, and never an exception, also for an invalid address and for a database that is missing or damaged.
    """
    return country_of(ip, country_database())


def country_database() -> str | None:
    """Return the path of the application's country database; None if it has none."""
    path: str | None = current_app.config.get("STATS_GEOIP_DATABASE")
    return path


def country_of(ip: str | None, path: str | None) -> str | None:
    """Return the country of an IP address like `get_geoip`, from the database at `path`."""
    return _country(path, ip) if path and ip else None


@lru_cache(maxsize=20_000)
def _country(path: str, ip: str) -> str | None:
    reader = open_database(path)
    if reader is None:
        return None
    try:
        entry: Any = reader.get(ip)
        return str(entry["country"]["iso_code"])
    except (ValueError, TypeError, KeyError, maxminddb.InvalidDatabaseError):
        return None  # an invalid address, one that the database does not contain, or a damaged entry


@lru_cache(maxsize=4)
def open_database(path: str) -> Any:
    """Return the reader of a country database; None, logged once, if the database cannot be read."""
    try:
        return _open_copy(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        logger.error(
            "The country database cannot be read; countries stay unknown",
            extra={"path": path, "error": type(error).__name__},
        )
        return None


def _open_copy(path: str) -> Any:
    """Open a private copy of the database file.

    The C extension of the library is eight times as fast as its Python code, but maps the file into memory: if another
    program overwrote the mapped file in place with a newer version, this process would crash.
    """
    with NamedTemporaryFile(suffix=".mmdb") as copy:
        copy.write(Path(path).read_bytes())
        copy.flush()
        return maxminddb.open_database(copy.name, maxminddb.MODE_AUTO)
