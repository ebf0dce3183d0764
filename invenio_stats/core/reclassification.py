"""Give the clicks of one visitor on one thing the classes that their user agents have now, as if from the beginning.

The documents of all cells are divided by user agents, and put together again by the rules of double clicks. What they
become depends on the clicks alone, so doing it twice changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import NamedTuple

from invenio_stats.core.agent_classes import AgentClass, is_machine
from invenio_stats.core.double_click_documents import (
    Document,
    chains,
    inherit,
    merge,
    parts_of,
    to_document,
    to_source,
)
from invenio_stats.core.double_clicks import cell_start, document_id_of, identity_of, kind_of
from invenio_stats.core.events import Event
from invenio_stats.core.usage_fields import TDM, ids_of


class Classification(NamedTuple):
    """What the lists say of a user agent."""

    agent_class: AgentClass
    is_robot: bool
    lists_version: str

    @property
    def fields(self) -> Event:
        """The fields of an event that say it."""
        return {**self.deciding_fields, "lists_version": self.lists_version}

    @property
    def deciding_fields(self) -> Event:
        """The fields that decide whether an event counts."""
        flags = {"is_robot": self.is_robot, "is_machine": is_machine(self.agent_class)}
        return {"agent_class": self.agent_class, **flags}


Classifications = Mapping[str, Classification]
"""What is known now, by the id of the user agent."""


class StoredClick(NamedTuple):
    """A stored document, and where it is."""

    index_name: str
    document_id: str
    source: Event


def is_outdated(source: Event, now: Classifications) -> bool:
    """Return True if a user agent of a stored document has another class now."""
    return any(_is_outdated(part.fields, now) for _agent_id, part in parts_of(to_document(source)))


def _is_outdated(fields: Event, now: Classifications) -> bool:
    known = now.get(str(fields.get("agent_id")))
    if known is None or fields.get("lists_version") == known.lists_version:  # these lists have seen the whole text
        return False
    return any(fields.get(name) != value for name, value in known.deciding_fields.items())


def counts(source: Event) -> bool:
    """Return True if a stored document is regular use by a person."""
    is_hidden = source.get("superseded") or source.get("excluded") or source.get("access_method") == TDM
    return not (is_hidden or source.get("is_robot") or source.get("is_machine"))


def is_ghost(source: Event) -> bool:
    """Return True for the copy of a click under the visitor's key of the day before, which belongs to no agent."""
    return bool(source.get("superseded")) and not source.get("event_id") and "agent_id" not in source


def reclassify(stored: Sequence[StoredClick], now: Classifications, window: int) -> list[StoredClick]:
    """Return what the stored documents of one visitor and thing have to be, without their time of writing.

    They are all documents of a day, of any class, but no ghosts. A document whose clicks have moved to another one is
    not among those returned. A cell at the end of a day stays superseded if it was: ghosts do not tell whose they are.
    """
    if any(identity_of(click.source) is None for click in stored):  # without a visitor each event is on its own
        return [_as_source(click, _classified(to_document(click.source), now)) for click in stored]
    cells = _regroup(stored, now, window)
    if window:
        _link(cells, window)
    return [_as_source(cell.home, cell.document) for cell in cells]


def plan_steps(stored: Sequence[StoredClick], final: Sequence[StoredClick]) -> tuple[list[StoredClick], ...]:
    """Return the documents to write first, and then; `stored` are those that are there, `final` what they have to be.

    The third list has the documents to delete at last. In this order no click is ever missing: a document gets the
    clicks of another one before that loses them. A document that gets some and loses others has all of them meanwhile.
    """
    known = {click[:2]: click for click in stored}
    gaining, others = [], []
    for click in final:
        before = known.get(click[:2])
        if before is None:
            gaining.append(click)
        elif without_stamp(before.source) != click.source:
            others.append(click)
            union = merge(to_document(before.source), to_document(click.source))
            if _clicks_of(union) != _clicks_of(to_document(before.source)):
                gaining.append(_as_source(click, union))
    kept = {click[:2] for click in final}
    return gaining, others, [click for click in stored if click[:2] not in kept]


def without_stamp(source: Event) -> Event:
    """Return a stored document without its time of writing."""
    return {name: value for name, value in source.items() if name != "updated_timestamp"}


def _clicks_of(document: Document) -> set[tuple[str, datetime, datetime, str]]:
    return {(agent_id, part.first, part.latest, part.event_id) for agent_id, part in parts_of(document)}


class _Part(NamedTuple):
    """The clicks of one user agent in a stored document."""

    click: StoredClick
    origin: Document
    """The whole document."""
    document: Document
    """The document of these clicks alone, with the class of now."""
    was: str
    """The kind of agent that the document was for."""


class _Cell:
    """The document of a cell, as it has to be."""

    def __init__(self, start: datetime, kind: str, parts: Sequence[_Part]):
        document = reduce(merge, (part.document for part in parts))
        origins = {part.click.document_id: part.origin for part in parts}.values()
        former = {name for origin in origins for name in (*origin.former_ids, *ids_of(origin.fields))}
        self.document = document._replace(
            former_ids=document.former_ids | (former - ids_of(document.fields)),
            exclusions=frozenset().union(*(origin.exclusions for origin in origins)),
            is_superseded=any(origin.is_superseded for origin in origins),
        )
        self.start, self.kind = start, kind
        self.home = self._find_home(parts)

    def _find_home(self, parts: Sequence[_Part]) -> StoredClick:
        """Return the address of the document: where it was for this kind already, else where a worker would put it."""
        expected = document_id_of(self.start, identity_of(self.document.fields))
        homes = sorted({part.click[:2] for part in parts if part.was == self.kind})
        index_name, document_id = next((home for home in homes if home[1] == expected), homes[0] if homes else ("", ""))
        if document_id:
            return StoredClick(index_name, document_id, {})
        return StoredClick(parts[0].click.index_name, str(expected), {})


def _regroup(stored: Iterable[StoredClick], now: Classifications, window: int) -> list[_Cell]:
    """Return the documents of cells, each for one kind of agent, in the order of their cells."""
    groups: dict[tuple[datetime, str], list[_Part]] = {}
    for part in _divide(stored, now):
        key = cell_start(part.document.latest, window), kind_of(part.document.fields)
        groups.setdefault(key, []).append(part)
    return [_Cell(*key, parts) for key, parts in sorted(groups.items(), key=lambda group: group[0])]


def _divide(stored: Iterable[StoredClick], now: Classifications) -> Iterator[_Part]:
    for click in stored:
        origin = to_document(click.source)
        for _agent_id, part in parts_of(origin):
            yield _Part(click, origin, _classified(part, now), kind_of(origin.fields))


def _classified(document: Document, now: Classifications) -> Document:
    """Return a document of one user agent with its class of now; unchanged if that is the one it has."""
    if not _is_outdated(document.fields, now):
        return document
    return document._replace(fields={**document.fields, **now[str(document.fields["agent_id"])].fields})


def _link(cells: Sequence[_Cell], window: int) -> None:
    """Say which documents are superseded, and carry items along their chains."""
    by_kind: dict[str, list[_Cell]] = {}
    for cell in cells:
        by_kind.setdefault(cell.kind, []).append(cell)
    width = timedelta(seconds=window)
    for found in by_kind.values():
        for cell, following in zip(found, [*found[1:], None], strict=True):
            is_beside = following is not None and following.start - cell.start == width
            is_chain = is_beside and following is not None and chains(cell.document, following.document, window)
            if is_chain and following is not None:
                following.document = inherit(following.document, cell.document)
            is_last = (cell.start + width).date() != cell.start.date()
            stays = is_last and cell.document.is_superseded
            cell.document = cell.document._replace(is_superseded=is_chain or stays)


def _as_source(home: StoredClick, document: Document) -> StoredClick:
    source = to_source(document, "")
    del source["updated_timestamp"]
    return home._replace(source=source)
