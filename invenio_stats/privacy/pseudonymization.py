"""Create pseudonymizers for web processes, and pseudonymize single events in workers."""

from collections.abc import Callable
from datetime import datetime

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.events import Event
from invenio_stats.core.visitors import PERSONAL_FIELDS
from invenio_stats.privacy.error_texts import describe
from invenio_stats.privacy.pseudonyms import AnyEvent, Pseudonymizer, SaltOf, is_done
from invenio_stats.privacy.salts import get_anonymization_salt

REJECTED = "rejected"
"""Field of an event that could not be pseudonymized: the reason."""

_salt_getter: SaltOf = get_anonymization_salt


def use_salt_getter(getter: SaltOf) -> None:
    """Set the function from which every pseudonymizer of this process gets its salts.

    `processors` registers a function that looks up `processors.get_anonymization_salt` at each call, because test
    suites replace that name in place, also for events published by a web process. A process that has not imported
    `processors` cannot have replaced it and uses the original function, so that this module need not import it.
    """
    global _salt_getter
    _salt_getter = getter


def salt_at(moment: datetime) -> str:
    """Return the salt of the day of a moment, from the registered getter."""
    return _salt_getter(moment)


def pseudonymizer(window: int = DEFAULT_WINDOW, keep_user_id: bool = False) -> Pseudonymizer:
    """Return a new pseudonymizer, for one batch of events."""
    return Pseudonymizer(salt_at, window, keep_user_id)


def pseudonymize_or_reject(window: int = DEFAULT_WINDOW, keep_user_id: bool = False) -> Callable[[AnyEvent], AnyEvent]:
    """Return a function that pseudonymizes events like `pseudonymizer`, and lets none stop those that come after it.

    An event for which that fails loses its personal data and gets the reason as its field `rejected`; a worker puts it
    into the dead letters.
    """
    pseudonymize = pseudonymizer(window, keep_user_id)

    def prepare(event: AnyEvent) -> AnyEvent:
        try:
            return pseudonymize(event)
        except (ImportError, SoftTimeLimitExceeded):
            raise  # the environment is at fault, or the task must stop
        except Exception as error:  # whatever is wrong with it; its text may quote the person
            _remove_personal_data(event)
            event[REJECTED] = f"pseudonymization: {describe(error)}"
            return event

    return prepare


def anonymize_user(doc: Event) -> Event:
    """Replace IP address, user agent and ids by country, keys of visitor and session, and the user-agent class.

    The keys are hashes under the day's salt, so that a visitor cannot be followed to the next day. An event that is
    already pseudonymized, as most are when they reach the queue, is returned unchanged.
    """
    return doc if is_done(doc) else pseudonymizer()(doc)


def to_dead_letter(event: Event) -> Event:
    """Return an event for the dead letters: pseudonymized or, if it cannot be, without its personal fields."""
    try:
        return anonymize_user(event)
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # any error: a dead letter must never contain personal data
        _remove_personal_data(event)
        return event


def _remove_personal_data(event: Event) -> None:
    for field in (*PERSONAL_FIELDS, "referrer"):
        event.pop(field, None)
