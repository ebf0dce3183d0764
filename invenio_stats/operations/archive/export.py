"""Export: events, totals, bookmarks and agents into a directory, one file for each index."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.errors import ArchiveError
from invenio_stats.operations.archive import files, manifest
from invenio_stats.operations.archive.files import Progress
from invenio_stats.operations.archive.manifest import Manifest, Part
from invenio_stats.operations.inventory import Index, indices, known_event_types
from invenio_stats.proxies import current_stats
from invenio_stats.search.scan import scan

_ORDER: tuple[manifest.Kind, ...] = ("bookmarks", "completeness", "totals", "automated", "events", "agents", "ingest")
"""The bookmarks first: whatever comes in from then on is counted after an import."""


def export(
    client: Any, folder: Path, event_types: list[str], first: datetime | None, last: datetime | None, bar: Progress
) -> Manifest:
    """Write the files and return what they hold; an export of the same that was interrupted is gone on with.

    ArchiveError for a directory that holds anything else.
    """
    now = to_second(datetime.now(timezone.utc))
    first, last = (None if edge is None else floor(edge, "day") for edge in (first, last))
    edges = [None if edge is None else f"{edge:%Y-%m-%d}" for edge in (first, last)]
    wanted = Manifest(version("invenio-stats"), iso_zoned(now), edges[0], edges[1], sorted(event_types))
    written = _begin(folder, wanted)
    found = [index for index in indices(client) if index.kind in _ORDER and _is_wanted(index, event_types)]
    written = replace(written, fields=_fields(client, found))
    for index in sorted(found, key=lambda index: (_ORDER.index(index.kind), index.name)):
        part = Part(index.kind, index.event_type, index.name.removeprefix(prefix_index("")))
        if part.path not in {one.path for one in written.files}:
            bar.begin(part.index, index.documents)
            written = _write(client, folder, written, part, _query(index.kind, event_types, first, last), bar)
    written = replace(written, finished=iso_zoned(to_second(datetime.now(timezone.utc))))
    manifest.save(folder, written)
    return written


def _begin(folder: Path, wanted: Manifest) -> Manifest:
    """Return what is to be gone on with."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        manifest.save(folder, wanted)
        return wanted
    if not (folder / manifest.NAME).exists():
        raise ArchiveError(f"{folder} is not empty. Name a directory that is, or does not exist.")
    known = manifest.load(folder)
    if known.finished:
        raise ArchiveError(f"{folder} holds an export of {known.finished} already. Name another directory.")
    if not known.is_same_export(wanted):
        raise ArchiveError(f"{folder} holds a part of another export. Name another directory.")
    return known


def _write(
    client: Any, folder: Path, written: Manifest, part: Part, query: dict[str, Any] | None, bar: Progress
) -> Manifest:
    name = prefix_index(part.index)
    client.indices.refresh(index=name)
    held = files.write(folder / part.path, map(_exported, scan(client, name, query)), bar.advance)
    if not held.documents:
        (folder / part.path).unlink()
        return written
    written = written.with_file(replace(part, **held._asdict()))
    manifest.save(folder, written)
    return written


def _exported(document: files.Document) -> files.Document:
    """Return a document without what is about this instance only: the oldest events at the last judgement."""
    document_id, source = document
    source.pop("oldest_events", None)
    return document_id, source


def _is_wanted(index: Index, event_types: list[str]) -> bool:
    return index.event_type is None or index.event_type in event_types


def _query(kind: str, event_types: list[str], first: datetime | None, last: datetime | None) -> dict[str, Any] | None:
    """Return what of an index is exported; None for all of it."""
    if kind == "bookmarks":
        others = set(known_event_types()) - set(event_types)
        kept = list(bookmarks_of(others))
        passing = {"prefix": {"aggregation_type": "rebuild-"}}  # how far rebuilding has come is nobody's number
        return {"bool": {"must_not": [{"terms": {"aggregation_type": kept}}, passing]}}
    if kind == "completeness":
        return {"bool": {"filter": [{"terms": {"event_type": event_types}}]}}
    if kind == "agents":
        return None
    edges = {"gte": first and f"{first:%Y-%m-%d}", "lt": last and f"{last + timedelta(days=1):%Y-%m-%d}"}
    days = {edge: day for edge, day in edges.items() if day}
    clauses = [{"range": {"date" if kind == "ingest" else "timestamp": days}}] if days else []
    if kind == "ingest":
        clauses.append({"terms": {"event_type": event_types}})
    return {"bool": {"filter": clauses}} if clauses else None


def bookmarks_of(event_types: Collection[str]) -> Iterator[str]:
    """Yield the names of the bookmarks that say how far the totals of these event types are."""
    for name, definition in current_stats.aggregations.items():
        if definition.params.get("event") in event_types:
            yield name
            yield names.automated_aggregation(name)


def _fields(client: Any, found: list[Index]) -> dict[str, dict[str, Any]]:
    """Return the mapped fields of events and totals, by kind and event type; the newest index says how."""
    fields: dict[str, dict[str, Any]] = {}
    for index in found:
        if index.event_type:
            about = client.indices.get_mapping(index=index.name)[index.name]["mappings"]
            fields.setdefault(f"{index.kind}/{index.event_type}", {}).update(about.get("properties", {}))
    return fields


def summary(written: Manifest) -> dict[str, Any]:
    """Return what an export holds, for programs."""
    kinds = {
        kind: {
            "files": sum(part.kind == kind for part in written.files),
            "documents": sum(part.documents for part in written.files if part.kind == kind),
            "bytes": sum(part.bytes for part in written.files if part.kind == kind),
        }
        for kind in manifest.KINDS
    }
    return {**{name: value for name, value in asdict(written).items() if name not in ("files", "fields")}, **kinds}
