"""The page of data quality: how far the numbers can be trusted, one section for each question."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from babel.dates import format_timedelta
from flask_babel import gettext as _
from flask_babel import ngettext
from invenio_search import current_search_client
from invenio_search.engine import search
from markupsafe import Markup

from invenio_stats.completeness.answers import answer_state
from invenio_stats.config import own_instance_name
from invenio_stats.core.periods import Days
from invenio_stats.errors import NoAnswerError, StatsError
from invenio_stats.items.access import current_identity
from invenio_stats.operations.anomalies.store import read_anomalies
from invenio_stats.operations.corrections import Correction, read_corrections
from invenio_stats.operations.quality.automated_agents import AutomatedAgents, read_automated_agents
from invenio_stats.operations.quality.completeness import Completeness, read_completeness
from invenio_stats.operations.quality.freshness import Freshness, read_freshness
from invenio_stats.operations.quality.left_out import LeftOut, read_left_out
from invenio_stats.operations.quality.versions import Version, read_versions
from invenio_stats.pages import quality_anomalies, quality_corrections, quality_sections, wording
from invenio_stats.pages.quality_anomalies import ShownAnomaly
from invenio_stats.pages.quality_days import CountedDays, find_counted_days
from invenio_stats.pages.tables import Figure, Part
from invenio_stats.queries import answer_cache
from invenio_stats.queries.batch import QueryRequest, answer_or_explain, within_budget
from invenio_stats.queries.states import hourly_state, revision_state
from invenio_stats.queries.usage.answers import CACHE_SECONDS, RULES

logger = logging.getLogger(__name__)

DAYS = 365
"""Days that the page tells of, up to yesterday."""


class Topic(NamedTuple):
    """A question that the page answers: how its numbers are found, and how they are shown."""

    find: Callable[[Days, datetime], Any]
    show: Callable[[Part, Any, Days, datetime], Part | Figure]
    rows: Callable[[Any], Iterable[Mapping[str, Any]]]
    """The same as a file."""
    for_administrators: bool = False


class QualityPage(NamedTuple):
    """The page as the template shows it."""

    kicker: str
    lead: Sequence[str]
    basis: Sequence[str]
    parts: Mapping[str, Part | Figure]
    """By topic; those that the visitor may not see are absent."""
    is_whole: bool
    """Whether no part failed."""


def find_days(now: datetime) -> Days:
    """Return the days that the page tells of."""
    last = now.date() - timedelta(days=1)
    return Days(last - timedelta(days=DAYS - 1), last)


def find_numbers(name: str, now: datetime) -> Any:
    """Return the numbers of a topic; NoAnswerError if the search engine does not give them in time."""
    with within_budget([name]) as budget:
        return answer_or_explain(QueryRequest(name, name, {}), lambda: TOPICS[name].find(find_days(now), now), budget)


def build_page(now: datetime, is_administrator: bool, link_files: Callable[[str, str], Any]) -> QualityPage:
    """Return the page; `link_files` gives the files of a topic from its name and title. A part may fail by itself."""
    days, titles = find_days(now), _titles()
    found: dict[str, Any] = {}
    parts: dict[str, Part | Figure] = {}
    for name, topic in TOPICS.items():
        if topic.for_administrators and not is_administrator:
            continue
        part = Part(name, titles[name])
        try:
            found[name] = find_numbers(name, now)
        except StatsError as error:
            logger.warning(
                "A part of the data quality page failed", extra={"part": name, "error": type(error).__name__}
            )
            failed = part._replace(is_failed=True)
            parts[name] = Figure(failed, Markup()) if name == "complete" else failed
            continue
        part = part._replace(files=link_files(name, part.title))
        parts[name] = topic.show(part, found[name], days, now)
    return QualityPage(
        kicker=_("About the numbers"),
        lead=_write_lead(found, now),
        basis=[
            _("Measured on %(moment)s", moment=wording.write_moment(now)),
            _("%(rules)s rules", rules=RULES),
        ],
        parts=parts,
        is_whole={*found} == {*parts},
    )


def _titles() -> dict[str, str]:
    return {
        "fresh": _("Are they fresh?"),
        "complete": _("Are they complete?"),
        "left-out": _("What was left out, and why?"),
        "agents": _("Most often excluded as robots"),
        "anomalies": _("Unusual days"),
        "corrections": _("Corrections"),
        "versions": _("Rules and lists in force"),
    }


def _write_lead(found: Mapping[str, Any], now: datetime) -> list[str]:
    lead = []
    counted: CountedDays | None = found.get("complete")
    if counted is not None:
        lead.append(_write_days(counted) if counted.days else _("No day is counted yet."))
    newest = max((line.counted_to for line in found.get("fresh", ()) if line.counted_to), default=None)
    if newest is not None:
        age = format_timedelta(max(now - newest, timedelta()), locale=wording.locale())
        lead.append(_("The latest numbers are %(age)s old.", age=age))
    left_out: LeftOut | None = found.get("left-out")
    if left_out is not None and left_out.rows:
        lead += _write_left_out(left_out)
    return lead


def _write_days(counted: CountedDays) -> str:
    flawed = sum(state != "counted" for state in counted.days.values())
    ends = wording.write_range(counted.range)
    if not flawed:
        several = _("All days from %(first)s to %(last)s are counted.", **ends)
        return wording.choose(ends, several, _("%(day)s is counted.", **ends))
    several = ngettext(
        "All days from %(first)s to %(last)s are counted, but for %(count)s day.",
        "All days from %(first)s to %(last)s are counted, but for %(count)s days.",
        flawed,
        count=wording.write_number(flawed),
        **ends,
    )
    return wording.choose(ends, several, _("%(day)s is not wholly counted.", **ends))


def _write_left_out(left_out: LeftOut) -> list[str]:
    everything = left_out.counted + left_out.clicks
    reason, _note = quality_sections.describe_reason(left_out.rows[0].kind)
    text = ngettext(
        "Of %(count)s click, %(share)s was left out.",
        "Of %(count)s clicks, %(share)s were left out.",
        everything,
        count=wording.write_number(everything),
        share=wording.write_percent(left_out.clicks / everything),
    )
    return [text, _("The most frequent reason: %(reason)s.", reason=reason)]


def _find_freshness(days: Days, now: datetime) -> list[Freshness]:
    try:
        return read_freshness(now, answer_state)
    except (StatsError, search.exceptions.TransportError):
        raise
    except Exception as error:  # the last runs are in the cache, and each backend has exceptions of its own
        raise NoAnswerError(503, _("The cache does not answer.")) from error


def _find_completeness(days: Days, now: datetime) -> CountedDays:
    found: Completeness = read_completeness(*days, now, answer_state)
    return find_counted_days(found, days)


def _find_left_out(days: Days, now: datetime) -> LeftOut:
    found: LeftOut = _find_once_an_hour("left-out", days, now, lambda: read_left_out(*days))
    return found


def _find_agents(days: Days, now: datetime) -> AutomatedAgents:
    found: AutomatedAgents = _find_once_an_hour("agents", days, now, lambda: read_automated_agents(*days))
    return found


def _find_anomalies(days: Days, now: datetime) -> list[ShownAnomaly]:
    found = [
        anomaly for anomaly in read_anomalies(current_search_client) if anomaly.period[:10] >= f"{days.first:%Y-%m}"
    ]
    return quality_anomalies.describe(found, current_identity())


def _find_corrections(days: Days, now: datetime) -> list[Correction]:
    return read_corrections(current_search_client)


def _find_versions(days: Days, now: datetime) -> list[Version]:
    return read_versions()


def _find_once_an_hour(name: str, days: Days, now: datetime, find: Callable[[], Any]) -> Any:
    """Return what summing a year of clicks gives; everybody may open the page, and it changes with each run only."""
    key = f"stats-quality:{revision_state(now, own_instance_name(), hourly_state(now), name, *days)}"
    found = answer_cache.get(key)
    if found is None:
        found = find()
        answer_cache.keep(key, found, CACHE_SECONDS)
    return found


TOPICS: dict[str, Topic] = {
    "fresh": Topic(_find_freshness, quality_sections.show_freshness, quality_sections.list_freshness),
    "complete": Topic(_find_completeness, quality_sections.show_days, quality_sections.list_days),
    "left-out": Topic(_find_left_out, quality_sections.show_left_out, quality_sections.list_left_out),
    "agents": Topic(_find_agents, quality_sections.show_agents, quality_sections.list_agents, for_administrators=True),
    "anomalies": Topic(_find_anomalies, quality_anomalies.show_anomalies, quality_anomalies.list_anomalies),
    "corrections": Topic(_find_corrections, quality_corrections.show_corrections, quality_corrections.list_corrections),
    "versions": Topic(_find_versions, quality_sections.show_versions, quality_sections.list_versions),
}
"""By the name in addresses of files, in the order of the page."""
