"""Export raw events, totals, bookmarks and the user-agent catalog to a directory, one file for each index."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.completeness.configured import known_event_types
from invenio_stats.core import names
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.errors import ArchiveError
from invenio_stats.operations.archive import files, manifest
from invenio_stats.operations.archive.files import Progress
from invenio_stats.operations.archive.manifest import Manifest, Part, locate
from invenio_stats.operations.inventory import Index, indices, usage_types
from invenio_stats.proxies import current_stats
from invenio_stats.search.scan import scan

_ORDER: tuple[manifest.Kind, ...] = (
    "bookmarks",
    "completeness",
    "totals",
    "automated",
    "usage",
    "events",
    "agents",
    "ingest",
)
"""Bookmarks are exported first, so that events stored during the export are counted after an import."""


def export(
    client: Any, folder: Path, event_types: list[str], first: datetime | None, last: datetime | None, bar: Progress
) -> Manifest:
    """Write the files and return their manifest; an interrupted export with the same arguments is continued.

    ArchiveError if the directory contains anything else.
    """
    now = to_second(datetime.now(timezone.utc))
    first, last = (None if edge is None else floor(edge, "day") for edge in (first, last))
    edges = [None if edge is None else f"{edge:%Y-%m-%d}" for edge in (first, last)]
    new = Manifest(version("invenio-stats"), iso_zoned(now), edges[0], edges[1], sorted(event_types))
    written = _begin(folder, new)
    exported = [index for index in indices(client) if index.kind in _ORDER and _is_wanted(index, event_types)]
    written = replace(written, fields=_fields(client, exported))
    for index in sorted(exported, key=lambda index: (_ORDER.index(index.kind), index.name)):
        part = Part(index.kind, index.event_type, index.name.removeprefix(prefix_index("")))
        if part.path not in {file.path for file in written.files}:
            bar.begin(part.index, index.documents)
            written = _write(client, folder, written, part, _query(index.kind, event_types, first, last), bar)
    written = replace(written, finished=iso_zoned(to_second(datetime.now(timezone.utc))))
    manifest.save(folder, written)
    return written


def _begin(folder: Path, new: Manifest) -> Manifest:
    """Return the manifest to continue: the new one in an empty directory, or that of the interrupted export."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        manifest.save(folder, new)
        return new
    if not (folder / manifest.NAME).exists():
        raise ArchiveError(f"{folder} is not empty. Name a directory that is empty or does not exist.")
    known = manifest.load(folder)
    if known.finished:
        raise ArchiveError(f"{folder} already contains an export of {known.finished}. Name another directory.")
    if not known.is_same_export(new):
        raise ArchiveError(f"{folder} contains a part of another export. Name another directory.")
    return known


def _write(
    client: Any, folder: Path, written: Manifest, part: Part, query: dict[str, Any] | None, bar: Progress
) -> Manifest:
    name = prefix_index(part.index)
    client.indices.refresh(index=name)
    path = locate(folder, part)
    contents = files.write(path, map(_exported, scan(client, name, query)), bar.advance)
    if not contents.documents:
        path.unlink()
        return written
    written = written.with_file(replace(part, **contents._asdict()))
    manifest.save(folder, written)
    return written


def _exported(document: files.Document) -> files.Document:
    """Return a document without the fields that concern this instance only: the oldest events when it was judged."""
    document_id, source = document
    source.pop("oldest_events", None)
    return document_id, source


def _is_wanted(index: Index, event_types: list[str]) -> bool:
    if index.kind == "usage":
        return not set(usage_types()[str(index.event_type)]).isdisjoint(event_types)
    return index.event_type is None or index.event_type in event_types


def _query(kind: str, event_types: list[str], first: datetime | None, last: datetime | None) -> dict[str, Any] | None:
    """Return the query for the exported documents of an index; None for all of them."""
    if kind == "bookmarks":
        others = set(known_event_types()) - set(event_types)
        left_out = list(bookmarks_of(others))
        progress = {"prefix": {"aggregation_type": names.REBUILD}}  # the progress of a rebuild is no statistic
        return {"bool": {"must_not": [{"terms": {"aggregation_type": left_out}}, progress]}}
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
    """Yield the names of the bookmarks of the aggregations of these event types."""
    for name, definition in current_stats.aggregations.items():
        if not set(definition.event_types).isdisjoint(event_types):
            yield name
            yield names.automated_aggregation(name)


def _fields(client: Any, exported: list[Index]) -> dict[str, dict[str, Any]]:
    """Return the mapped fields of events and totals by kind and event type; the newest index takes precedence."""
    fields: dict[str, dict[str, Any]] = {}
    for index in exported:
        if index.event_type:
            about = client.indices.get_mapping(index=index.name)[index.name]["mappings"]
            fields.setdefault(f"{index.kind}/{index.event_type}", {}).update(about.get("properties", {}))
    return fields


def summary(written: Manifest) -> dict[str, Any]:
    """Return the manifest with numbers of files, documents and bytes by kind, for JSON output."""
    kinds = {
        kind: {
            "files": sum(part.kind == kind for part in written.files),
            "documents": sum(part.documents for part in written.files if part.kind == kind),
            "bytes": sum(part.bytes for part in written.files if part.kind == kind),
        }
        for kind in manifest.KINDS
    }
    return {**{name: value for name, value in asdict(written).items() if name not in ("files", "fields")}, **kinds}
