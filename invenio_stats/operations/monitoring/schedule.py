"""Read which tasks Celery beat starts."""

from collections.abc import Mapping
from typing import Any

from flask import current_app


def entries_of(task: str) -> list[Mapping[str, Any]]:
    """Return the entries of CELERY_BEAT_SCHEDULE that start a task of this package."""
    entries = (current_app.config.get("CELERY_BEAT_SCHEDULE") or {}).values()
    name = f"invenio_stats.tasks.{task}"
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("task") == name]


def is_scheduled(task: str) -> bool:
    """Return True if Celery beat starts a task of this package."""
    return bool(entries_of(task))
