"""Countries: where an address is, from a database file that the operator chooses."""

import logging
from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import maxminddb
from flask import current_app

logger = logging.getLogger(__name__)


def get_geoip(ip: str | None) -> str | None:
    """Return the ISO code of the address's country; None where it cannot be known.

    A missing or broken database and an odd address never cost an event.
    """
    return country_of(ip, country_database())


def country_database() -> str | None:
    """Return the path of the application's database; None where it has none."""
    path: str | None = current_app.config.get("STATS_GEOIP_DATABASE")
    return path


def country_of(ip: str | None, path: str | None) -> str | None:
    """Return what `get_geoip` does, by the database at a path."""
    return _country(path, ip) if path and ip else None


@lru_cache(maxsize=20_000)
def _country(path: str, ip: str) -> str | None:
    reader = open_database(path)
    if reader is None:
        return None
    try:
        found: Any = reader.get(ip)
        return str(found["country"]["iso_code"])
    except (ValueError, TypeError, KeyError, maxminddb.InvalidDatabaseError):
        return None  # not an address, not in the database, or a damaged entry


@lru_cache(maxsize=4)
def open_database(path: str) -> Any:
    """Return the reader of a country database, or None, logged once, when it cannot be read."""
    try:
        return _open_copy(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        logger.error(
            "The country database cannot be read; countries stay unknown",
            extra={"path": path, "error": type(error).__name__},
        )
        return None


def _open_copy(path: str) -> Any:
    """Open a copy that nobody else can touch.

    The library's C part is eight times as quick as its Python, but wants the file mapped: whoever then writes a newer
    one over it, instead of putting it in its place, would end this process.
    """
    with NamedTemporaryFile(suffix=".mmdb") as copy:
        copy.write(Path(path).read_bytes())
        copy.flush()
        return maxminddb.open_database(copy.name, maxminddb.MODE_AUTO)
