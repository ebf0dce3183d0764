"""Tell which event types are pseudonymized late, and which keep the id of the user."""

from invenio_stats.proxies import current_stats


def types_of_the_worker() -> list[str]:
    """Return the event types whose messages hold addresses, agents and user ids until a worker replaces them."""
    events = current_stats.event_definitions.items()
    return [name for name, event in events if event.pseudonymization.stage == "worker"]


def types_with_user() -> list[str]:
    """Return the event types that keep the id of the user."""
    return [name for name, event in current_stats.event_definitions.items() if event.pseudonymization.keeps_user_id]
