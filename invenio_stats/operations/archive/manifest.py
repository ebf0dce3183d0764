"""Manifest: what an export holds, with a checksum of each file; the last thing that is written of it."""

import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from invenio_stats.errors import ArchiveError

NAME = "manifest.json"
FORMAT = 1

_PATH = re.compile(r"[\w%+~-][\w.%+~-]*(?:/[\w%+~-][\w.%+~-]*)*\.jsonl\.gz")

Kind = Literal["totals", "automated", "events", "agents", "ingest", "completeness", "bookmarks"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they are imported: the bookmarks last, so that what was not imported is not passed by."""


@dataclass(frozen=True)
class Part:
    """One file."""

    kind: Kind
    event_type: str | None
    index: str
    """The index that it was, without the instance's prefix."""
    documents: int = 0
    bytes: int = 0
    sha256: str = ""

    @property
    def path(self) -> str:
        """Where the file lies in the directory."""
        return f"{self.kind}/{self.index}.jsonl.gz"


@dataclass(frozen=True)
class Manifest:
    """An export, complete or not."""

    version: str
    """Of the package that made it."""
    started: str
    first: str | None
    """From which day on, or None; both ends belong to it."""
    last: str | None
    event_types: list[str]
    finished: str | None = None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The mapped fields of the indices of events and totals, by kind and event type."""
    files: list[Part] = field(default_factory=list)

    def is_same_export(self, other: "Manifest") -> bool:
        """Say whether two are attempts at the same."""
        return (self.first, self.last, self.event_types) == (other.first, other.last, other.event_types)

    def with_file(self, part: Part) -> "Manifest":
        """Return it with one file more."""
        return replace(self, files=[*self.files, part])


def save(folder: Path, manifest: Manifest) -> None:
    """Write it, all or nothing."""
    part = folder / f"{NAME}.part"
    part.write_text(json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1) + "\n")
    part.replace(folder / NAME)


def load(folder: Path) -> Manifest:
    """Read it; ArchiveError where there is none, or one of another kind."""
    path = folder / NAME
    try:
        values = json.loads(path.read_text())
        form = values.pop("format")
        if form != FORMAT:
            raise ArchiveError(
                f"{path} has format {form!r}, and this release reads {FORMAT}. Use the one that made it."
            )
        values["files"] = [Part(**one) for one in values["files"]]
        manifest = Manifest(**values)
    except FileNotFoundError as error:
        raise ArchiveError(f"{folder} holds no {NAME}. Name the directory of an export.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{path} cannot be read ({type(error).__name__}). Export again.") from error
    for part in manifest.files:
        if part.kind not in KINDS or not _PATH.fullmatch(part.path) or ".." in part.path:
            raise ArchiveError(f"{path} names the file {part.path!r}, which no export has. Export again.")
    return manifest
