"""Describe the files of an export with their checksums, and whether the export is complete."""

import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from invenio_stats.errors import ArchiveError

NAME = "manifest.json"
FORMAT_VERSION = 1

_PATH = re.compile(r"[\w%+~-][\w.%+~-]*(?:/[\w%+~-][\w.%+~-]*)*\.jsonl\.gz")

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


def save(folder: Path, manifest: Manifest) -> None:
    """Write the manifest to a directory atomically."""
    part = folder / f"{NAME}.part"
    part.write_text(json.dumps({"format": FORMAT_VERSION, **asdict(manifest)}, indent=1) + "\n")
    part.replace(folder / NAME)


def load(folder: Path) -> Manifest:
    """Read the manifest of a directory; ArchiveError if it is missing, invalid or of another format."""
    path = folder / NAME
    try:
        values = json.loads(path.read_text())
        form = values.pop("format")
        if form != FORMAT_VERSION:
            raise ArchiveError(
                f"{path} has format {form!r}, and this release reads {FORMAT_VERSION}. Use the release that wrote it."
            )
        values["files"] = [Part(**entry) for entry in values["files"]]
        manifest = Manifest(**values)
    except FileNotFoundError as error:
        raise ArchiveError(f"{folder} has no {NAME}. Name the directory of an export.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{path} cannot be read ({type(error).__name__}). Export again.") from error
    for part in manifest.files:
        if part.kind not in KINDS or not _PATH.fullmatch(part.path) or ".." in part.path:
            raise ArchiveError(f"{path} names the file {part.path!r}, which no export has. Export again.")
    return manifest
