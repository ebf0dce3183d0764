"""Store the result of the last run of each task in the instance's cache, for `invenio stats status`."""

from typing import Any, Literal

from invenio_cache import current_cache

Kind = Literal["events", "aggregations"]

_LIFETIME_SECONDS = 30 * 24 * 3600


def remember(kind: Kind, name: str, result: dict[str, Any]) -> None:
    """Store the result of a run for 30 days: numbers, times and the type of an error, but no personal data."""
    current_cache.set(_key(kind, name), result, timeout=_LIFETIME_SECONDS)


def recall(kind: Kind, name: str) -> dict[str, Any] | None:
    """Return the result of the last run, or None if none is stored."""
    return current_cache.get(_key(kind, name))


def _key(kind: Kind, name: str) -> str:
    return f"stats:run:{kind}:{name}"
