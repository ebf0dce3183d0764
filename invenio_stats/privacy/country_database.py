"""Read a country database, a file in MaxMind's format, and notice when the operator replaces it."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import maxminddb

from invenio_stats.support.forks import renew_in_child

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKS = 60.0
"""How often the file is looked at: a new one is in use after a minute, and a look-up costs no more than a clock."""

MAX_ADDRESSES_CACHED = 20_000
NETWORKS_EXAMINED = 1_000
"""Networks among which at least one has to have a country, or else the layout is one that gives none."""

_NO_COUNTRY = {"XX", "ZZ"}
"""Codes that databases give to addresses of which they do not know the country."""

_Version = tuple[int, int, int]
"""Inode, time of the last change and size of a file."""

_FAILURES = (OSError, ValueError, maxminddb.InvalidDatabaseError)


class CountryDatabase:
    """The countries of one database file; unknown as long as the file is missing or damaged."""

    def __init__(self, path: str, is_replaceable: bool = True, clock: Callable[[], float] = time.monotonic):
        """Belong to a path; the file is opened at the first look-up.

        :param is_replaceable: another program may overwrite the file while it is in use.
        """
        self._path = path
        self._is_replaceable = is_replaceable
        self._clock = clock
        self._renew_lock()
        renew_in_child(self, CountryDatabase._renew_lock)
        self._next_check = float("-inf")
        self._reader: Any = None
        self._version: _Version | None = None
        self._failed: _Version | str | None = None
        """What could not be opened the last time, so that the log says it once."""
        self._country = lru_cache(maxsize=MAX_ADDRESSES_CACHED)(self._look_up)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def country_of(self, address: str) -> str | None:
        """Return the ISO code of an address's country; None, and never an exception, if it is not known."""
        if self._clock() >= self._next_check:
            self.check()
        return self._country(address)

    def check(self) -> bool:
        """Open the file if it is new; return True if there is a database now.

        A file that cannot be read leaves the previous database in use: the new one may be half written.
        """
        with self._lock:
            self._next_check = self._clock() + SECONDS_BETWEEN_CHECKS
            version: _Version | None = None
            try:
                version = self._version_on_disk()
                if version != self._version:
                    self._reader, self._version, self._failed = self._open(), version, None
                    self._country.cache_clear()
            except _FAILURES as error:
                self._note_failure(version, error)
                return False
        return True

    def built(self) -> datetime | None:
        """Return when the database was built; None if there is none."""
        return datetime.fromtimestamp(self._reader.metadata().build_epoch, timezone.utc) if self._reader else None

    def gives_countries(self) -> bool:
        """Return True if the database's layout is one from which countries are read."""
        if self._reader is None:
            return False
        try:
            return any(country_in(entry) for _network, entry in islice(self._reader, NETWORKS_EXAMINED))
        except _FAILURES:
            return False

    def _look_up(self, address: str) -> str | None:
        try:
            return country_in(self._reader.get(address)) if self._reader else None
        except (*_FAILURES, TypeError, KeyError):
            return None  # an address that this database cannot contain, or a damaged entry

    def _version_on_disk(self) -> _Version:
        found = Path(self._path).stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _note_failure(self, version: _Version | None, error: Exception) -> None:
        failed = version or type(error).__name__
        if failed != self._failed:
            logger.error(
                "The country database cannot be read; countries stay unknown",
                extra={"path": self._path, "error": type(error).__name__},
            )
        self._failed = failed

    def _open(self) -> Any:
        """Open the file, or a private copy of it.

        The C extension of the library is eight times as fast as its Python code, but maps the file into memory: if
        another program overwrote the mapped file in place with a newer version, this process would crash.
        """
        if not self._is_replaceable:
            return maxminddb.open_database(self._path, maxminddb.MODE_AUTO)
        content = Path(self._path).read_bytes()
        try:
            with NamedTemporaryFile(suffix=".mmdb") as copy:
                copy.write(content)
                copy.flush()
                return maxminddb.open_database(copy.name, maxminddb.MODE_AUTO)
        except OSError:  # no directory for temporary files, or a full one: slower, but countries are known
            return _open_in_memory(content, self._path)


def _open_in_memory(content: bytes, path: str) -> Any:
    file = BytesIO(content)
    file.name = path  # type: ignore[attr-defined]  # the library wants it
    return maxminddb.open_database(file, maxminddb.MODE_FD)


def country_in(entry: Any) -> str | None:
    """Return the country in a database's entry: in `country.iso_code`, or flat in `country_code` or `country`."""
    if not isinstance(entry, dict):
        return None
    country = entry.get("country")
    nested = country.get("iso_code") if isinstance(country, dict) else None
    for code in (nested, entry.get("country_code"), country):
        if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha():
            return None if code.upper() in _NO_COUNTRY else code.upper()
    return None
