"""Do what is due once for each finished day."""

import logging
from collections.abc import Callable
from typing import Any

from invenio_stats.operations.monitoring import gaps
from invenio_stats.privacy.error_texts import without_text

logger = logging.getLogger(__name__)

STEPS: dict[str, Callable[[], int]] = {"gaps": gaps.find_all}
"""The steps by name, in order. Each returns the number of things that it has made or found."""


def run_all() -> dict[str, Any]:
    """Run all steps; return the result of each, or `{"error": type of the exception}` if it failed."""
    return {name: _run(name, step) for name, step in STEPS.items()}


def _run(name: str, step: Callable[[], int]) -> Any:
    try:
        return step()
    except Exception as error:
        logger.error("A step of the daily task failed", exc_info=without_text(error), extra={"step": name})
        return {"error": type(error).__name__}
