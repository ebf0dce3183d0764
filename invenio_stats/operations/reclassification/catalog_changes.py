"""Classify the user agents of the catalog by the lists in force, and keep their classes there."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, get_args

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.agent_classes import AgentClass
from invenio_stats.core.reclassification import Classification
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.privacy.user_agents.cache import current_classifier
from invenio_stats.privacy.user_agents.classifier import Classifier
from invenio_stats.search.bulk import Action, store
from invenio_stats.search.scan import hits, pages, read_each


class KnownAgent(NamedTuple):
    """A user agent of the catalog."""

    agent_id: str
    name: str
    """The reduced text."""
    before: str
    """The class in the catalog."""
    now: Classification


class Explained(NamedTuple):
    """What the lists in force say of a text."""

    agent_class: str
    counts: bool
    """Whether its events count as a person's."""
    list_name: str | None
    """The list that has it; None for people."""
    pattern: str | None


def read_agents(client: Any) -> Iterator[KnownAgent]:
    """Yield the user agents of the catalog with their classes of now.

    An entry that was made by the lists in force keeps its class, which comes from the whole text. So does one whose
    reduced text is taken for something else by the shipped lists, as long as these say the same of it. A document that
    is no user agent is logged and left out.
    """
    classifier = current_classifier()
    try:
        yield from read_each(hits(client, prefix_index(names.AGENTS)), partial(_read, classifier))
    except search.exceptions.NotFoundError:
        return  # no user agent was ever seen


def _read(classifier: Classifier, hit: Mapping[str, Any]) -> KnownAgent:
    """Return a user agent with its class of now; ValueError or KeyError if the document is none."""
    entry = hit["_source"]
    text, before = entry["agent"], entry["agent_class"]
    if not isinstance(text, str) or before not in get_args(AgentClass):
        raise ValueError("A user agent has a text and a class.")
    agent_class = before if entry.get("lists_version") == classifier.version else _classify(classifier, entry)
    now = Classification(agent_class, classifier.is_robot(text), classifier.version)
    if agent_class in ("robot", "ai", "browser", "unknown"):
        now = now._replace(is_robot=agent_class in ("robot", "ai"))
    return KnownAgent(hit["_id"], text, before, now)


def _classify(classifier: Classifier, entry: Mapping[str, Any]) -> AgentClass:
    text = entry["agent"]
    agent_class = classifier.classify(text)
    is_misread = agent_class == entry.get("reduced_class") and not classifier.is_operators(text)
    if is_misread and entry["whole_class"] not in get_args(AgentClass):
        raise ValueError("A user agent has a class.")
    return entry["whole_class"] if is_misread else agent_class


def find_changes(client: Any) -> list[KnownAgent]:
    """Return the user agents whose class in the catalog is another one now, by their names."""
    changed = [agent for agent in read_agents(client) if agent.before != agent.now.agent_class]
    return sorted(changed, key=lambda agent: (agent.now.agent_class, agent.name))


def write_changes(client: Any, agents: Iterable[KnownAgent]) -> int:
    """Keep the classes of now in the catalog; return how many user agents were written.

    EngineUnavailableError if the catalog refuses them; what was written stays.
    """
    index, written = prefix_index(names.AGENTS), 0
    for page in pages(agents):
        actions: list[Action] = [
            {
                "_op_type": "update",
                "_index": index,
                "_id": agent.agent_id,
                "doc": {"agent_class": agent.now.agent_class, "lists_version": agent.now.lists_version},
            }
            for agent in page
        ]
        result = store(client, actions)
        for refused in result.blocked:
            raise EngineUnavailableError(
                f"The user-agent catalog {index!r} refuses a change ({refused.reason}). Make it writable (if its disk "
                "is full, free some space), and run the command again."
            )
        written += result.taken
    if written:
        client.indices.refresh(index=index)
    return written


def explain(text: str) -> Explained:
    """Return what the lists in force say of the text of a user agent, whole or reduced."""
    classifier = current_classifier()
    agent_class = classifier.classify(text)
    match = classifier.explain(text)
    counts = agent_class in ("browser", "unknown")
    return Explained(agent_class, counts, match and match.list_name, match and match.pattern)


def read_lists() -> Mapping[str, str]:
    """Return the versions of the lists in force."""
    return dict(part.rpartition("-")[::2] for part in current_classifier().version.split("+"))
