"""Describe user agents of the catalog for commands."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext as _

from invenio_stats.operations.reclassification.catalog_changes import KnownAgent, explain

MAX_LINES = 50
"""Lines of a table; JSON has all of them."""


def facts_of(agents: Iterable[KnownAgent]) -> list[dict[str, Any]]:
    """Return the classes of user agents before and now, and the list and pattern that decide."""
    facts = []
    for agent in agents:
        found = explain(agent.name)
        facts.append(
            {
                "agent_id": agent.agent_id,
                "agent": agent.name,
                "before": agent.before,
                "now": agent.now.agent_class,
                "list": found.list_name,
                "pattern": found.pattern,
            }
        )
    return facts


def count_rest(lines: Sequence[Any]) -> str:
    """Return how many lines are not shown."""
    rest = len(lines) - MAX_LINES
    return _("%(count)s more: see --json.", count=rest) if rest > 0 else ""
