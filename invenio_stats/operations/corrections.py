"""Keep the log of corrections of published numbers: when, what, by which command, and how much in each month."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from flask_babel import gettext as _
from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.intervals import label
from invenio_stats.core.moments import iso_zoned, parse, parse_calendar, to_second, utc
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import read
from invenio_stats.search.scan import hits, read_each

Kind = Literal["reclassification", "exclusion", "rebuild", "import", "restatement"]

Months = Mapping[str, Mapping[str, int]]
"""By month, as in '2026-05', how much each number has changed: {"2026-05": {"views": -3, "downloads": 0}}."""

_BODY: mappings.Body = {
    "settings": mappings.INDEX_SETTINGS,
    "mappings": mappings.mappings(
        {"timestamp": mappings.DATE, "kind": mappings.KEYWORD, "months": mappings.NOT_INDEXED}
    ),
}


class Correction(NamedTuple):
    """A change of numbers that had been published."""

    timestamp: datetime
    kind: Kind
    summary: str
    """What was corrected, in a sentence."""
    command: str
    """By which it was done."""
    months: Months


class Changes:
    """Adds up how much numbers change in each month."""

    def __init__(self) -> None:
        self._sums: dict[str, Counter[str]] = {}

    def add(self, moment: datetime, number: str, change: int) -> None:
        """Add a change of a number, such as `views`, at a moment."""
        self._sums.setdefault(label(moment, "month"), Counter())[number] += change

    @classmethod
    def sum_of(cls, parts: "Iterable[Changes]") -> "Changes":
        """Return the sum of several."""
        whole = cls()
        for part in parts:
            for month, sums in part._sums.items():
                whole._sums.setdefault(month, Counter()).update(sums)
        return whole

    @property
    def months(self) -> dict[str, dict[str, int]]:
        """The sums by month, in order; also those that are 0."""
        return {month: dict(sorted(sums.items())) for month, sums in sorted(self._sums.items())}


def note_correction(
    client: Any,
    kind: Kind,
    summary: str,
    months: Months,
    now: datetime,
    command: str,
    correction_id: str | None = None,
) -> None:
    """Add a correction to the log, which can be read at once.

    `correction_id` is for work that may be repeated after an interruption: noted again, it replaces what it has noted.
    Without it, the same correction at the same time is one.
    """
    index, at = prefix_index(names.CORRECTIONS), iso_zoned(to_second(utc(now)))
    source = {"timestamp": at, "kind": kind, "summary": summary, "command": command, "months": months}
    key = json.dumps([at, kind, summary, command]) if correction_id is None else correction_id
    create_index(client, index, _BODY)
    client.index(index=index, id=_document_id(key), body=source, refresh=True)


def find_unnoted(client: Any, correction_ids: Iterable[str]) -> list[str]:
    """Return those of some ids, as `note_correction` was given them, under which nothing is in the log."""
    wanted = list(correction_ids)
    refs = [{"_index": prefix_index(names.CORRECTIONS), "_id": _document_id(key)} for key in wanted]
    found = read(client, refs) if refs else []
    return [key for key, document in zip(wanted, found, strict=True) if not document.get("found")]


def _document_id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def read_corrections(client: Any) -> list[Correction]:
    """Return all corrections, the latest first; a document that is none is logged and left out."""
    try:
        corrections = list(read_each(hits(client, prefix_index(names.CORRECTIONS)), _read))
    except search.exceptions.NotFoundError:
        return []  # nothing was ever corrected
    return sorted(corrections, key=lambda correction: (correction.timestamp, correction.summary), reverse=True)


def _read(hit: Mapping[str, Any]) -> Correction:
    """Return the correction in a document; ValueError, KeyError or TypeError if it is none."""
    source = hit["_source"]
    correction = Correction(
        parse(source["timestamp"]), source["kind"], source["summary"], source["command"], source["months"]
    )
    if not all(isinstance(text, str) for text in correction[1:4]):
        raise ValueError("A correction is described by texts.")
    for month, changes in dict(correction.months).items():
        parse_calendar(month)
        if not all(type(change) in (int, float) for change in dict(changes).values()):
            raise ValueError("A number changes by a number.")
    return correction


def explain_kind(kind: Kind) -> str:
    """Return what kind of correction it is, for people."""
    texts = {
        "reclassification": _("User agents classified anew"),
        "exclusion": _("Events excluded or included by a person"),
        "rebuild": _("Totals counted again"),
        "import": _("Numbers imported"),
        "restatement": _("A closed month stated again"),
    }
    return texts.get(kind, kind)
