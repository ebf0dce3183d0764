"""Show the use of a record on its own page: `{{ record_stats(pid) }}` in a template of the instance."""

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timezone
from typing import NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app, render_template, request
from flask_babel import gettext as _
from invenio_search import current_search_client
from markupsafe import Markup, escape

from invenio_stats.config import own_instance_name
from invenio_stats.core import periods
from invenio_stats.core.periods import Days
from invenio_stats.definitions.pages import find_missing_for_pages
from invenio_stats.pages import wording
from invenio_stats.pages.frame import link_to_page
from invenio_stats.pages.marks import draw_months
from invenio_stats.pages.rendering import link_to_style_sheet
from invenio_stats.pages.tables import Column, KeyNumber, Link, Row, Table
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import current_stats
from invenio_stats.queries import answer_cache
from invenio_stats.queries.states import revision_state
from invenio_stats.queries.usage.answers import CACHE_SECONDS, RULES
from invenio_stats.queries.usage.coverage import find_coverage, find_first_day
from invenio_stats.queries.usage.many_records import Course, Identified, Record, fetch_courses, identify_records
from invenio_stats.queries.usage.sources import ALWAYS, Scope, find_sources
from invenio_stats.search.budget import Budget, limited

logger = logging.getLogger(__name__)

MAX_SECONDS = 3.0
"""How long the page of a record waits for its numbers."""
MONTHS = 12
_IN_REQUEST = "invenio_stats.widgets"

Numbers = dict[str, int]


class RecordUse(NamedTuple):
    """The numbers of a widget."""

    this_version: Numbers
    all_versions: Numbers
    course: Course
    """Of all versions, by month."""


class _Request:
    """What the widgets of one page share."""

    def __init__(self) -> None:
        self.found: dict[str, RecordUse] = {}
        self.shown = 0
        self.is_away = False
        """Whether numbers could not be found: the page has waited for them once, and does not wait again."""


def record_stats(record: Record, among: Iterable[Record] = (), heading_level: int = 2) -> Markup:
    """Return the use of a record as a part of a page; nothing if it is not known, or cannot be counted in 3 seconds.

    `record` is the id of a record, or the ids of its item and its parent, which need no look-up. A page of many records
    gives all of them in `among`, so that they are one question. Permission is not asked: it is that of the page.
    """
    # Whatever happens to statistics, the record itself must be shown.
    try:
        if link_to_page("record", record="-") is None or find_missing_for_pages(
            current_stats.event_definitions, current_stats.aggregations, current_stats.queries
        ):
            return Markup()
        with limited(Budget(MAX_SECONDS, current_app.config["STATS_QUERY_MAX_BUCKETS"])):
            return _render(record, among, heading_level)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("The widget of a record cannot be shown", exc_info=without_text(error))
        return Markup()


def _render(record: Record, among: Iterable[Record], heading_level: int) -> Markup:
    shared: _Request = request.environ.setdefault(_IN_REQUEST, _Request())
    ids = next(identify_records([record]), None)
    if ids is None:
        return Markup()
    now = datetime.now(timezone.utc)
    if ids.asked not in shared.found:
        if shared.is_away:
            return Markup()
        records = [ids, *identify_records(among)]
        shared.is_away = True
        shared.found |= find_use(records, now)
        shared.is_away = False
    shared.shown += 1
    use = shared.found[ids.asked]
    return Markup(
        render_template(
            "invenio_stats/widget.html",
            style_sheet=link_to_style_sheet() if shared.shown == 1 else None,
            level=int(heading_level),
            uid=f"st-use-{shared.shown}",
            keys=_make_keys(use),
            since=_write_since(use.course.first_day),
            chart=_draw_course(use, find_months(now.date()), f"st-use-{shared.shown}"),
            table=_compare_versions(use),
            link=Link(_("Statistics of this record"), str(link_to_page("record", record=ids.asked))),
            basis=_write_basis(now),
        )
    )


def find_months(today: date) -> list[Days]:
    """Return the running month and those before it, as far as they are over."""
    first_days = [periods.add_months(today.replace(day=1), number) for number in range(1 - MONTHS, 2)]
    days = [Days(first, end - date.resolution) for first, end in zip(first_days, first_days[1:], strict=False)]
    return [*days[:-1], Days(days[-1].first, today)]


def find_use(records: Sequence[Identified], now: datetime) -> dict[str, RecordUse]:
    """Return the use of records by item, from the instance's cache, or with two requests for all that it lacks."""
    state = revision_state(now, own_instance_name())
    keys = {ids: f"stats-widget:{state}:{ids.asked}" for ids in dict.fromkeys(records)}
    found = {ids.asked: known for ids, key in keys.items() if (known := answer_cache.get(key)) is not None}
    missing = [ids for ids in keys if ids.asked not in found]
    if missing:
        sums = current_stats.records_stats(missing)
        courses = fetch_courses(current_search_client, {ids.parent_id for ids in missing}, find_months(now.date()))
        for ids in missing:
            found[ids.asked] = RecordUse(**sums[ids.asked], course=courses[ids.parent_id])
            answer_cache.keep(keys[ids], found[ids.asked], CACHE_SECONDS)
    return found


def _make_keys(use: RecordUse) -> list[KeyNumber]:
    is_unique = current_app.config["STATS_PAGES_HEADLINE"] == "unique"
    names = {"downloads": (_("Downloads"), _("Unique downloads")), "views": (_("Views"), _("Unique views"))}
    return [
        KeyNumber(
            names[metric][is_unique],
            wording.write_number(use.all_versions[f"unique_{metric}" if is_unique else metric]),
            [],
            css,
        )
        for metric, css in (("downloads", "k-dl"), ("views", "k-vw"))
    ]


def _write_since(first_day: date | None) -> str:
    if first_day is None:
        return _("No views or downloads yet.")
    return _("All versions, since %(day)s", day=wording.write_day(first_day))


def _draw_course(use: RecordUse, months: Sequence[Days], uid: str) -> tuple[Markup, str] | None:
    """Return bars and their sentence: downloads by month, or views of what nobody downloads; None without any use."""
    for metric, colour in (("downloads", "dl"), ("views", "vw")):
        values = [numbers[metric] for numbers in use.course.numbers]
        if any(values):
            ends = {"first": wording.write_month(months[0].first), "last": wording.write_month(months[-1].first)}
            texts = {
                "downloads": _("Downloads by month, %(first)s to %(last)s.", **ends),
                "views": _("Views by month, %(first)s to %(last)s.", **ends),
            }
            so_far = _("%(count)s this month so far.", count=wording.write_number(values[-1]))
            return draw_months(uid, values, colour), f"{texts[metric]} {so_far}"
    return None


def _compare_versions(use: RecordUse) -> Table:
    names = {
        "views": _("Views"),
        "unique_views": _("Unique views"),
        "downloads": _("Downloads"),
        "unique_downloads": _("Unique downloads"),
        "data_volume": _("Data volume"),
    }
    rows = []
    for metric, name in names.items():
        write = wording.write_size if metric == "data_volume" else wording.write_number
        rows.append(Row(name, [write(numbers[metric]) for numbers in (use.all_versions, use.this_version)]))
    heading = Markup('<span class="st-hide">{}</span>').format(_("Number"))
    columns = [Column(heading, ""), Column(_("All versions")), Column(_("This version"))]
    return Table(_("All versions and this one"), columns, rows)


def _write_basis(now: datetime) -> Markup:
    """Return how fresh the numbers are, and by which rules, with a link to these."""
    first_day = find_first_day(current_search_client)
    sources = find_sources(Scope("repository"), ALWAYS._replace(last=now.date()), first_day=first_day)
    updated = find_coverage(sources, first_day, now).updated
    link = Markup('<a href="{}#rules">{}</a>').format(link_to_page("repository"), _("%(rules)s rules", rules=RULES))
    if updated is None:
        return link
    # Both are put into the sentence after it was translated: it is a text, and the link is markup.
    sentence = escape(_("Updated %(moment)s, by %(rules)s"))
    return sentence % {"moment": wording.write_moment(updated), "rules": link}
