"""Pseudonymize events where they are met: batches in a web process, single events in a worker."""

from datetime import datetime

from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.events import Event
from invenio_stats.core.visitors import PERSONAL_FIELDS
from invenio_stats.privacy.pseudonyms import Pseudonymizer, SaltOf, is_done
from invenio_stats.privacy.salts import get_anonymization_salt

_salt_getter: SaltOf = get_anonymization_salt


def use_salt_getter(getter: SaltOf) -> None:
    """Have every pseudonymizer of this process ask `getter` for its salts.

    `processors` registers a function that looks `processors.get_anonymization_salt` up whenever it is called: test
    suites replace that name in place, and what a web process publishes has to follow. A process that has not imported
    `processors` cannot have had it replaced, and goes by the function itself. So nobody here imports `processors`.
    """
    global _salt_getter
    _salt_getter = getter


def salt_at(moment: datetime) -> str:
    """Return the salt of the day that a moment lies in, from the registered getter."""
    return _salt_getter(moment)


def pseudonymizer(window: int = DEFAULT_WINDOW, keep_user_id: bool = False) -> Pseudonymizer:
    """Return a new pseudonymizer, for events that are published at once."""
    return Pseudonymizer(salt_at, window, keep_user_id)


def anonymize_user(doc: Event) -> Event:
    """Put keys in the place of the person: country, visitor, session and kind of agent, without address and ids.

    The keys are hashes under the day's salt, so nobody can be followed to the next day. An event that is
    pseudonymized already, as most are when they reach the queue, is left alone.
    """
    return doc if is_done(doc) else pseudonymizer()(doc)


def to_dead_letter(event: Event) -> Event:
    """Return an event for the dead letters: pseudonymized or, if it cannot be, without its personal fields."""
    try:
        return anonymize_user(event)
    except Exception:  # whatever is wrong with it: nobody's address waits among the dead letters
        for field in PERSONAL_FIELDS:
            event.pop(field, None)
        return event
