"""Runs: what the last run of each task did, remembered for `stats status` in the instance's cache."""

from typing import Any, Literal

from invenio_cache import current_cache

Kind = Literal["events", "aggregations"]

_LIFETIME = 30 * 24 * 3600


def remember(kind: Kind, name: str, result: dict[str, Any]) -> None:
    """Keep the result of a run for 30 days: numbers, times and the type of an error, nothing of a person."""
    current_cache.set(_key(kind, name), result, timeout=_LIFETIME)


def recall(kind: Kind, name: str) -> dict[str, Any] | None:
    """Return the result of the last run, or None when none is known."""
    return current_cache.get(_key(kind, name))


def _key(kind: Kind, name: str) -> str:
    return f"stats:run:{kind}:{name}"
