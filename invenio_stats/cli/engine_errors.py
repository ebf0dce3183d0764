"""Errors of the search engine, as commands report them: a message with the cure and exit code 1, no traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import click
from flask import current_app
from flask_babel import gettext as _
from invenio_search.engine import search

from invenio_stats.errors import StatsError

logger = logging.getLogger(__name__)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn what the search engine may answer, and our own errors, into a message and exit code 1."""
    try:
        yield
    except StatsError as error:
        raise click.ClickException(str(error)) from error
    except search.exceptions.ConnectionError as error:
        raise click.ClickException(
            _(
                "The search engine at %(hosts)s does not answer (%(error)s). Start it, or correct SEARCH_HOSTS.",
                hosts=", ".join(map(_address, current_app.config.get("SEARCH_HOSTS") or ["localhost:9200"])),
                error=type(error).__name__,
            )
        ) from error
    except (search.exceptions.TransportError, search.helpers.ScanError) as error:
        logger.exception("The search engine stopped a command")
        raise click.ClickException(
            _(
                "The search engine answered %(error)s. The log says more; run the command again when that is mended.",
                error=type(error).__name__,
            )
        ) from error


def _address(host: Any) -> str:
    """Return host and port of an entry of SEARCH_HOSTS, which may hold a password."""
    if isinstance(host, dict):
        return f"{host.get('host', 'localhost')}:{host.get('port', 9200)}"
    parts = urlsplit(host if "//" in str(host) else f"//{host}")
    return f"{parts.hostname}:{parts.port or 9200}"
