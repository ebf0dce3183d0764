"""Turn a breakdown into a ranked table whose rows, with the rest, add up to the total of its months."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.core import periods
from invenio_stats.core.referrers import INTERNAL
from invenio_stats.pages import wording
from invenio_stats.pages.marks import draw_row_bar
from invenio_stats.pages.parameters import Choice
from invenio_stats.pages.series import read_days
from invenio_stats.pages.tables import Column, Link, Notice, Part, Row, Table, make_files

Answer = Mapping[str, Any]


class Dimension(NamedTuple):
    """How the values of a breakdown are shown."""

    metric: str
    colour: str
    heading: str
    """Of the column of values."""
    about: str
    rest: str
    """Name of the values that are not shown one by one; `ngettext` has chosen its form."""
    unknown: str


def is_hosts(query: str) -> bool:
    """Return True for a breakdown by referring host; others are by country."""
    return query.endswith("-hosts")


def make_breakdown(part: Part, answer: Answer, choice: Choice, first: int = 0, size: int = 8) -> Part:
    """Return the rows from the first one on; the rest stands below the last ones."""
    if answer["from"] is None:
        return part._replace(notice=_whole_months_only(answer, choice))
    metric = "views" if is_hosts(answer["query"]) else "downloads"
    rows = [row for row in answer["rows"] if row[metric]]
    total = sum(row[metric] for row in answer["rows"]) + answer["other"][metric] + answer["unknown"][metric]
    if answer["not_shown"] and not rows and total:
        return part._replace(notice=_all_folded(answer, metric, total))
    shown, later = rows[first : first + size], rows[first + size :]
    kind = _describe(answer, len(later))
    most = rows[0][metric] if rows else 0
    made = [
        Row(
            _name(answer, row["value"]),
            _cells(row[metric], total),
            rank=first + position,
            picture=draw_row_bar(row[metric], most, kind.colour),
        )
        for position, row in enumerate(shown, start=1)
    ]
    if not later or first == 0:
        made += _rest(answer, kind, sum(row[metric] for row in later), total)
    columns = [
        Column(kind.heading, ""),
        Column(_("Views") if metric == "views" else _("Downloads")),
        Column("%", "n x"),
    ]
    files = make_files(part.title, answer["query"], answer["params"])
    table = Table(part.title, columns, made)
    return part._replace(table=table, about=kind.about, notes=[_footnote(answer)], files=files)


def _describe(answer: Answer, later: int) -> Dimension:
    months = wording.write_months(read_days(answer))
    count = wording.write_number(later)
    if is_hosts(answer["query"]):
        about = wording.choose(
            months,
            _(
                "Views by the site that linked, %(first)s to %(last)s. Only the host is known, never the page.",
                **months,
            ),
            _("Views by the site that linked, %(month)s. Only the host is known, never the page.", **months),
        )
        rest = ngettext("%(count)s more site", "%(count)s more sites", later, count=count)
        return Dimension("views", "vw", _("Site"), about, rest, _("No referrer"))
    several = _("Downloads by country, whole months only: %(first)s to %(last)s.", **months)
    about = wording.choose(months, several, _("Downloads by country, the whole month %(month)s.", **months))
    rest = ngettext("%(count)s more country", "%(count)s more countries", later, count=count)
    return Dimension("downloads", "dl", _("Country"), about, rest, _("Unknown"))


def _rest(answer: Answer, kind: Dimension, later: int, total: int) -> list[Row]:
    other = _("Other, under %(count)s visitors", count=wording.write_number(_fold_under()))
    named = [(kind.rest, later), (other, answer["other"][kind.metric]), (kind.unknown, answer["unknown"][kind.metric])]
    return [Row(name, _cells(number, total)) for name, number in named if number]


def _cells(number: int, total: int) -> list[str]:
    return [wording.write_number(number), wording.write_share(number, total)]


def _name(answer: Answer, value: str) -> str:
    if is_hosts(answer["query"]):
        return _("this repository") if value == INTERNAL else value
    return wording.write_country(value)


def _footnote(answer: Answer) -> str:
    count = wording.write_number(_fold_under())
    if is_hosts(answer["query"]):
        return _("Sites with fewer than %(count)s visitors are one line.", count=count)
    return _(
        "Countries with fewer than %(count)s visitors are one line, so that nobody can be recognised.", count=count
    )


def _all_folded(answer: Answer, metric: str, total: int) -> Notice:
    number = wording.write_number(total)
    under = wording.write_number(_fold_under())
    if metric == "views":
        return Notice(
            _("Not shown by site."),
            _(
                "No site had %(under)s visitors on any one day; the sum, %(number)s views, is public. "
                "A longer period may show more.",
                under=under,
                number=number,
            ),
            is_plain=True,
        )
    return Notice(
        _("Not shown by country."),
        _(
            "No country had %(under)s visitors on any one day; the sum, %(number)s downloads, is public. "
            "A longer period may show more.",
            under=under,
            number=number,
        ),
        is_plain=True,
    )


def _whole_months_only(answer: Answer, choice: Choice) -> Notice:
    """Return what to say where no whole finished month lies in the range, with a link to the month before its end."""
    title = _("By site only for whole months.") if is_hosts(answer["query"]) else _("By country only for whole months.")
    if choice.period == "all":  # no other range has a month either
        return Notice(title, _("The first one is not over yet."), is_plain=True)
    last = choice.parameters.last
    day = last if (last + date.resolution).day == 1 else periods.add_months(last.replace(day=1), -1)
    link = Link(_("Show %(month)s", month=wording.write_month(day)), choice.link_to_days(day, _end_of(day)))
    return Notice(title, "", link, is_plain=True)


def _end_of(day: date) -> date:
    return periods.add_months(day.replace(day=1), 1) - date.resolution


def _fold_under() -> int:
    return int(current_app.config["STATS_FOLD_UNDER"])
