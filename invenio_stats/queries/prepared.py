"""Prepared: a query that is checked and ready to be sent."""

from collections.abc import Callable
from typing import Any, NamedTuple

from invenio_stats.search.client import Question, Send


class Prepared(NamedTuple):
    """A question that is ready to be asked."""

    question: Question
    finish: Callable[[Send], dict[str, Any]]
    """Returns what a client gets, given what sends the question."""
