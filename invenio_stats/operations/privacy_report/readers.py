"""Say who may read what is kept, as far as settings and files tell."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from invenio_cache import current_cache

from invenio_stats.broker.outbox import outbox
from invenio_stats.operations.monitoring.services import event_broker, search_engine
from invenio_stats.privacy.salt_stores import salt_folder

_PRIVATE = stat.S_IRWXG | stat.S_IRWXO
"""Permissions of a file for others than its owner."""


class Reader(NamedTuple):
    """A place and who may read it."""

    data: str
    who: str
    is_open: bool
    """Whether more people than those who run the instance can read it, as far as it can be known."""


def find_readers() -> list[Reader]:
    """Return who may read each place."""
    return [_engine(), _broker(), *_cache(), _spool(), _rest(), *_limiter()]


def _engine() -> Reader:
    hosts = current_app.config.get("SEARCH_HOSTS") or [{}]
    options = current_app.config.get("SEARCH_CLIENT_CONFIG") or {}
    is_encrypted = bool(options.get("use_ssl")) or all(map(_is_https, hosts))
    has_login = any(options.get(name) for name in ("http_auth", "basic_auth", "api_key")) or all(map(_has_user, hosts))
    return _service(search_engine().address, _("events, totals, user-agent catalog"), is_encrypted, has_login)


def _broker() -> Reader:
    config = current_app.config
    data = _("queues, dead letters")
    parts = urlsplit(str(config.get("QUEUES_BROKER_URL") or config.get("BROKER_URL") or ""))
    if parts.scheme == "memory":
        return _of_the_process(data)
    if not parts.hostname:  # a file, such as SQLite's, or a folder
        who = _("whoever may read the files of %(transport)s on this machine", transport=parts.scheme)
        return Reader(data, who, is_open=True)
    return _service(event_broker().address, data, parts.scheme in ("amqps", "rediss"), bool(parts.password))


def _cache() -> list[Reader]:
    config, data = current_app.config, _("salts, last runs")
    kind = type(current_cache.cache).__name__
    if kind in ("SimpleCache", "NullCache"):
        return [_of_the_process(data)]
    if kind == "FileSystemCache":  # salts have a folder of their own, which others may not read
        return [_files(_("salts"), salt_folder(current_cache.cache)), _files(_("last runs"), Path(config["CACHE_DIR"]))]
    parts = urlsplit(str(config.get("CACHE_REDIS_URL") or ""))
    has_login = bool(parts.password or config.get("CACHE_REDIS_PASSWORD"))
    address = parts.netloc.rpartition("@")[2] or str(config.get("CACHE_REDIS_HOST") or kind)
    return [_service(address, data, parts.scheme == "rediss", has_login)]


def _of_the_process(data: str) -> Reader:
    return Reader(data, _("nobody else: each process has its own"), is_open=False)


def _service(address: str, what: str, is_encrypted: bool, has_login: bool) -> Reader:
    """Return that whoever reaches a service reads it, and how it is protected."""
    login = _("with a log-in") if has_login else _("without a log-in")
    line = _("encrypted") if is_encrypted else _("not encrypted")
    who = _(
        "whoever reaches %(address)s, %(login)s; the connection is %(line)s", address=address, login=login, line=line
    )
    return Reader(what, who, not (is_encrypted and has_login))


def _spool() -> Reader:
    path, data = Path(outbox().spool.path), _("spool of this machine")
    return _files(data, path, path.parent)


def _files(data: str, *paths: Path) -> Reader:
    """Return that the owner of the first file or folder that is there reads it, and others if permissions let them."""
    found = None
    for path in paths:
        try:
            found = path.stat()
            break
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:  # a folder on the way is closed to the user of this command
            who = _("unknown: this user cannot look at it (%(error)s)", error=error.strerror or type(error).__name__)
            return Reader(data, who, is_open=True)
    if found is None:
        return Reader(data, _("nobody: there is none"), is_open=False)
    who = _("the user %(uid)s (mode %(mode)s)", uid=found.st_uid, mode=oct(stat.S_IMODE(found.st_mode))[2:])
    others = bool(found.st_mode & _PRIVATE)
    if others:
        who += ", " + _("and others on this machine")
    return Reader(data, who, others and os.name == "posix")


def _rest() -> Reader:
    setting = current_app.config["STATS_PERMISSION_FACTORY"]
    is_default = setting == "invenio_stats.utils.default_permission_factory"
    who = _("everybody, by default") if is_default else _("whom STATS_PERMISSION_FACTORY permits")
    return Reader(_("totals, by the REST API and the pages"), who, is_open=False)


def _limiter() -> Iterator[Reader]:
    storage = current_app.config.get("RATELIMIT_STORAGE_URI") or current_app.config.get("RATELIMIT_STORAGE_URL")
    if current_app.config.get("RATELIMIT_ENABLED", True) and (storage or "limiter" in current_app.extensions):
        parts = urlsplit(str(storage or "memory://"))
        data = _("rate limiter: addresses and agents in clear, for its window")
        if parts.scheme == "memory":
            yield _of_the_process(data)
            return
        who = _("whoever reads its storage, %(storage)s", storage=parts.hostname or parts.scheme)
        yield Reader(data, who, is_open=True)


def _is_https(host: Any) -> bool:
    if isinstance(host, dict):
        return bool(host.get("use_ssl") or host.get("scheme") == "https")
    return str(host).startswith("https:")


def _has_user(host: Any) -> bool:
    return bool(host.get("http_auth")) if isinstance(host, dict) else bool(urlsplit(str(host)).password)
