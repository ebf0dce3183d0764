"""Import an export into the search engine without overwriting newer documents; repeating it changes nothing."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.configured import known_event_types
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core import names
from invenio_stats.core.intervals import after
from invenio_stats.core.moments import END, parse
from invenio_stats.errors import ArchiveError, ManifestError
from invenio_stats.operations.archive import files
from invenio_stats.operations.archive.document_merger import DOCUMENTS_PER_PAGE, OUTCOMES, DocumentMerger, Outcome
from invenio_stats.operations.archive.export import bookmarks_of
from invenio_stats.operations.archive.files import Progress
from invenio_stats.operations.archive.manifest import KINDS, Manifest, Part, load, locate
from invenio_stats.operations.archive.targets import Target
from invenio_stats.operations.corrections import note_correction
from invenio_stats.operations.inventory import kind_of_name
from invenio_stats.search.scan import pages

_NUMBERS = {"events": "events", "totals": "totals", "usage": "totals"}
"""What the documents of a kind are called in the log of corrections; others are no published numbers."""
_MONTH = re.compile(r"\d{4}(-\d{2})?(?=(-\d{2})?$)")
"""The year, and the month if it is known, in the name of an index."""

Outcomes = dict[str, dict[Outcome, int]]
"""Numbers of documents by kind and outcome."""


def read_verified(folder: Path, bar: Progress) -> Manifest:
    """Return the manifest of an export after comparing all files with their checksums.

    ArchiveError if the export is not complete, or a file is missing or changed; ManifestError if it names an index
    that does not belong to this instance, or to the kind and event type of its file.
    """
    manifest = load(folder)
    for part in manifest.files:
        if kind_of_name(part.index) != (part.kind, part.event_type):
            of = f"{part.kind} of {part.event_type!r}" if part.event_type else part.kind
            raise ManifestError(
                f"{folder} contains the index {part.index!r}, which is not one for {of} in this instance. Configure "
                "its event type in STATS_EVENTS, or export again without it."
            )
    if not manifest.finished:
        raise ArchiveError(f"The export in {folder} was interrupted. Run the same `invenio stats export` again first.")
    for part in manifest.files:
        path = locate(folder, part)
        if not path.is_file():
            raise ArchiveError(f"{path} is missing. Copy the export again, or export again.")
        bar.begin(part.index, part.bytes)
        if path.stat().st_size != part.bytes or files.checksum(path, bar.advance) != part.sha256:
            raise ArchiveError(
                f"{path} is not what was exported: its checksum differs. Copy it again, or export again."
            )
    return manifest


def restore(client: Any, folder: Path, manifest: Manifest, is_dry: bool, bar: Progress) -> Outcomes:
    """Import a verified export and return the outcomes; with `is_dry` only determine them.

    Stored documents that are not older stay. Bookmarks move back to the oldest imported event, so that the next run
    counts the imported events.
    """
    now = datetime.now(timezone.utc)
    outcomes: Outcomes = {}
    imported: dict[str, Counter[str]] = {}
    if not is_dry:
        _judge_completeness(client, manifest, now)
    # In the order of KINDS: bookmarks last, see there.
    for part in sorted(manifest.files, key=lambda part: KINDS.index(part.kind)):
        if part.kind == "completeness":
            outcomes[part.kind] = _raise_days(client, files.read(locate(folder, part)), is_dry, now)
            continue
        target = Target(client, part, manifest.fields.get(f"{part.kind}/{part.event_type}", {}), now)
        merger = DocumentMerger(client, target, is_dry, _make_rewind(client, part))
        bar.begin(part.index, part.documents)
        for page in pages(_documents(client, folder, part), DOCUMENTS_PER_PAGE):
            merger.merge(page)
            bar.advance(len(page))
        counted = outcomes.setdefault(part.kind, dict.fromkeys(OUTCOMES, 0))
        for outcome, count in merger.outcomes.items():
            counted[outcome] += count
        if part.kind in _NUMBERS and (month := _MONTH.search(part.index)):
            written = merger.outcomes["created"] + merger.outcomes["replaced"]
            imported.setdefault(month[0], Counter())[_NUMBERS[part.kind]] += written
    if not is_dry:
        _have_judged_again(client, manifest)
        client.indices.refresh(index=f"{prefix_index('stats-')}*,{prefix_index('events-stats-')}*")
        raise_revision(client)
        _note_correction(client, imported, now)
    return outcomes


def _note_correction(client: Any, imported: Mapping[str, Counter[str]], now: datetime) -> None:
    """Note how many documents of each month are new or were replaced, unless an earlier import had all of them."""
    written = {month: dict(counts) for month, counts in sorted(imported.items()) if any(counts.values())}
    if written:
        note_correction(client, "import", "An export was imported.", written, now, "invenio stats import")


def _documents(client: Any, folder: Path, part: Part) -> Any:
    """Return the documents of a file; bookmarks only of aggregations that have none in this instance."""
    documents = files.read(locate(folder, part))
    if part.kind != "bookmarks":
        return documents
    known: dict[str, bool] = {}

    def is_unknown(name: str) -> bool:
        if name not in known:
            known[name] = BookmarkAPI(client, name, "day").get_bookmark() is not None
        return not known[name]

    # A document without the field is no bookmark; `Target` refuses it.
    return ((id, source) for id, source in documents if is_unknown(str(source.get("aggregation_type"))))


def _judge_completeness(client: Any, manifest: Manifest, now: datetime) -> None:
    """Judge the first complete days before the import: imported events may hide that others were deleted."""
    for event_type in _event_types(manifest, "events", "totals"):
        events, totals = prefix_index(names.events_alias(event_type)), prefix_index(names.totals_alias(event_type))
        FirstCompleteDay(client, event_type).find(events, totals, "day", now)


def _have_judged_again(client: Any, manifest: Manifest) -> None:
    """Have the days of completeness found again by whoever needs them next, with the imported documents."""
    for event_type in _event_types(manifest, "totals", "automated"):
        FirstCompleteDay(client, event_type).forget_oldest_events()
    for aggregation in bookmarks_of(_event_types(manifest, "events", "totals", "automated")):
        FirstDay(client, aggregation).forget()


def _event_types(manifest: Manifest, *kinds: str) -> list[str]:
    return sorted({part.event_type for part in manifest.files if part.event_type and part.kind in kinds})


def _raise_days(client: Any, documents: Any, is_dry: bool, now: datetime) -> dict[Outcome, int]:
    """Raise the first complete days of this instance to the imported ones; the later day of two stays.

    A day after this year is refused: it would keep everything from being counted again.
    """
    outcomes: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
    known_types = known_event_types()
    for event_type, source in documents:
        try:
            day, kept = parse(source.get("first_complete_day")), FirstCompleteDay(client, event_type)
        except ValueError:
            day = END
        if event_type not in known_types or day > after(now, "year"):
            outcomes["refused"] += 1
            continue
        known = kept.get()
        outcomes["created" if known is None else "same" if day == known else "replaced" if day > known else "kept"] += 1
        if not is_dry:
            kept.raise_to(day)
    return outcomes


def _make_rewind(client: Any, part: Part) -> Callable[[datetime], None]:
    """Return the function that moves bookmarks back before events of a file are written."""
    bookmarks = [BookmarkAPI(client, name, "day") for name in bookmarks_of([str(part.event_type)])]
    reached: list[datetime] = []

    def rewind(moment: datetime) -> None:
        if part.kind == "events" and (not reached or moment < reached[-1]):
            for bookmark in bookmarks:
                bookmark.rewind(moment)
            reached.append(moment)

    return rewind
