"""The page of the whole repository: how it is used, and what is used most."""

from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.items.access import current_identity
from invenio_stats.pages import sections, wording
from invenio_stats.pages.frame import counted_days, make_frame, make_notices, make_usage_key
from invenio_stats.pages.page import Answer, Answers, Asked, Page, Subject
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.parameters import Accepted

RECORDS, COMMUNITIES, UPLOADERS = 10, 5, 10
"""Rows of the lists."""


def read_subject() -> Subject:
    """Return what the page is about."""
    accepted = Accepted("repository", has_interval=True)
    title = _("How this repository is used")
    return Subject(
        "repository",
        "repository-total",
        {},
        accepted,
        "repository-series",
        title,
        # For administrators the page has the part that names uploaders.
        names_people=current_stats.access.is_administrator(current_identity()),
    )


def build_page(asked: Asked) -> Page:
    """Return the page; an error if its key numbers cannot be answered."""
    params = asked.params()
    answers = Answers(
        asked,
        {
            "total": ("total", params),
            "series": ("series", params),
            "records": ("records", {**params, "size": RECORDS}),
            "countries": ("countries", params),
            "ratio": ("open-ratio", params),
            "communities": ("communities", {**params, "size": COMMUNITIES, "compare": "none"}),
            "holdings": ("holdings", {"by": "access_status"}),
            "new": ("new-records", asked.day_params()),
            "uploaders": ("uploaders", {"size": UPLOADERS}),
        },
    )
    total = answers.need("total")
    return Page(
        kicker=_("Statistics of the repository"),
        lead=_lead(total),
        keys=[
            make_usage_key(total, "downloads"),
            make_usage_key(total, "views"),
            *sections.make_holdings_keys(answers, asked),
        ],
        notices=make_notices(total, asked.choice),
        parts={
            "series": sections.make_series(answers, asked),
            "records": sections.make_top_records(answers, asked),
            "countries": sections.make_origins(answers, asked, "countries"),
            "access": sections.make_access(answers, asked),
            "new": sections.make_new_records(answers),
            "communities": sections.make_top_communities(answers, asked),
            "uploaders": sections.make_uploaders(
                answers, asked, _("Only administrators of this repository see this part.")
            ),
        },
        answers=answers,
        **make_frame(total, asked.choice, sections.interval_of(answers, asked), asked.now),
    )


def _lead(total: Answer) -> list[str]:
    """Return the answer in words, with full numbers: people quote it."""
    downloads, views = total["downloads"], total["views"]
    ends = wording.write_range(counted_days(total))
    values = {"count": wording.write_number(downloads), **ends}
    return [
        wording.choose(
            ends,
            ngettext(
                "From %(first)s to %(last)s, files were downloaded %(count)s time.",
                "From %(first)s to %(last)s, files were downloaded %(count)s times.",
                downloads,
                **values,
            ),
            ngettext(
                "On %(day)s, files were downloaded %(count)s time.",
                "On %(day)s, files were downloaded %(count)s times.",
                downloads,
                **values,
            ),
        ),
        ngettext(
            "Records were viewed %(count)s time.",
            "Records were viewed %(count)s times.",
            views,
            count=wording.write_number(views),
        ),
    ]
