"""Errors of the services, as commands report them: a message with the cure and exit code 1, no traceback."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask_babel import gettext as _
from invenio_search.engine import search

from invenio_stats.broker.transports.drivers import failure_types
from invenio_stats.errors import StatsError
from invenio_stats.operations.monitoring.services import Service, event_broker, search_engine, task_broker
from invenio_stats.privacy.error_texts import is_database_away
from invenio_stats.search.failures import describe_failure

logger = logging.getLogger(__name__)


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn what the search engine may answer, and our own errors, into a message and exit code 1."""
    try:
        yield
    except StatsError as error:
        raise click.ClickException(str(error)) from error
    except search.exceptions.ConnectionError as error:
        raise no_answer(search_engine(), error) from error
    except (search.exceptions.TransportError, search.helpers.ScanError) as error:
        logger.exception("The search engine stopped a command")
        raise click.ClickException(
            _(
                "The search engine answered %(error)s. The log says more; run the command again when that is mended.",
                error=describe_failure(error),
            )
        ) from error
    except Exception as error:
        if is_database_away(error):
            raise no_database(error) from error
        raise


def no_database(error: BaseException) -> click.ClickException:
    """Return the error of a command for a database that is away, or has no tables yet."""
    return click.ClickException(
        _(
            "The database does not answer (%(error)s). If it is new, create its tables: invenio db init create. "
            "Otherwise start it, or correct SQLALCHEMY_DATABASE_URI.",
            error=type(error).__name__,
        )
    )


@contextmanager
def explain_broker_errors(service: Callable[[], Service] = event_broker, effect: str = "") -> Iterator[None]:
    """Turn failures of a broker into a message and exit code 1; `effect` says what they mean for the events.

    Nothing may be printed inside: an OSError of the terminal would be taken for one of the broker.
    """
    try:
        yield
    except failure_types() as error:
        raise no_answer(service(), error, effect) from error


def send_task(task: Any, *args: Any, **kwargs: Any) -> Any:
    """Send a task to a worker; return what Celery returns."""
    with explain_broker_errors(lambda: task_broker(task.app)):
        return task.delay(*args, **kwargs)


def no_answer(service: Service, error: BaseException, effect: str = "") -> click.ClickException:
    """Return the error of a command for a service that does not answer."""
    return click.ClickException(" ".join(filter(None, [service.no_answer(error), service.cure(), effect])))
