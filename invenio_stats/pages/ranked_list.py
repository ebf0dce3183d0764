"""The page of a ranked list in full, page by page: of the repository, a community, a record or a user."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.errors import NotFoundError
from invenio_stats.pages import community, record, repository, sections, user, wording
from invenio_stats.pages.asking import is_asked
from invenio_stats.pages.breakdowns import make_breakdown
from invenio_stats.pages.frame import link_to_page, make_basis, make_form, make_notices
from invenio_stats.pages.page import Answer, Answers, Asked, Page, Subject
from invenio_stats.pages.parameters import SIZES, Choice, link_to
from invenio_stats.pages.rankings import make_ranking, make_uploaders_table, metric_name
from invenio_stats.pages.tables import Link, Part
from invenio_stats.permissions import user_id
from invenio_stats.queries.usage.parameters import MAX_PAGED_ROWS

_USAGE = ("downloads", "views", "volume")


class Scope(NamedTuple):
    """What a list can be limited to; it has a page of the same name."""

    find: Callable[[str], Subject]
    lists: tuple[str, ...]


SCOPES: Mapping[str, Scope] = {
    "community": Scope(community.read_subject, ("records", "countries", "hosts", "uploaders")),
    "record": Scope(record.read_subject, ("files", "versions", "countries", "hosts")),
    "user": Scope(lambda value: _find_user(value), ("records",)),
}
"""By the parameter that limits a list; other lists are those of the whole repository."""
_OF_REPOSITORY = ("records", "communities", "countries", "hosts", "uploaders")
_BREAKDOWNS, _FROM_DATABASE = ("countries", "hosts"), ("uploaders",)
_ORDERS: Mapping[str, tuple[str, ...]] = {
    "countries": ("downloads",),
    "hosts": ("views",),
    "files": ("downloads", "volume"),
    "uploaders": ("records", "files", "bytes"),
}
"""What a list is ordered by, the default first; others by use."""


class ListName(NamedTuple):
    """Which list a page has."""

    name: str
    scope: str


def read_subject(name: str) -> Subject:
    """Return what the page is about; NotFoundError for a list that there is not, or for something unknown."""
    # A second limit is an unknown parameter.
    scope = next((scope for scope in SCOPES if request.args.get(scope)), "repository")
    if scope in SCOPES:
        about, known = SCOPES[scope].find(request.args[scope]), SCOPES[scope].lists
    else:
        about, known = repository.read_subject(), _OF_REPOSITORY
    query = f"{scope}-{name}"
    if name not in known or not is_asked(query):
        raise NotFoundError
    title = _titles()[name]
    accepted = about.accepted._replace(
        by=_ORDERS.get(name, _USAGE), has_interval=False, compares=name not in (*_BREAKDOWNS, *_FROM_DATABASE)
    )
    return about._replace(
        query=query,
        accepted=accepted,
        file=query,
        title=title if scope == "repository" else f"{title}: {about.title}",
        names_people=about.names_people or name in _FROM_DATABASE,
        known=ListName(name, scope),
    )


def _find_user(value: str) -> Subject:
    return user.read_own_subject() if value == user_id() else user.read_subject(value)


def _titles() -> dict[str, str]:
    return {
        "records": _("Most used records"),
        "communities": _("Most used communities"),
        "countries": _("Where readers come from"),
        "hosts": _("How readers got here"),
        "uploaders": _("Who uploads"),
        "files": _("Files"),
        "versions": _("Versions"),
    }


def build_page(asked: Asked) -> Page:
    """Return the page; an error if the list cannot be answered."""
    name, choice = asked.subject.known.name, asked.choice
    chosen = choice.parameters
    answers = Answers(asked, {"list": (name, asked.params(by=chosen.by, page=chosen.page, size=chosen.size))})
    answer = answers.need("list")
    count = len(answer["rows"]) if name in _BREAKDOWNS else answer["count"]
    has_days = bool(answer.get("from"))
    return Page(
        kicker=_("A list in full"),
        about=[_link_back(asked)],
        lead=[_count(count, name)],
        basis=make_basis(answer) if has_days else [],
        choice=choice,
        answers=answers,
        notices=make_notices({**answer, "views": count, "downloads": count}, choice) if has_days else [],
        bars=[(_("Order"), _orders(asked))] if len(asked.subject.accepted.by) > 1 else [],
        form=None if name in _FROM_DATABASE else _form(asked, answer),
        parts={
            "list": _make_part(Part("list", asked.subject.title), answer, asked),
            "pages": _page_links(choice, count),
            "sizes": [
                Link(wording.write_number(size), choice.link(size=size, page=None), is_current=size == chosen.size)
                for size in SIZES
            ],
        },
    )


def _link_back(asked: Asked) -> Link:
    scope = asked.subject.known.scope
    values = {} if scope == "repository" else asked.subject.params
    kept = {name: value for name, value in asked.choice.given.items() if name in ("period", "from", "to")}
    return Link(_("Back to the statistics"), link_to(str(link_to_page(scope, **values)), kept))


def _form(asked: Asked, answer: Answer) -> dict[str, Any]:
    days = asked.choice.days
    ends = (days.first.isoformat(), days.last.isoformat()) if days else (answer["from"] or "", answer["to"] or "")
    return make_form(asked.choice, *ends, "", asked.now.date())


def _make_part(part: Part, answer: Answer, asked: Asked) -> Part:
    name, choice = asked.subject.known.name, asked.choice
    chosen, by = choice.parameters, str(choice.parameters.by)
    if name in _BREAKDOWNS:
        return make_breakdown(part, answer, choice, (chosen.page - 1) * chosen.size, chosen.size)
    if name in _FROM_DATABASE:
        return make_uploaders_table(part, answer, by, sections.address_of_user())
    headings = {"records": _("Record"), "communities": _("Community"), "files": _("File"), "versions": _("Version")}
    if name == "versions":  # all have the title of the record
        names = record.name_versions(answer["rows"])
        rows = [{**row, "title": names[row["id"]][0] if row["id"] in names else row["title"]} for row in answer["rows"]]
        days = {item: day for item, (_label, day) in names.items()}
        address = sections.address_of("record", choice, versions="this")
        return make_ranking(part, {**answer, "rows": rows}, by, headings[name], address, days)
    endpoint = {"records": "record", "communities": "community"}.get(name)
    address = sections.address_of(endpoint, choice) if endpoint else lambda key: None
    notes = sections.describe_rows(answer["rows"]) if name == "records" else {}
    return make_ranking(part, answer, by, headings[name], address, notes)


def _count(count: int, name: str) -> str:
    number = wording.write_number(count)
    if name == "communities":
        return ngettext("%(count)s community.", "%(count)s communities.", count, count=number)
    if name == "countries":
        return ngettext("%(count)s country.", "%(count)s countries.", count, count=number)
    if name == "hosts":
        return ngettext("%(count)s site.", "%(count)s sites.", count, count=number)
    if name == "uploaders":
        return ngettext("%(count)s uploader.", "%(count)s uploaders.", count, count=number)
    if name == "files":
        return ngettext("%(count)s file.", "%(count)s files.", count, count=number)
    if name == "versions":
        return ngettext("%(count)s version.", "%(count)s versions.", count, count=number)
    return ngettext("%(count)s record.", "%(count)s records.", count, count=number)


def _orders(asked: Asked) -> list[Link]:
    default, *others = asked.subject.accepted.by
    return [
        Link(
            metric_name(by),
            asked.choice.link(by=None if by == default else by, page=None),
            is_current=by == asked.choice.parameters.by,
        )
        for by in (default, *others)
    ]


def _page_links(choice: Choice, count: int) -> tuple[Link | None, str, Link | None]:
    """Return the page before, which page this is, and the next page."""
    page, size = choice.parameters.page, choice.parameters.size
    pages = max(1, -(-min(count, MAX_PAGED_ROWS) // size))
    before = Link(_("Previous page"), choice.link(page=page - 1 if page > 2 else None)) if page > 1 else None
    after = Link(_("Next page"), choice.link(page=page + 1)) if page < pages else None
    text = _("Page %(page)s of %(pages)s", page=wording.write_number(page), pages=wording.write_number(pages))
    return before, text, after
