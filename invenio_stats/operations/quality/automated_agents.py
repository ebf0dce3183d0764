"""Which user agents are excluded most often, and by which list, so that administrators see a false positive."""

from datetime import date
from typing import NamedTuple

from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.operations.monitoring.excluded_agents import MAX_AGENTS, read_agents
from invenio_stats.privacy.user_agents.cache import current_classifier
from invenio_stats.privacy.user_agents.catalog import read_texts
from invenio_stats.proxies import current_stats


class AutomatedAgent(NamedTuple):
    """A user agent whose events are excluded."""

    agent_id: str
    name: str | None
    """The reduced text; None if the catalog does not have it."""
    agent_class: str
    """`robot`, `ai` or `machine`, as the events say."""
    list_name: str | None
    """The list in force that has it; None if none does any more."""
    pattern: str | None
    clicks: int

    @property
    def label(self) -> str:
        """What tables call it: its text; its id if the catalog does not have it; words if it sent or has none."""
        if self.name == "":
            return _("(empty)")
        return self.name or self.agent_id or _("(not known)")


class AutomatedAgents(NamedTuple):
    """The user agents that were excluded most often in a range of days."""

    agents: list[AutomatedAgent]
    """The most clicks first."""
    missed: int
    """Each number of clicks may be up to this too small; it is 0 if no day had more than 200 agents."""


def read_automated_agents(first: date, last: date) -> AutomatedAgents:
    """Return the 200 agents from one day to another, inclusive, of all event types; asks the search engine."""
    summary = read_agents(current_search_client, first, last, current_stats.event_definitions)
    ranked = sorted(summary.counts.items(), key=lambda counted: (-counted[1], counted[0]))[:MAX_AGENTS]
    texts = read_texts(current_search_client, sorted({agent.agent_id for agent, _clicks in ranked if agent.agent_id}))
    classifier = current_classifier()
    agents = []
    for agent, clicks in ranked:
        name = texts.get(agent.agent_id)
        match = None if name is None else classifier.explain(name)
        list_name, pattern = match or (None, None)
        agents.append(AutomatedAgent(agent.agent_id, name, agent.agent_class, list_name, pattern, clicks))
    return AutomatedAgents(agents, summary.missed)
