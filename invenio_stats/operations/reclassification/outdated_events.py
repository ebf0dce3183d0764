"""Find the stored events whose user agents have another class now, and all clicks that belong to them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.core.double_click_documents import AGENT_IDS
from invenio_stats.core.double_clicks import identity_of
from invenio_stats.core.reclassification import Classifications, StoredClick, is_ghost, is_outdated
from invenio_stats.operations.raw_events import EventType, read_documents
from invenio_stats.search import clauses
from invenio_stats.search.aliases import split_for_urls
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.field_types import read_field_types
from invenio_stats.search.groups import read_groups
from invenio_stats.search.scan import hits, pages
from invenio_stats.search.versions import Version

GROUPS_PER_PAGE = 200
"""Visitors with a thing whose clicks are rewritten together."""
_AGENTS_PER_CLAUSE = 10_000
_BUCKETS = 1_000
_DECIDING = ("agent_class", "is_robot", "is_machine")

Clicks = dict[tuple[str, str], tuple[StoredClick, Version]]
"""Documents with their versions, by index and id."""


class Group(NamedTuple):
    """The clicks of one visitor on one thing in an index; or one event without a visitor."""

    unique_id: str | None
    visitor_id: str | None
    document_id: str | None = None


@dataclass
class Found:
    """What the events of some indices say of their user agents."""

    outdated: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)
    """The user agents of events that have another class, by the values of now of the fields that decide."""
    events: Counter[str] = field(default_factory=Counter)
    """Their events, by user agent."""
    unknown: int = 0
    """Events whose user agent the catalog does not have."""


def find_surveyed(client: Any, event_type: EventType) -> list[list[str]]:
    """Return the indices whose events may have a user agent, in lists that fit into a URL, and map fields alike.

    A search for groups of several indices fails if these map a field in different ways.
    """
    types = read_field_types(client, event_type.alias, ["agent_id", *_DECIDING]).types
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for index in sorted({index for indices in types.get("agent_id", {}).values() for index in indices}):
        mapped = ((name, kind) for name, kinds in types.items() for kind, indices in kinds.items() if index in indices)
        alike.setdefault(tuple(sorted(mapped)), []).append(index)
    return [part for indices in alike.values() for part in split_for_urls(indices)]


def survey(client: Any, indices: Sequence[str], where: Body, known: Classifications) -> Found:
    """Return which user agents of events in some indices have another class now."""
    found = Found()
    sources: list[Body] = [clauses.by_value("agent_id", "agent_id")]
    sources += [{name: {"terms": {"field": name, "missing_bucket": True}}} for name in _DECIDING]
    outdated: dict[tuple[Any, ...], set[str]] = {}
    for group in read_groups(SearchRequest(client, indices, clauses.composite(where, sources, _BUCKETS))):
        agent_id, events = group["key"]["agent_id"], group["doc_count"]
        now = known.get(agent_id)
        if now is None:
            found.unknown += events
        elif any(group["key"][name] != value for name, value in now.deciding_fields.items()):
            found.events[agent_id] += events
            outdated.setdefault(tuple(now.deciding_fields.values()), set()).add(agent_id)
    found.outdated = {values: sorted(agents) for values, agents in outdated.items()}
    return found


def find_groups(
    client: Any, index: str, where: Body, found: Found, known: Classifications
) -> Iterator[tuple[list[Group], int]]:
    """Yield the groups with outdated events in pages, each once, with the number of these events.

    Some may turn out to have none. The groups may be changed meanwhile.
    """
    query = outdated_events(where, found)
    sources = [clauses.by_value("unique_id", "unique_id"), clauses.by_value("visitor_id", "visitor_id")]
    page: Body | None = clauses.composite(query, sources, GROUPS_PER_PAGE)
    while page is not None:
        answer = search(SearchRequest(client, index, page))
        buckets = answer["aggregations"][clauses.GROUPS]["buckets"] if "aggregations" in answer else []
        if buckets:
            groups = [Group(bucket["key"]["unique_id"], bucket["key"]["visitor_id"]) for bucket in buckets]
            yield groups, sum(bucket["doc_count"] for bucket in buckets)
        page = clauses.next_page(page, answer) if buckets else None
    lacking = clauses.any_of([clauses.none_of([{"exists": {"field": name}}]) for name in ("unique_id", "visitor_id")])
    alone = hits(client, index, clauses.all_of([query, lacking]))
    due = (Group(None, None, hit["_id"]) for hit in alone if is_outdated(hit["_source"], known))
    for groups in pages(due, GROUPS_PER_PAGE):
        yield groups, len(groups)


def outdated_events(where: Body, found: Found) -> Body:
    """Return the query for the events of outdated user agents, and for those of several."""
    return clauses.all_of([where, clauses.any_of(list(_clauses(found)))])


def _clauses(found: Found) -> Iterator[Body]:
    for values, agents in found.outdated.items():
        decides_so = clauses.all_of([{"term": {name: value}} for name, value in zip(_DECIDING, values, strict=True)])
        for part in pages(agents, _AGENTS_PER_CLAUSE):
            yield clauses.all_of([{"terms": {"agent_id": part}}, clauses.none_of([decides_so])])
    yield {"exists": {"field": AGENT_IDS}}  # one of the others may have another class


def _group_of(hit: Mapping[str, Any]) -> Group:
    source = hit["_source"]
    if identity_of(source) is None:
        return Group(None, None, hit["_id"])
    return Group(str(source["unique_id"]), str(source["visitor_id"]))


def load_groups(client: Any, index: str, groups: Iterable[Group]) -> list[Clicks]:
    """Return the documents of each group as they are now, without ghosts."""
    wanted = list(groups)
    by_pair: dict[Group, list[str]] = {group: [] for group in wanted if group.document_id is None}
    for hit in _hits(client, index, by_pair):
        group = _group_of(hit)
        if group in by_pair:
            by_pair[group].append(hit["_id"])
    ids = {group: by_pair.get(group, [str(group.document_id)]) for group in wanted}
    addresses = sorted({(index, document_id) for found in ids.values() for document_id in found})
    documents = {click[:2]: (click, version) for click, version in read_documents(client, addresses)}
    loaded = []
    for found in ids.values():
        known = {(index, name): documents[index, name] for name in found if (index, name) in documents}
        loaded.append({key: entry for key, entry in known.items() if not is_ghost(entry[0].source)})
    return loaded


def _hits(client: Any, index: str, groups: Iterable[Group]) -> Iterator[Mapping[str, Any]]:
    pairs = list(groups)
    if pairs:
        things, visitors = ({pair[position] for pair in pairs} for position in (0, 1))
        query = clauses.all_of(
            [{"terms": {"unique_id": sorted(map(str, things))}}, {"terms": {"visitor_id": sorted(map(str, visitors))}}]
        )
        yield from hits(client, index, query, ["unique_id", "visitor_id"])


def within(event_type: EventType, first: datetime | None, end: datetime | None) -> Body:
    """Return the query for the events of a range of days whose totals can be counted again."""
    return clauses.between(event_type.complete_from if first is None else max(first, event_type.complete_from), end)


def before_complete(event_type: EventType, first: datetime | None, end: datetime | None) -> Body:
    """Return the query for the other events of the range."""
    limit = event_type.complete_from if end is None else min(end, event_type.complete_from)
    return clauses.between(first, limit)
