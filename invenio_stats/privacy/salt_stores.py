"""Store the salt of each day in the instance's cache, set atomically if absent and with an expiry."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any, Protocol

SALT_LIFETIME_SECONDS = 48 * 3600
"""Time from its creation until a salt expires."""

_SALT_BYTES = 32
_MISSING_IN_REDIS = -2
"""What Redis answers for the time that a missing key has left; -1 is never."""
_TRIES = 25
_PAUSE_SECONDS = 0.01
"""Pause between tries to get a salt that another process has just begun to write, or that the store does not keep."""
_BROKEN_SECONDS = 10
"""Age from which a file without a whole salt is taken for one whose writer died."""


class SaltStore(Protocol):
    """The store of salts that all processes of an instance share."""

    def get(self, day: str) -> str | None:
        """Return the salt of a day; None if there is none."""

    def get_or_make(self, day: str) -> str:
        """Return the salt of a day, the same to all processes; creates it if there is none."""

    def delete(self, day: str) -> None:
        """Delete a salt, if there is one."""

    def seconds_left(self, day: str) -> float | None:
        """Return after how many seconds an existing salt expires: infinity for never; None if nobody knows."""


def salt_store(cache: Any) -> SaltStore:
    """Return the salt store for the instance's cache, which is a backend of Flask-Caching."""
    if hasattr(cache, "_write_client"):
        return _RedisSalts(cache)
    if hasattr(cache, "_path"):
        return _FileSalts(salt_folder(cache))
    return _CacheSalts(cache)


def salt_folder(cache: Any) -> Path:
    """Return the folder of the salts beside that of a file cache."""
    return Path(f"{cache._path}-stats-salts")


def new_salt() -> str:
    """Return random bytes as hexadecimal text."""
    return secrets.token_hex(_SALT_BYTES)


def _key(day: str) -> str:
    """Return a key of this release: 7.x stores its salt of a day under `stats:salt:<day>`, in another format.

    Under one key, neither release could read the salt of the other.
    """
    return f"invenio-stats:salt:{day}"


class _RedisSalts:
    """Salts in Redis, set by one command: the cache's `add` needs two, and a crash between them disables the expiry."""

    def __init__(self, cache: Any):
        self._cache = cache

    def get(self, day: str) -> str | None:
        salt = self._cache._read_client.get(self._key(day))
        return None if salt is None else salt.decode()

    def get_or_make(self, day: str) -> str:
        for _attempt in _tries():
            salt = self._cache._write_client.get(self._key(day))  # not a replica: it may lag
            if salt is not None:
                return salt.decode()
            self._cache._write_client.set(self._key(day), new_salt(), nx=True, ex=SALT_LIFETIME_SECONDS)
        raise OSError("Redis does not keep values")

    def delete(self, day: str) -> None:
        self._cache._write_client.delete(self._key(day))

    def seconds_left(self, day: str) -> float | None:
        left = self._cache._read_client.ttl(self._key(day))
        return None if left == _MISSING_IN_REDIS else inf if left < 0 else float(left)

    def _key(self, day: str) -> str:
        return f"{self._cache._get_prefix()}{_key(day)}"


class _FileSalts:
    """Salts in files next to those of a file cache, whose `add` may succeed in several processes at once."""

    def __init__(self, folder: Path):
        self._folder = folder

    def get(self, day: str) -> str | None:
        path = self._folder / day
        try:
            if path.stat().st_mtime + SALT_LIFETIME_SECONDS < time.time():
                return None
            salt = path.read_text()
        except FileNotFoundError:
            return None
        return salt if _is_whole(salt) else None

    def get_or_make(self, day: str) -> str:
        for _attempt in _tries():
            if (salt := self.get(day)) is not None:
                return salt
            self._make(day)
        raise OSError("a new file of a salt is broken, or older than two days by the clock of its file system")

    def delete(self, day: str) -> None:
        (self._folder / day).unlink(missing_ok=True)

    def seconds_left(self, day: str) -> float | None:
        try:
            return (self._folder / day).stat().st_mtime + SALT_LIFETIME_SECONDS - time.time()
        except FileNotFoundError:
            return None

    def _make(self, day: str) -> None:
        """Create the file with its content in one step unless it exists: a link is atomic, writing is not."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._delete_expired()
        draft = self._folder / f".{secrets.token_hex(8)}"
        _write_new(draft)
        try:
            os.link(draft, self._folder / day)
        except FileExistsError:
            return  # another process was first, and all processes use its salt
        except OSError:  # some file systems of containers have no links; others wait for the content (`get_or_make`)
            with suppress(FileExistsError):
                _write_new(self._folder / day)
        finally:
            draft.unlink(missing_ok=True)

    def _delete_expired(self) -> None:
        for path in self._folder.iterdir():
            try:
                age = time.time() - path.stat().st_mtime
                if age > SALT_LIFETIME_SECONDS or (age > _BROKEN_SECONDS and not _is_whole(path.read_text())):
                    path.unlink()
            except FileNotFoundError:
                continue  # another process deleted it first


def _write_new(path: Path) -> None:
    """Write a new salt to a file that must not exist."""
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(new_salt())


def _is_whole(salt: str) -> bool:
    return len(salt) == 2 * _SALT_BYTES


def _tries() -> Iterator[int]:
    """Yield the number of each try; the first two, to look and to look after writing, come without a pause."""
    for attempt in range(_TRIES):
        if attempt > 1:
            time.sleep(_PAUSE_SECONDS)
        yield attempt


class _CacheSalts:
    """Salts in any other cache, set by its `add`, which sets a key if it is absent (atomically in memcached)."""

    def __init__(self, cache: Any):
        self._cache = cache

    def get(self, day: str) -> str | None:
        return self._cache.get(_key(day))

    def get_or_make(self, day: str) -> str:
        key = _key(day)
        salt = self._cache.get(key)
        if salt is None:
            self._cache.add(key, new_salt(), timeout=SALT_LIFETIME_SECONDS)
            salt = self._cache.get(key)
        if salt is None:
            raise OSError("the cache does not store values")
        return salt

    def delete(self, day: str) -> None:
        self._cache.delete(_key(day))

    def seconds_left(self, day: str) -> float | None:
        return None
