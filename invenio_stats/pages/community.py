"""The page of a community: how its records are used, and for its managers who uploads them."""

from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.errors import NotFoundError
from invenio_stats.items.access import current_identity
from invenio_stats.pages import sections, wording
from invenio_stats.pages.frame import counted_days, make_frame, make_notices, make_usage_key
from invenio_stats.pages.page import Answer, Answers, Asked, Page, Subject
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.parameters import Accepted

RECORDS, UPLOADERS = 10, 10
"""Rows of the lists."""


def read_subject(community: str) -> Subject:
    """Return what the page is about; NotFoundError for a community that is unknown or hidden."""
    access, identity = current_stats.access, current_identity()
    found = access.community(community)
    if found is None or not access.may_see_community(identity, found.id):
        raise NotFoundError
    accepted = Accepted("community", has_interval=True)
    return Subject(
        "community",
        "community-total",
        {"community": community},
        accepted,
        "community-series",
        found.title,
        # For its managers the page has the part that names uploaders.
        names_people=access.manages_community(identity, found.id),
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
            "hosts": ("hosts", params),
            "countries": ("countries", params),
            "ratio": ("open-ratio", params),
            "holdings": ("holdings", {**asked.subject.params, "by": "access_status"}),
            "new": ("new-records", asked.day_params()),
            "uploaders": ("uploaders", {**asked.subject.params, "size": UPLOADERS}),
        },
    )
    total = answers.need("total")
    return Page(
        kicker=_("Statistics of a community"),
        lead=_lead(total),
        more_basis=_("A record counts for the community on the days it belonged to it."),
        keys=[
            make_usage_key(total, "downloads"),
            make_usage_key(total, "views"),
            *sections.make_holdings_keys(answers, asked),
        ],
        notices=make_notices(total, asked.choice),
        parts={
            "series": sections.make_series(answers, asked),
            "records": sections.make_top_records(answers, asked),
            "hosts": sections.make_origins(answers, asked, "hosts"),
            "countries": sections.make_origins(answers, asked, "countries"),
            "access": sections.make_access(answers, asked),
            "new": sections.make_new_records(answers),
            "uploaders": sections.make_uploaders(answers, asked, _("Only managers of this community see this part.")),
        },
        answers=answers,
        **make_frame(total, asked.choice, sections.interval_of(answers, asked), asked.now),
    )


def _lead(total: Answer) -> list[str]:
    downloads, views = total["downloads"], total["views"]
    ends = wording.write_range(counted_days(total))
    values = {"count": wording.write_number(downloads), **ends}
    return [
        wording.choose(
            ends,
            ngettext(
                "From %(first)s to %(last)s, files of this community were downloaded %(count)s time.",
                "From %(first)s to %(last)s, files of this community were downloaded %(count)s times.",
                downloads,
                **values,
            ),
            ngettext(
                "On %(day)s, files of this community were downloaded %(count)s time.",
                "On %(day)s, files of this community were downloaded %(count)s times.",
                downloads,
                **values,
            ),
        ),
        ngettext(
            "Its records were viewed %(count)s time.",
            "Its records were viewed %(count)s times.",
            views,
            count=wording.write_number(views),
        ),
    ]
