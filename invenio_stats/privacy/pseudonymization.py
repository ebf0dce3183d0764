"""Create pseudonymizers for web processes, and pseudonymize single events in workers."""

from datetime import datetime

from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.events import Event
from invenio_stats.core.visitors import PERSONAL_FIELDS
from invenio_stats.privacy.pseudonyms import Pseudonymizer, SaltOf, is_done
from invenio_stats.privacy.salts import get_anonymization_salt

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
    except Exception:  # any error: a dead letter must never contain personal data
        for field in PERSONAL_FIELDS:
            event.pop(field, None)
        return event
