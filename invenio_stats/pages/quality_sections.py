"""Write the sections of the page of data quality: what is shown of their numbers, and what a file has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from babel.dates import format_time, format_timedelta
from babel.lists import format_list
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from invenio_stats.core.moments import iso_zoned, utc
from invenio_stats.core.periods import Days
from invenio_stats.operations.quality.automated_agents import AutomatedAgents
from invenio_stats.operations.quality.freshness import Freshness
from invenio_stats.operations.quality.left_out import Kind, LeftOut
from invenio_stats.operations.quality.versions import Version
from invenio_stats.pages import wording
from invenio_stats.pages.marks import draw_row_bar, draw_strip, draw_swatch, draw_swatch_outlined, draw_swatch_partial
from invenio_stats.pages.quality_days import CountedDays
from invenio_stats.pages.tables import Column, Figure, Part, Row, Table

AGENTS_SHOWN = 25
"""Of the agents; a file has all of them."""
_LOOKS = {"counted": "full", "in_part": "part", "not_counted": "none"}
Rows = Iterable[Mapping[str, Any]]


def name_counted(name: str) -> str:
    """Return what an event type or aggregation counts; the name of an instance's own as it is."""
    known = {
        "record-view": _("Views"),
        "file-download": _("Downloads"),
        "search": _("Searches"),
        "record-view-agg": _("Totals of views"),
        "file-download-agg": _("Totals of downloads"),
        "item-usage-agg": _("Usage by version"),
        "record-usage-agg": _("Usage by record"),
        "usage-breakdown-agg": _("Countries and sites"),
        "search-agg": _("Totals of searches"),
    }
    return known.get(name, name)


def show_freshness(part: Part, lines: Sequence[Freshness], days: Days, now: datetime) -> Part:
    """Return the state of all that is counted; how many messages wait is known of events only."""
    columns = [
        Column(_("What"), ""),
        Column(_("State"), ""),
        Column(_("Counted up to"), ""),
        Column(_("Waiting"), "n x"),
    ]
    rows = [
        Row(
            name_counted(line.name),
            [
                _write_state(line, now),
                _write_moment(line.counted_to) if line.counted_to else wording.NO_NUMBER,
                "" if line.waiting is None else wording.write_number(line.waiting),
            ],
        )
        for line in lines
    ]
    return part._replace(table=Table(_("How fresh the numbers are"), columns, rows))


def _write_day(day: date) -> str:
    """Return a day in the short form that tables have room for."""
    return wording.write_short(day, "medium")


def _write_moment(moment: datetime) -> str:
    moment = utc(moment)
    time = format_time(moment.time(), "HH:mm", locale=wording.locale())
    return _("%(day)s, %(time)s UTC", day=_write_day(moment.date()), time=time)


def _write_state(line: Freshness, now: datetime) -> str:
    if line.last_run is None:
        return _("no run is known")
    if line.state == "fresh":
        return Markup('<span class="st-ok">{}</span>').format(_("up to date"))
    if line.state == "failed":
        return Markup('<span class="st-late">{}</span>').format(_("the last run failed"))
    age = format_timedelta(line.last_run - now, add_direction=True, locale=wording.locale())
    return Markup('<span class="st-late">{}</span>').format(_("late, last run %(age)s", age=age))


def list_freshness(lines: Sequence[Freshness]) -> Rows:
    """Return the same with moments."""
    return [
        {
            **line._asdict(),
            "last_run": line.last_run and iso_zoned(line.last_run),
            "counted_to": line.counted_to and iso_zoned(line.counted_to),
        }
        for line in lines
    ]


def show_days(part: Part, found: CountedDays, days: Days, now: datetime) -> Figure:
    """Return a strip of days, and a table of those that are not whole."""
    if not found.days:
        return Figure(part._replace(about=_("No day is counted yet.")), Markup())
    strip = draw_strip("days", [_LOOKS[state] for state in found.days.values()], list(_label_months(found.days)))
    key = [
        (draw_swatch("open"), _("counted")),
        (draw_swatch_partial("daysk", "vw"), _("counted in part")),
        (draw_swatch_outlined(), _("not counted")),
    ]
    columns = [Column(title, "") for title in (_("From"), _("To"), _("What is missing"), _("Why"))]
    rows = [
        Row(
            _write_day(missing.days.first),
            [
                _write_day(missing.days.last),
                format_list([name_counted(name) for name in missing.event_types], locale=wording.locale()),
                missing.why,
            ],
        )
        for missing in found.missing
    ]
    notes = []
    if found.range.first > days.first:
        day = wording.write_day(found.range.first)
        notes.append(_("Days before %(day)s are not shown: counting as it is now began then.", day=day))
    table = Table(_("Days that are not whole"), columns, rows) if rows else None
    part = part._replace(about=_describe_days(found), table=table, notes=notes)
    return Figure(part, strip, key)


def _describe_days(found: CountedDays) -> str:
    ends = wording.write_range(found.range)
    several = _("One cell is one day, from %(first)s to %(last)s.", **ends)
    about = [wording.choose(ends, several, _("The one cell is %(day)s.", **ends))]
    states = list(found.days.values())
    partly, never = states.count("in_part"), states.count("not_counted")
    if partly:
        count = wording.write_number(partly)
        about.append(
            ngettext("%(count)s day is counted in part.", "%(count)s days are counted in part.", partly, count=count)
        )
    if never:
        count = wording.write_number(never)
        about.append(ngettext("%(count)s day has no numbers.", "%(count)s days have no numbers.", never, count=count))
    if not partly and not never:
        about.append(_("All of them are counted."))
    return " ".join(about)


def _label_months(days: Iterable[date]) -> Iterator[tuple[int, str, str | None]]:
    """Yield positions and names of months; where it is narrow, every third one is shown."""
    known = list(days)
    starts = [i for i, day in enumerate(known) if day.day == 1 and i < 0.97 * len(known)]
    for order, i in enumerate(starts):
        yield i, wording.write_short(known[i], "LLL"), None if order % 3 == 0 else "wide"


def list_days(found: CountedDays) -> Rows:
    """Return a row for each day, with the reasons by event type."""
    for day, state in found.days.items():
        reasons = [
            f"{event_type}: {missing.reason}"
            for missing in found.missing
            if missing.days.first <= day <= missing.days.last
            for event_type in missing.event_types
        ]
        yield {"date": day.isoformat(), "state": state, "missing": ", ".join(reasons)}


def describe_reason(kind: Kind) -> tuple[str, str]:
    """Return the name of a reason, and what it means."""
    known = {
        "robots": (_("Robots"), _("search engines, crawlers, monitors")),
        "ai_agents": (
            _("AI agents"),
            _("collect texts for language models, or read for a person who asks"),
        ),
        "tools": (_("Scripts and tools"), _("programs that fetch files for somebody")),
        "double_clicks": (_("Double clicks"), _("the same visitor, the same thing, within 30 seconds")),
        "objections": (_("Objections"), _("visitors who object, by their choice or a signal of their browser")),
        "not_valid": (_("Not valid"), _("kept, with the reason, until someone looks")),
        "without_item": (_("Without a record"), _("clicks of which it is not known what they were on")),
        "excluded": (_("Excluded by a person"), _("unusual use that a person has looked at")),
        "own_rules": (_("Rules of this repository"), _("its own reasons not to count a click")),
    }
    return known[kind]


def show_left_out(part: Part, found: LeftOut, days: Days, now: datetime) -> Part:
    """Return the reasons, the most frequent first, as a ranking."""
    columns = [Column(_("Reason"), ""), Column(_("Clicks")), Column(_("Share of all"), "n x")]
    most, everything = max((row.clicks for row in found.rows), default=0), found.counted + found.clicks
    rows = []
    for row in found.rows:
        name, note = describe_reason(row.kind)
        cells = [wording.write_number(row.clicks), wording.write_share(row.clicks, everything)]
        rows.append(Row(name, cells, note=note, picture=draw_row_bar(row.clicks, most, "meta")))
    ends = wording.write_range(days)
    several = _("%(first)s to %(last)s. Nothing vanishes without a reason.", **ends)
    about = wording.choose(ends, several, _("%(day)s. Nothing vanishes without a reason.", **ends))
    return part._replace(about=about, table=Table(part.title, columns, rows))


def list_left_out(found: LeftOut) -> Rows:
    """Return the same, with what counts below."""
    everything = found.counted + found.clicks
    if not everything:
        return []
    lines = [*((row.kind, row.clicks) for row in found.rows), ("counted", found.counted)]
    return [{"reason": kind, "clicks": clicks, "share": round(clicks / everything, 6)} for kind, clicks in lines]


def show_agents(part: Part, found: AutomatedAgents, days: Days, now: datetime) -> Part:
    """Return the agents, so that a person's browser among them is seen."""
    columns = [
        Column(_("User agent"), ""),
        Column(_("Class"), ""),
        Column(_("List"), ""),
        Column(_("Pattern"), ""),
        Column(_("Clicks")),
    ]
    classes = {"robot": _("robot"), "ai": _("AI agent"), "machine": _("script or tool")}
    rows = [
        Row(
            agent.label,
            [
                classes.get(agent.agent_class, agent.agent_class),
                agent.list_name or wording.NO_NUMBER,
                agent.pattern or wording.NO_NUMBER,
                wording.write_number(agent.clicks),
            ],
        )
        for agent in found.agents[:AGENTS_SHOWN]
    ]
    about = _(
        "Only administrators see this part. If a browser or a phone is among them, except it with "
        "STATS_ROBOTS_EXCEPTIONS, and count again."
    )
    notes = []
    if len(found.agents) > len(rows):
        count = wording.write_number(len(found.agents))
        notes.append(_("The files have all %(count)s user agents.", count=count))
    if found.missed:
        notes.append(_("Each number may be up to %(missed)s too small.", missed=wording.write_number(found.missed)))
    return part._replace(about=about, notes=notes, table=Table(part.title, columns, rows))


def list_agents(found: AutomatedAgents) -> Rows:
    """Return all of them."""
    return [agent._asdict() for agent in found.agents]


def show_versions(part: Part, lines: Sequence[Version], days: Days, now: datetime) -> Part:
    """Return what is in force, and since when workers have it."""
    columns = [Column(_("What"), ""), Column(_("Version"), ""), Column(_("Since"), "")]
    known = {
        "rules": _("Counting rules"),
        "invenio-stats": _("Software, invenio-stats"),
        "countries": _("Country of an address"),
        "counter": _("List of robots and tools of COUNTER"),
        "is-bot": _("List of robots of is-bot"),
        "own": _("List of AI agents"),
        "site": _("Patterns of this repository"),
    }
    rows = [
        Row(
            known.get(line.what, line.what),
            [line.version, _write_day(line.since) if line.since else wording.NO_NUMBER],
        )
        for line in lines
    ]
    return part._replace(table=Table(part.title, columns, rows))


def list_versions(lines: Sequence[Version]) -> Rows:
    """Return the same with dates."""
    return [{**line._asdict(), "since": line.since and line.since.isoformat()} for line in lines]
