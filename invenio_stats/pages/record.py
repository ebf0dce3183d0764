"""The page of a record: how often it was viewed and its files were downloaded, all versions together or one."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.errors import NotFoundError
from invenio_stats.items.access import ANONYMOUS, current_identity
from invenio_stats.items.metadata import ItemMetadata, describe_items
from invenio_stats.items.shown import describe_readable
from invenio_stats.pages import sections, wording
from invenio_stats.pages.frame import link_to_page, make_frame, make_notices, make_usage_key
from invenio_stats.pages.page import Answer, Answers, Asked, Page, Subject
from invenio_stats.pages.rankings import make_files_table, make_versions_table, write_last_months
from invenio_stats.pages.tables import KeyNumber, Link, Part
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.parameters import Accepted

FILES, VERSIONS = 25, 100
"""Rows of the tables."""
_NO_FILES = "metadata-only"
_V_OF_VERSION = re.compile(r"^v(?=\d)", re.IGNORECASE)
"""The page says "Version" itself."""


class Record(NamedTuple):
    """What is known of a record before it is asked about."""

    item_id: str
    """The version that was asked for, or the newest one that may be read."""
    is_item: bool
    """Whether the address names a version; else it names all versions together."""
    parent_id: str
    metadata: ItemMetadata
    versions: int
    """How many there are."""

    @property
    def has_files(self) -> bool:
        """Whether there is anything to download."""
        return self.metadata.access_status != _NO_FILES


def read_subject(record: str) -> Subject:
    """Return what the page is about; NotFoundError for a record that is unknown or hidden."""
    access = current_stats.access
    ids = access.item_of(record)
    if ids is None:
        raise NotFoundError
    asked = ids.item_id or ids.parent_id
    shown = describe_readable(access, current_stats.item_metadata, current_identity(), [asked]).get(asked)
    if shown is None:
        raise NotFoundError
    found = Record(
        shown.item_id, ids.item_id is not None, ids.parent_id, shown.metadata, len(access.versions(ids.parent_id)) or 1
    )
    accepted = Accepted("record", "all", has_interval=True, has_versions=found.is_item)
    return Subject(
        "record", "record-total", {"record": record}, accepted, "record-series", found.metadata.title, known=found
    )


def build_page(asked: Asked) -> Page:
    """Return the page; an error if its key numbers cannot be answered."""
    params, record = asked.params(), asked.subject.known
    questions: dict[str, tuple[str, Mapping[str, Any]]] = {
        "total": ("total", params),
        "series": ("series", params),
        "versions": ("versions", {**params, "size": VERSIONS, "compare": "none"}),
        "countries": ("countries", params),
    }
    if record.has_files:
        questions["files"] = ("files", {**params, "size": FILES, "compare": "none"})
    answers = Answers(asked, questions)
    total = answers.need("total")
    has_files = record.has_files or total["downloads"] > 0
    keys = [make_usage_key(total, "views")]
    if has_files:
        volume = KeyNumber(_("Data volume"), wording.write_size(total["volume"]), [_("sent to readers")])
        keys = [make_usage_key(total, "downloads"), *keys, volume]
    is_one_version = asked.choice.parameters.versions == "this"
    return Page(
        kicker=_("Statistics of a record"),
        about=_about(record),
        lead=_lead(total, record, is_one_version, has_files),
        bars=[(_("Versions"), _version_links(asked, record))] if record.is_item and record.versions > 1 else [],
        keys=keys,
        notices=make_notices(total, asked.choice, _published(record)),
        parts={
            "series": sections.make_series(answers, asked, downloads=has_files),
            "versions": _versions(answers, asked, record, has_files) if record.versions > 1 else None,
            "countries": None
            if is_one_version or not has_files
            else sections.make_origins(answers, asked, "countries"),
            "files": _files(answers, asked, record) if has_files else None,
            "badge": _badge(record, "downloads" if has_files else "views"),
        },
        answers=answers,
        **make_frame(total, asked.choice, sections.interval_of(answers, asked), asked.now),
    )


def _badge(record: Record, metric: str) -> Link | None:
    """Return the address of the badge; None for a record that not everybody may read, which has none."""
    if record.item_id not in current_stats.access.readable_items(ANONYMOUS, [record.item_id]):
        return None
    address = link_to_page("badge", record=record.item_id, metric=metric)
    name = _("Badge: downloads of all versions") if metric == "downloads" else _("Badge: views of all versions")
    return None if address is None else Link(name, address)


def _about(record: Record) -> list[str | Link]:
    metadata = record.metadata
    about: list[str | Link] = [Link(_("To the record"), metadata.url)] if metadata.url else []
    about += [metadata.type_label] if metadata.type_label else []
    day = _day(metadata)
    about += [_("published %(day)s", day=day)] if day else []
    return about + ([wording.write_access(metadata.access_status)] if metadata.access_status else [])


def _day(metadata: ItemMetadata) -> str:
    """Return the day of publication in words; empty if less than the day is known."""
    try:
        return wording.write_day(date.fromisoformat(metadata.publication_date or ""))
    except ValueError:
        return ""


def _published(record: Record) -> str:
    day = _day(record.metadata)
    return _("This record was published on %(day)s.", day=day) if day else ""


def _lead(total: Answer, record: Record, is_one_version: bool, has_files: bool) -> list[str]:
    lead = []
    if is_one_version:
        lead.append(_("This version only."))
    elif record.versions > 1:
        count = wording.write_number(record.versions)
        lead.append(_("All %(count)s versions together.", count=count))
    if has_files:
        number = total["downloads"]
        lead.append(
            ngettext(
                "Files were downloaded %(count)s time.",
                "Files were downloaded %(count)s times.",
                number,
                count=wording.write_number(number),
            )
        )
    number = total["views"]
    lead.append(
        ngettext(
            "The record was viewed %(count)s time.",
            "The record was viewed %(count)s times.",
            number,
            count=wording.write_number(number),
        )
    )
    return lead


def name_versions(rows: Sequence[Answer]) -> dict[str, tuple[str, str]]:
    """Return label and day of publication of each version; the title if it has no label."""
    known = describe_items(current_stats.item_metadata, [row["id"] for row in rows if row["id"]])
    return {item: (found.version or found.title, _day(found)) for item, found in known.items()}


def _version_links(asked: Asked, record: Record) -> list[Link]:
    label = _V_OF_VERSION.sub("", record.metadata.version or "")
    only = _("Version %(label)s only", label=label) if label else _("This version only")
    chosen = asked.choice.parameters.versions
    return [
        Link(_("All versions"), asked.choice.link(versions=None), is_current=chosen == "all"),
        Link(only, asked.choice.link(versions="this"), is_current=chosen == "this"),
    ]


def _versions(answers: Answers, asked: Asked, record: Record, has_files: bool) -> Part | None:
    about = _(
        "The sum over versions is the number of all versions. Unique numbers do not add up: who reads two versions in "
        "one session is one."
    )

    def make(part: Part, answer: Answer) -> Part:
        order = current_stats.access.versions(record.parent_id)
        rows = sorted(
            answer["rows"], key=lambda row: order.index(row["id"]) if row["id"] in order else -1, reverse=True
        )
        names = name_versions(rows)
        address = sections.address_of("record", asked.choice, versions="this")
        # A sum that lacks rows would not be that of all versions.
        has_all = answer["count"] <= len(answer["rows"])
        part = part._replace(about=about if rows else "")
        return make_versions_table(part, {**answer, "rows": rows}, address, names, has_files, has_all)

    return answers.section(Part("versions", _("Versions")), "versions", make)


def _files(answers: Answers, asked: Asked, record: Record) -> Part | None:
    def make(part: Part, answer: Answer) -> Part:
        sizes = dict(current_stats.access.files([record.item_id]).get(record.item_id, []))
        about = [
            _("Files of the same name in several versions are one line."),
            write_last_months(asked.choice.parameters.last),
            _("Whoever takes two files within an hour is one unique download of the record, and one of each file."),
        ]
        count = answer["count"]
        has_all = count <= len(answer["rows"])
        text = ngettext("All %(count)s file", "All %(count)s files", count, count=wording.write_number(count))
        links = [] if has_all else sections.make_list_links(asked, "files", text)
        part = part._replace(about=" ".join(about) if answer["rows"] else "")
        made = make_files_table(part, answer, sizes, has_all)
        return made._replace(links=links)

    return answers.section(Part("files", _("Files")), "files", make)
