"""Name the services of an instance for messages: which one, at what address, and by which setting."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from invenio_queues.proxies import current_queues


class Service(NamedTuple):
    """A service as messages name it; the address has no password and no user."""

    name: str
    address: str
    setting: str

    def no_answer(self, error: BaseException) -> str:
        """Return that the service does not answer, with the type of the error: its text may hold a password."""
        return _(
            "%(name)s at %(address)s does not answer (%(error)s).",
            name=self.name,
            address=self.address,
            error=type(error).__name__,
        )

    def cure(self) -> str:
        """Return what to do about it."""
        return _("Start it, or correct %(setting)s.", setting=self.setting)


def search_engine() -> Service:
    """Return the search engine."""
    hosts = current_app.config.get("SEARCH_HOSTS") or ["localhost:9200"]
    return Service(_("The search engine"), ", ".join(map(_host, hosts)), "SEARCH_HOSTS")


def event_broker() -> Service:
    """Return the broker of the events."""
    setting = "QUEUES_BROKER_URL" if current_app.config.get("QUEUES_BROKER_URL") else "BROKER_URL"
    return Service(_("The broker"), _broker_address(current_queues.connection_pool().connection), setting)


def task_broker(celery: Any) -> Service:
    """Return the broker of the tasks of a Celery application."""
    return Service(_("The broker of the tasks"), _broker_address(celery.connection_for_write()), "CELERY_BROKER_URL")


def cache() -> Service:
    """Return the cache."""
    return Service(_("The cache"), str(current_app.config.get("CACHE_TYPE")), "CACHE_TYPE, CACHE_REDIS_URL")


def _host(host: Any) -> str:
    """Return host and port of an entry of SEARCH_HOSTS."""
    if isinstance(host, dict):
        return f"{host.get('host', 'localhost')}:{host.get('port', 9200)}"
    parts = urlsplit(host if "//" in str(host) else f"//{host}")
    return f"{parts.hostname}:{parts.port or 9200}"


def _broker_address(connection: Any) -> str:
    """Return host and port of kombu's connection; the transport if it has no server, such as a file."""
    parts = urlsplit(connection.as_uri())
    if not parts.hostname:
        return parts.scheme
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
