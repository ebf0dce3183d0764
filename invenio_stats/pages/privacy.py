"""The page about privacy: whether the visitor is counted, and what is kept, by the settings that are in force."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from babel.lists import format_list
from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.core import names
from invenio_stats.core.objection import Signal
from invenio_stats.pages import wording
from invenio_stats.pages.quality_sections import name_counted
from invenio_stats.pages.tables import Notice
from invenio_stats.privacy.geoip import country_database
from invenio_stats.privacy.salt_stores import SALT_LIFETIME_SECONDS
from invenio_stats.proxies import current_stats

EXPIRY_TASK = "invenio_stats.tasks.expire_events"
DEAD_LETTERS_TASK = "invenio_stats.tasks.purge_dead_letters"
_BROWSER_SIGNALS = ("gpc", "dnt")

Rule = tuple[str, Sequence[str]]
"""What a rule is about, and its sentences."""


class PrivacyPage(NamedTuple):
    """The page as the template shows it."""

    kicker: str
    lead: Sequence[str]
    state: Notice
    """Whether the visitor is counted, and why."""
    is_counted: bool
    has_choice: bool
    """Whether there is a form; without it only a signal of the browser is an objection."""
    notes: str
    """What the choice does."""
    rules: Sequence[Rule]
    contact: str | None
    """Address of those who answer questions."""


def build_page(objections: Sequence[Signal], chosen: bool | None = None) -> PrivacyPage:
    """Return the page for a visitor who objects by these signals; `chosen` is whether by a choice made just now."""
    settings = current_app.config
    heeded = settings["STATS_OBJECTION_SIGNALS"]
    return PrivacyPage(
        kicker=_("Privacy of the statistics"),
        lead=[
            _("We count how often records are viewed and files are downloaded."),
            _("We do not keep who you are."),
        ],
        state=_describe_state(objections, heeded, chosen),
        is_counted=not objections,
        has_choice="cookie" in heeded,
        notes=" ".join(_describe_choice(heeded)),
        rules=[rule for rule in _list_rules(settings) if rule[1]],
        contact=_link_of(settings["STATS_PRIVACY_CONTACT"]),
    )


def _link_of(contact: str | None) -> str | None:
    """Return what the page links: a mail address is written without `mailto:` as often as with it."""
    return f"mailto:{contact}" if contact and re.fullmatch(r"[^\s@:/]+@[^\s@:/]+", contact) else contact


def _describe_state(objections: Sequence[Signal], heeded: Collection[str], chosen: bool | None) -> Notice:
    is_lost = chosen is not None and "cookie" in heeded and ("cookie" in objections) != chosen
    lost = [_("Your browser has not kept your choice. Allow cookies for this site, and choose again.")] * is_lost
    if objections:
        reasons = {
            "cookie": _("You chose so in this browser."),
            "gpc": _("Your browser sends the signal Global Privacy Control."),
            "dnt": _("Your browser sends the signal Do Not Track."),
        }
        text = [reasons[signal] for signal in objections]
        if "cookie" in heeded and not {*objections} <= {"cookie"}:
            text.append(_("As long as it does, your choice below changes nothing."))
        return Notice(_("Your visits are not counted."), " ".join(text + lost), is_plain=True)
    has_signals = not {*heeded}.isdisjoint(_BROWSER_SIGNALS)
    text = [_("Your browser sends no signal against it.")] if has_signals else []
    return Notice(_("Your visits are counted at present."), " ".join(text + lost), is_plain=True)


def _describe_choice(heeded: Collection[str]) -> Iterator[str]:
    if "cookie" in heeded:
        yield _("“No” sets one cookie, the same for everybody, for 13 months, in this browser only.")
    if "gpc" in heeded:
        yield _("The signal Global Privacy Control of a browser is a no as well.")
    if "dnt" in heeded:
        yield _("The signal Do Not Track of a browser is a no as well.")
    if heeded:
        yield _("Of visits with a no, only their number a day is known.")


def _list_rules(settings: Mapping[str, Any]) -> Iterator[Rule]:
    events = current_stats.event_definitions.values()
    how = {event.name: event.pseudonymization for event in events}
    if how:
        yield _("Counted"), [_list_names(how)]
    yield _("Of a click"), list(_list_kept([name for name, each in how.items() if each.keeps_user_id]))
    yield _("Never"), list(_list_never([name for name, each in how.items() if each.stage == "worker"]))
    yield _("Besides"), list(_list_limiter())
    yield _("How long"), list(_list_deadlines(settings))
    yield _("Who sees it"), list(_list_readers(settings))


def _list_names(event_types: Collection[str]) -> str:
    return format_list([name_counted(name) for name in event_types], locale=wording.locale())


def _list_kept(types_with_user: Collection[str]) -> Iterator[str]:
    yield _(
        "The record or file, the time, the kind of program, the site that linked here (never the page), and a key that "
        "changes every day."
    )
    if country_database():
        yield _("The country, which is looked up from your address at once.")
    if current_stats.customers.by_id:
        yield _("The institution whose network or account you use, if it is one that we report to.")
    if types_with_user:
        yield _("The number of your account, if you are signed in (%(names)s).", names=_list_names(types_with_user))


def _list_never(types_with_address: Collection[str]) -> Iterator[str]:
    yield _("Your address, your name, the full text your browser sends about itself, what you searched for.")
    if types_with_address:
        yield _(
            "Until a click is counted, it waits together with your address (%(names)s).",
            names=_list_names(types_with_address),
        )


def _list_limiter() -> Iterator[str]:
    if "limiter" in current_app.extensions and _is_limiting():
        yield _(
            "Beside the statistics, the repository remembers address and browser for a short time, against too many "
            "requests."
        )


def _is_limiting() -> bool:
    """Return whether the instance limits how often somebody asks."""
    return bool(current_app.config.get("RATELIMIT_ENABLED", True))


def _list_deadlines(settings: Mapping[str, Any]) -> Iterator[str]:
    scheduled = _list_scheduled(settings)
    months = settings.get("STATS_RETENTION_EVENTS_MONTHS")
    if EXPIRY_TASK in scheduled and months:
        count = wording.write_number(months)
        yield ngettext(
            "Single clicks for %(count)s month, then only sums.",
            "Single clicks for %(count)s months, then only sums.",
            months,
            count=count,
        )
    else:
        yield _("Single clicks until the managers of this repository delete them; then only sums.")
    if DEAD_LETTERS_TASK in scheduled:
        days = settings["STATS_DEAD_LETTERS_DAYS"]
        count = wording.write_number(days)
        yield ngettext(
            "Clicks that are not valid for %(count)s day.",
            "Clicks that are not valid for %(count)s days.",
            days,
            count=count,
        )
    hours = SALT_LIFETIME_SECONDS // 3600
    yield ngettext(
        "The secret behind the daily key is gone after %(count)s hour.",
        "The secret behind the daily key is gone after %(count)s hours.",
        hours,
        count=wording.write_number(hours),
    )


def _list_scheduled(settings: Mapping[str, Any]) -> set[Any]:
    entries = (settings.get("CELERY_BEAT_SCHEDULE") or {}).values()
    return {entry.get("task") for entry in entries if isinstance(entry, dict)}


def _list_readers(settings: Mapping[str, Any]) -> Iterator[str]:
    yield _("Everybody sees sums; single clicks are for those who run this repository.")
    if current_stats.customers.by_id and current_stats.counter_platform:
        yield _("Institutions that we report to see sums of their own use.")
    least = settings["STATS_FOLD_UNDER"]
    folded = {aggregation.totals_alias for aggregation in current_stats.aggregations.values()}
    if least > 1 and names.USAGE_BREAKDOWN in folded:
        yield _(
            "Countries and sites with fewer than %(count)s visitors are one line.", count=wording.write_number(least)
        )
