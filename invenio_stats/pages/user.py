"""The page of a user: how the records that the user owns are used, for that user and for administrators."""

from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.errors import NotFoundError, NotPermittedError
from invenio_stats.items.access import current_identity
from invenio_stats.pages import sections, wording
from invenio_stats.pages.frame import counted_days, make_frame, make_notices, make_usage_key
from invenio_stats.pages.page import Answer, Answers, Asked, Page, Subject
from invenio_stats.pages.rankings import make_records_table, write_last_months
from invenio_stats.pages.tables import KeyNumber, Part
from invenio_stats.permissions import user_id
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.parameters import Accepted

RECORDS = 25
"""Rows of the list."""


def read_own_subject() -> Subject:
    """Return the page of the visitor; NotPermittedError if nobody is signed in."""
    own = user_id()
    if own is None:
        raise NotPermittedError(401, _("Log in to see the statistics of your records."))
    return _make_subject(own, _("My statistics"))


def read_subject(user: str) -> Subject:
    """Return the page of any user, for administrators; NotPermittedError for others, NotFoundError without a name."""
    if not current_stats.access.is_administrator(current_identity()):
        raise NotPermittedError(401 if user_id() is None else 403, _("These numbers are for administrators."))
    name = current_stats.access.user_names([user]).get(user)
    if name is None and not current_stats.access.items_of(user):
        raise NotFoundError
    return _make_subject(user, _("Statistics of %(name)s", name=name or user))


def _make_subject(user: str, title: str) -> Subject:
    accepted = Accepted("user", has_interval=True)
    return Subject("user", "user-total", {"user": user}, accepted, "user-series", title, names_people=True)


def build_page(asked: Asked) -> Page:
    """Return the page; an error if its key numbers cannot be answered."""
    params = asked.params()
    answers = Answers(
        asked,
        {"total": ("total", params), "series": ("series", params), "records": ("records", {**params, "size": RECORDS})},
    )
    total = answers.need("total")
    is_own = asked.subject.params["user"] == user_id()
    return Page(
        kicker=_("Only you and the managers of this repository see this page")
        if is_own
        else _("Only this user and the managers of this repository see this page"),
        lead=_lead(total, is_own),
        keys=[make_usage_key(total, "downloads"), make_usage_key(total, "views"), *_count_records(answers)],
        notices=make_notices(total, asked.choice),
        parts={
            "series": sections.make_series(answers, asked, views=False),
            "records": _records(answers, asked, is_own),
        },
        answers=answers,
        **make_frame(total, asked.choice, sections.interval_of(answers, asked), asked.now),
    )


def _lead(total: Answer, is_own: bool) -> list[str]:
    downloads = total["downloads"]
    ends = wording.write_range(counted_days(total))
    values = {"count": wording.write_number(downloads), **ends}
    if is_own:
        several = ngettext(
            "From %(first)s to %(last)s, files of your records were downloaded %(count)s time.",
            "From %(first)s to %(last)s, files of your records were downloaded %(count)s times.",
            downloads,
            **values,
        )
        single = ngettext(
            "On %(day)s, files of your records were downloaded %(count)s time.",
            "On %(day)s, files of your records were downloaded %(count)s times.",
            downloads,
            **values,
        )
    else:
        several = ngettext(
            "From %(first)s to %(last)s, files of these records were downloaded %(count)s time.",
            "From %(first)s to %(last)s, files of these records were downloaded %(count)s times.",
            downloads,
            **values,
        )
        single = ngettext(
            "On %(day)s, files of these records were downloaded %(count)s time.",
            "On %(day)s, files of these records were downloaded %(count)s times.",
            downloads,
            **values,
        )
    return [wording.choose(ends, several, single)]


def _count_records(answers: Answers) -> list[KeyNumber]:
    records = answers.get("records")
    return [] if records is None else [KeyNumber(_("Records used"), wording.write_number(records["count"]), [])]


def _records(answers: Answers, asked: Asked, is_own: bool) -> Part | None:
    def make(part: Part, answer: Answer) -> Part:
        count = answer["count"]
        text = ngettext("All %(count)s record", "All %(count)s records", count, count=wording.write_number(count))
        links = sections.make_list_links(asked, "records", text) if count > len(answer["rows"]) else []
        about = write_last_months(asked.choice.parameters.last) if answer["rows"] else ""
        part = part._replace(about=about)
        return make_records_table(part, answer, sections.address_of("record", asked.choice))._replace(links=links)

    return answers.section(Part("records", _("My records") if is_own else _("Records")), "records", make)
