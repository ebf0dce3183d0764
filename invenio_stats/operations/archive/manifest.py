"""Describe the files of an export with their checksums, and whether the export is complete."""

import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from invenio_stats.errors import ArchiveError, ManifestError

NAME = "manifest.json"
FORMAT_VERSION = 1

_INDEX = re.compile(r"[\w%+~-][\w.%+~-]*")
"""Without separators of paths and wildcards of indices."""

Kind = Literal["totals", "automated", "usage", "events", "agents", "ingest", "completeness", "bookmarks"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds in the order of import: bookmarks last, so that an interrupted import leaves no events uncounted."""


@dataclass(frozen=True)
class Part:
    """One file of an export."""

    kind: Kind
    event_type: str | None
    """For usage totals, the name of the totals without `stats-`."""
    index: str
    """Name of the exported index, without the instance's prefix."""
    documents: int = 0
    bytes: int = 0
    sha256: str = ""

    @property
    def path(self) -> str:
        """Path of the file, relative to the directory of the export."""
        return f"{self.kind}/{self.index}.jsonl.gz"


@dataclass(frozen=True)
class Manifest:
    """An export, complete or not."""

    version: str
    """Version of the package that wrote the export."""
    started: str
    first: str | None
    """First exported day, or None for all; `first` and `last` are inclusive."""
    last: str | None
    event_types: list[str]
    finished: str | None = None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The mapped fields of the indices of events and totals, by kind and event type."""
    files: list[Part] = field(default_factory=list)

    def is_same_export(self, other: "Manifest") -> bool:
        """Return True if both have the same range of days and event types."""
        return (self.first, self.last, self.event_types) == (other.first, other.last, other.event_types)

    def with_file(self, part: Part) -> "Manifest":
        """Return the manifest with one more file."""
        return replace(self, files=[*self.files, part])


def locate(folder: Path, part: Part) -> Path:
    """Return the path of a file; ArchiveError if a symbolic link leads to another one."""
    path = folder / part.path
    if path.resolve() != folder.resolve() / part.path:
        raise ArchiveError(f"{path} is behind a symbolic link. Put the file itself there.")
    return path


def save(folder: Path, manifest: Manifest) -> None:
    """Write the manifest to a directory atomically."""
    part = folder / f"{NAME}.part"
    part.write_text(json.dumps({"format": FORMAT_VERSION, **asdict(manifest)}, indent=1) + "\n")
    part.replace(folder / NAME)


def load(folder: Path) -> Manifest:
    """Read the manifest of a directory; ArchiveError if it is missing, ManifestError if it is invalid.

    It may come from anywhere: only names of a possible file are returned, but not only those of this instance.
    """
    path = folder / NAME
    try:
        values = json.loads(path.read_text("utf-8"))
        form = values.pop("format")
        if form != FORMAT_VERSION:
            raise ManifestError(
                f"{path} has format {form!r}, and this release reads {FORMAT_VERSION}. Use the release that wrote it."
            )
        values["files"] = [Part(**entry) for entry in values["files"]]
        manifest = Manifest(**values)
    except FileNotFoundError as error:
        raise ArchiveError(f"{folder} has no {NAME}. Name the directory of an export.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ManifestError(f"{path} cannot be read ({type(error).__name__}). Export again.") from error
    for part in manifest.files:
        if not _is_possible(part):
            raise ManifestError(f"{path} names the file {part.path!r}, which no export has. Export again.")
    if not _are_mappings(manifest.fields):
        raise ManifestError(f"{path} has 'fields' that are no mappings. Export again.")
    return manifest


def _is_possible(part: Part) -> bool:
    is_named = isinstance(part.index, str) and _INDEX.fullmatch(part.index) and ".." not in part.index
    is_typed = part.event_type is None or isinstance(part.event_type, str)
    is_counted = all(type(number) is int and number >= 0 for number in (part.documents, part.bytes))
    return bool(part.kind in KINDS and is_named and is_typed and is_counted and isinstance(part.sha256, str))


def _are_mappings(fields: object) -> bool:
    """Return True for an object of objects of objects: the mappings of fields, by kind and event type."""
    if not isinstance(fields, dict) or not all(isinstance(mapped, dict) for mapped in fields.values()):
        return False
    return all(isinstance(mapping, dict) for mapped in fields.values() for mapping in mapped.values())
