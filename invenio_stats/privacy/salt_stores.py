"""Salt stores: where the day's salt is shared, with one step that sets it if it is absent and lets it expire."""

import os
import secrets
import time
from pathlib import Path
from typing import Any, Protocol

LIFETIME = 48 * 3600
"""Seconds from its creation that a salt lives."""


class SaltStore(Protocol):
    """What all processes of an instance share."""

    def get(self, day: str) -> str | None:
        """Return the salt of a day, or None."""

    def get_or_make(self, day: str) -> str:
        """Return the salt of a day, the same for everybody who asks, making it when there is none."""


def salt_store(cache: Any) -> SaltStore:
    """Return the store that goes with the instance's cache (the backend behind Flask-Caching)."""
    if hasattr(cache, "_write_client"):
        return _RedisSalts(cache)
    if hasattr(cache, "_path"):
        return _FileSalts(Path(f"{cache._path}-stats-salts"))
    return _CacheSalts(cache)


def new_salt() -> str:
    """Return 32 random bytes, written as text."""
    return secrets.token_hex(32)


def _key(day: str) -> str:
    """Return a key of our own: 7.x keeps its salt of a day at `stats:salt:<day>` in another form.

    Neither release could read what the other has put there.
    """
    return f"invenio-stats:salt:{day}"


class _RedisSalts:
    """Redis: the cache's own `add` is two commands, and a crash between them would leave a salt for ever."""

    def __init__(self, cache: Any):
        self._cache = cache

    def get(self, day: str) -> str | None:
        salt = self._cache._read_client.get(self._key(day))
        return None if salt is None else salt.decode()

    def get_or_make(self, day: str) -> str:
        while True:
            salt = self._cache._write_client.get(self._key(day))  # not a replica: it may lag
            if salt is not None:
                return salt.decode()
            self._cache._write_client.set(self._key(day), new_salt(), nx=True, ex=LIFETIME)

    def _key(self, day: str) -> str:
        return f"{self._cache._get_prefix()}{_key(day)}"


class _FileSalts:
    """Files beside those of a file cache, which lets several processes win."""

    def __init__(self, folder: Path):
        self._folder = folder

    def get(self, day: str) -> str | None:
        path = self._folder / day
        try:
            if path.stat().st_mtime + LIFETIME < time.time():
                return None
            return path.read_text()
        except FileNotFoundError:
            return None

    def get_or_make(self, day: str) -> str:
        while (salt := self.get(day)) is None:
            self._make(day)
        return salt

    def _make(self, day: str) -> None:
        """Put a whole file in its place, unless there is one: a link is atomic, writing is not."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._forget_expired()
        draft = self._folder / f".{secrets.token_hex(8)}"
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(new_salt())
        try:
            os.link(draft, self._folder / day)
        except FileExistsError:
            return  # another process was first; its salt is everybody's
        finally:
            draft.unlink()

    def _forget_expired(self) -> None:
        for path in self._folder.iterdir():
            try:
                if path.stat().st_mtime + LIFETIME < time.time():
                    path.unlink()
            except FileNotFoundError:
                continue  # another process forgot it first


class _CacheSalts:
    """Any other cache: `add` sets if absent, as memcached does in one step."""

    def __init__(self, cache: Any):
        self._cache = cache

    def get(self, day: str) -> str | None:
        return self._cache.get(_key(day))

    def get_or_make(self, day: str) -> str:
        key = _key(day)
        salt = self._cache.get(key)
        if salt is None:
            self._cache.add(key, new_salt(), timeout=LIFETIME)
            salt = self._cache.get(key)
        if salt is None:
            raise OSError("the cache keeps nothing")
        return salt
