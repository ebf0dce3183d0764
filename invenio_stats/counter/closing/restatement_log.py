"""Note restatements in the log of corrections, each once: the log of its month tells which there were."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from invenio_search.engine import search

from invenio_stats.core.counter_months import Month
from invenio_stats.core.moments import parse
from invenio_stats.errors import StatsError
from invenio_stats.operations.corrections import find_unnoted, note_correction

logger = logging.getLogger(__name__)

COMMAND = "invenio stats counter restate"


def note_restatements(client: Any, months: Iterable[Month]) -> None:
    """Note the restatements of some months that are not in the log of corrections yet.

    A restatement is noted after the request that makes its revision known. If its process ends in between, or the
    engine fails, which is logged, a later call notes it; two calls at the same time write the same entry.
    """
    try:
        _note(client, {_correction_id(month, entry): (month, entry) for month in months for entry in month.log})
    except (StatsError, search.exceptions.TransportError) as error:
        logger.warning("Restatements could not be noted", extra={"error": type(error).__name__})


def _correction_id(month: Month, entry: Mapping[str, Any]) -> str:
    return f"{COMMAND} {month.month} {entry['revision']} {entry['at']}"


def _note(client: Any, revisions: Mapping[str, tuple[Month, Mapping[str, Any]]]) -> None:
    restatements = {key: (month, entry) for key, (month, entry) in revisions.items() if entry["revision"] > 1}
    for correction_id in find_unnoted(client, restatements):
        month, entry = restatements[correction_id]
        summary = f"Revision {entry['revision']} of {month.month}: {entry['reason']}"
        changes = {month.month: dict(entry["difference"])}
        note_correction(client, "restatement", summary, changes, parse(entry["at"]), COMMAND, correction_id)
