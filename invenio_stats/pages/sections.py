"""Sections that several pages have: each is one question, one heading, and one macro of the templates."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.items.access import current_identity
from invenio_stats.items.metadata import Author
from invenio_stats.items.shown import describe_readable
from invenio_stats.pages import wording
from invenio_stats.pages.access_shares import (
    AccessShares,
    count_holdings,
    make_access_shares,
    open_share_of_holdings,
    open_share_of_use,
)
from invenio_stats.pages.breakdowns import make_breakdown
from invenio_stats.pages.frame import link_to_page
from invenio_stats.pages.page import Answer, Answers, Asked
from invenio_stats.pages.parameters import Choice, link_to
from invenio_stats.pages.rankings import make_ranking, make_uploaders_table
from invenio_stats.pages.series import Metric, make_figure, make_usage_figure, read_days
from invenio_stats.pages.tables import Figure, KeyNumber, Link, Notice, Part
from invenio_stats.proxies import current_stats

_TO_RECORD = ("period", "from", "to")
"""The parameters that stay when a reader goes from a list to a record or community."""
MAX_AUTHORS = 2
"""Authors of a record that a list names; of more, the first one."""


def address_of(endpoint: str, choice: Choice, **others: str) -> Any:
    """Return a function that gives the address of a thing's own page, for the same range, with other parameters."""
    kept = {name: value for name, value in choice.given.items() if name in _TO_RECORD} | others

    def address(key: str) -> str | None:
        page = link_to_page(endpoint, **{endpoint: key})
        return None if page is None else link_to(page, kept)

    return address


def address_of_user() -> Any:
    """Return a function that gives the address of a user's page; None for those who may not open it."""
    if not current_stats.access.is_administrator(current_identity()):
        return lambda key: None
    return lambda key: link_to_page("user", user=key)


def make_list_links(asked: Asked, name: str, text: str, **others: str) -> list[Link]:
    """Return the link to a list in full, with the range of the page; none if the instance does not have it."""
    kept = {name: value for name, value in asked.choice.given.items() if name in (*_TO_RECORD, "compare", "versions")}
    page = link_to_page("ranked_list", name=name)
    return [] if page is None else [Link(text, link_to(page, {**asked.subject.params, **kept, **others}))]


def make_series(answers: Answers, asked: Asked, views: bool = True, downloads: bool = True) -> Figure | None:
    """Return the one good chart."""
    title = _("Views and downloads") if views and downloads else _("Views") if views else _("Downloads")
    return answers.figure(
        Part("f1", title),
        "series",
        lambda part, answer: make_usage_figure(answer, asked.choice, views, downloads),
    )


def interval_of(answers: Answers, asked: Asked) -> str:
    """Return the step of the chart."""
    series = answers.get("series")
    return asked.choice.parameters.interval or "month" if series is None else str(series["params"]["interval"])


def describe_rows(rows: Sequence[Answer]) -> dict[str, str]:
    """Return what stands below the titles of records: type, year and authors, as far as they are known."""
    ids = [row["id"] for row in rows if row["id"]]
    shown = describe_readable(current_stats.access, current_stats.item_metadata, current_identity(), ids)
    return {
        asked: " · ".join(
            filter(None, [item.metadata.type_label, item.metadata.yop, _write_authors(item.metadata.authors)])
        )
        for asked, item in shown.items()
    }


def _write_authors(authors: Sequence[Author]) -> str:
    if len(authors) > MAX_AUTHORS:
        return _("%(name)s et al.", name=authors[0].name)
    return "; ".join(author.name for author in authors)


def make_top_records(answers: Answers, asked: Asked) -> Part | None:
    """Return the most downloaded records."""

    def make(part: Part, answer: Answer) -> Part:
        count = answer["count"]
        text = ngettext("All %(count)s record", "All %(count)s records", count, count=wording.write_number(count))
        links = make_list_links(asked, "records", text) if count > len(answer["rows"]) else []
        links += make_list_links(asked, "records", _("Most viewed records"), by="views") if count else []
        address = address_of("record", asked.choice)
        notes = describe_rows(answer["rows"])
        return make_ranking(part, answer, "downloads", _("Record"), address, notes)._replace(links=links)

    return answers.section(Part("top", _("Most downloaded records")), "records", make)


def make_top_communities(answers: Answers, asked: Asked) -> Part | None:
    """Return the most used communities."""

    def make(part: Part, answer: Answer) -> Part | None:
        count = answer["count"]
        if not count:
            return None
        text = ngettext(
            "All %(count)s community", "All %(count)s communities", count, count=wording.write_number(count)
        )
        links = make_list_links(asked, "communities", text) if count > len(answer["rows"]) else []
        address = address_of("community", asked.choice)
        return make_ranking(part, answer, "downloads", _("Community"), address)._replace(links=links)

    return answers.part(Part("communities", _("Most used communities")), "communities", make, lambda failed: failed)


def make_uploaders(answers: Answers, asked: Asked, audience: str) -> Part | None:
    """Return who uploads, for those who may know; None for others, who do not see the heading either.

    `audience` is a sentence that says who these are.
    """
    notice = Notice(audience, _("It names people; please do not pass it on without asking them."), is_plain=True)

    def make(part: Part, answer: Answer) -> Part:
        count = answer["count"]
        text = ngettext("All %(count)s uploader", "All %(count)s uploaders", count, count=wording.write_number(count))
        links = make_list_links(asked, "uploaders", text) if count > len(answer["rows"]) else []
        return make_uploaders_table(part, answer, "records", address_of_user())._replace(links=links)

    return answers.section(Part("uploaders", _("Who uploads"), notice=notice), "uploaders", make)


def make_origins(answers: Answers, asked: Asked, key: str) -> Part | None:
    """Return where readers come from, `countries`, or the sites that linked, `hosts`."""
    titles = {"countries": _("Where readers come from"), "hosts": _("How readers got here")}
    texts = {"countries": _("All countries"), "hosts": _("All sites")}
    shown = 8

    def make(part: Part, answer: Answer) -> Part:
        made = make_breakdown(part, answer, asked.choice, size=shown)
        is_longer = made.table is not None and len(answer["rows"]) > shown
        return made._replace(links=make_list_links(asked, key, texts[key]) if is_longer else [])

    return answers.section(Part(key, titles[key]), key, make)


def make_access(answers: Answers, asked: Asked) -> AccessShares | None:
    """Return open and restricted, in the holdings and in use."""
    part = Part("open", _("Open and restricted"), about=_about_access(answers.get("ratio"), answers.get("holdings")))
    return answers.part(
        part,
        "ratio",
        lambda part, answer: make_access_shares(part, answer, answers.get("holdings")),
        lambda failed: AccessShares(failed, (), None),
    )


def _about_access(ratio: Answer | None, holdings: Answer | None) -> str:
    if ratio is None:
        return ""
    ends = wording.write_range(read_days(ratio))
    if holdings is None:
        several = _("Downloads from %(first)s to %(last)s.", **ends)
        about = wording.choose(ends, several, _("Downloads on %(day)s.", **ends))
        # It is absent if the instance has no database.
        is_away = bool(ratio.get("holdings_error"))
        return " ".join([about, *([_("The holdings cannot be read at the moment.")] if is_away else [])])
    return wording.choose(
        ends,
        _("The holdings now, and the downloads from %(first)s to %(last)s.", **ends),
        _("The holdings now, and the downloads on %(day)s.", **ends),
    )


def make_holdings_keys(answers: Answers, asked: Asked) -> list[KeyNumber]:
    """Return the number of records, and the open share of downloads; what is not known is left out."""
    keys = []
    holdings, new = answers.get("holdings"), answers.get("new")
    held = count_holdings(holdings)
    if held is not None:
        lines = []
        if new is not None:
            number = sum(point["records"] for point in new["points"])
            lines.append(_("%(count)s new", count=wording.write_number(number)))
        name = _("Records held") if asked.subject.scope == "repository" else _("Records")
        keys.append(KeyNumber(name, wording.write_number(held), lines))
    share = open_share_of_use(answers.get("ratio"))
    if share is not None:
        of_held = open_share_of_holdings(holdings)
        lines = [] if of_held is None else [_("of the holdings: %(share)s", share=wording.write_percent(of_held))]
        keys.append(KeyNumber(_("Open share of downloads"), wording.write_percent(share), lines, "k-open"))
    return keys


def make_new_records(answers: Answers) -> Figure | None:
    """Return the new records by month."""
    part = Part("f3", _("New records by month"))
    return answers.part(part, "new", _draw_new_records, lambda failed: Figure(failed, ""))


def _draw_new_records(part: Part, answer: Mapping[str, Any]) -> Figure | None:
    points = answer["points"]
    if not points:
        return None
    records = sum(point["records"] for point in points)
    about = ngettext("%(count)s new record.", "%(count)s new records.", records, count=wording.write_number(records))
    return make_figure(
        part._replace(about=about),
        points,
        "month",
        [Metric("records", "meta", _("New records"))],
        query=answer["query"],
        params=answer["params"],
        last=date.fromisoformat(answer["to"]),
    )
