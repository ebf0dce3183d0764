"""Write the frame that all pages have: what the numbers are of, notices, key numbers, and other choices."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from invenio_stats.core import periods
from invenio_stats.core.moments import parse
from invenio_stats.core.periods import Days
from invenio_stats.pages import wording
from invenio_stats.pages.parameters import Choice
from invenio_stats.pages.series import read_days
from invenio_stats.pages.tables import KeyNumber, Link, Notice
from invenio_stats.permissions import user_id

Answer = Mapping[str, Any]

BLUEPRINT = "invenio_stats_pages"


def link_to_page(endpoint: str, **values: Any) -> str | None:
    """Return the address of a page; None if the instance does not have it."""
    name = f"{BLUEPRINT}.{endpoint}"
    return url_for(name, **values) if name in current_app.view_functions else None


def link_to_log_in() -> Link | None:
    """Return the link for an unknown visitor, which leads back here; None for others, or without accounts."""
    if user_id() is not None or "security.login" not in current_app.view_functions:
        return None
    back = request.script_root + request.full_path.rstrip("?")
    return Link(_("Log in"), url_for("security.login", next=back))


def make_menu(current: str) -> list[Link]:
    """Return the local menu: what exists, and what the visitor may see."""
    titles = {
        "repository": _("Repository"),
        "me": _("My statistics"),
        "reports": _("COUNTER reports"),
        "quality": _("Data quality"),
    }
    if user_id() is None:
        del titles["me"]
    return [
        Link(title, url, is_current=endpoint == current)
        for endpoint, title in titles.items()
        if (url := link_to_page(endpoint))
    ]


def make_periods(choice: Choice) -> list[Link]:
    """Return the bar of periods."""
    titles = {"30d": _("30 days"), "12m": _("12 months"), "year": _("This year"), "all": _("All")}
    return [
        Link(titles[period], choice.link_to_period(period), is_current=choice.period == period)
        for period in periods.PERIODS
    ]


def make_form(choice: Choice, first: str, last: str, interval: str, today: date) -> dict[str, Any]:
    """Return the fields of 'Other dates', filled with what is shown or was asked for."""
    comparisons = {"before": _("the period before"), "year": _("a year earlier"), "none": _("nothing")}
    steps = {"day": _("day"), "week": _("week"), "month": _("month"), "quarter": _("quarter"), "year": _("year")}
    shown = ("from", "to", "period", "interval", "compare", "page")
    return {
        "first": first,
        "last": last,
        "today": today.isoformat(),
        "intervals": [(value, text, value == interval) for value, text in steps.items()],
        "comparisons": [(value, text, value == choice.parameters.compare) for value, text in comparisons.items()],
        "hidden": {name: value for name, value in choice.given.items() if name not in shown},
    }


def counted_days(answer: Answer) -> Days:
    """Return the range of an answer without the days before counting began; all of it if it has no others."""
    days, uncounted = read_days(answer), _last_uncounted(answer)
    if uncounted is None or uncounted >= days.last:
        return days
    return Days(uncounted + timedelta(days=1), days.last)


def _last_uncounted(answer: Answer) -> date | None:
    """Return the last day before counting began; None if the range has no such day."""
    ends = [gap["to"] for gap in answer["gaps"] if gap["reason"].startswith("before_")]
    return date.fromisoformat(max(ends)) if ends else None


def make_basis(answer: Answer) -> list[str | Link]:
    """Return what the numbers are of, how fresh they are, and by which rules."""
    days = counted_days(answer)
    updated = parse(answer["updated"]) if answer["updated"] else None
    # On its last day, a month is not whole yet.
    if days.months is not None and (updated is None or updated.date() > days.last):
        basis: list[str | Link] = [_("Whole months in UTC")]
    else:
        ends = wording.write_range(days)
        several = _("Counted from %(first)s to %(last)s, days in UTC", **ends)
        basis = [wording.choose(ends, several, _("Counted on %(day)s, a day in UTC", **ends))]
    if updated is not None:
        basis.append(_("updated %(moment)s", moment=wording.write_moment(updated)))
    basis.append(_("%(rules)s rules", rules=answer["rules"]))
    basis.append(Link(_("How we count"), f"{link_to_page('repository')}#rules"))
    return basis


def make_notices(answer: Answer, choice: Choice, yet: str = "") -> list[Notice]:
    """Return what one has to know before one believes the numbers; `yet` is added where nothing is counted yet."""
    days, uncounted = read_days(answer), _last_uncounted(answer)
    missing = [read_days(gap) for gap in answer["gaps"] if not gap["reason"].startswith("before_")]
    notices = []
    if uncounted is not None and uncounted < days.last:
        notices.append(_began(counted_days(answer)))
    if missing:
        notices.append(_too_low(missing))
    elif not answer["complete"] and answer["updated"] and uncounted is None:
        notices.append(_late(parse(answer["updated"])))
    if not answer["views"] and not answer["downloads"]:
        if choice.period == "all":
            notices.append(_nothing_yet(yet))
        elif uncounted is not None and uncounted >= days.last:
            notices.append(_nothing_counted(days, choice))
        elif answer["complete"]:
            notices.append(_nothing_then(days, choice))
    return notices


def _began(days: Days) -> Notice:
    ends = wording.write_range(days)
    return Notice(
        _("Counting began on %(day)s.", day=ends["first"]),
        wording.choose(
            ends,
            _("The period you chose begins earlier, so the numbers are of %(first)s to %(last)s.", **ends),
            _("The period you chose begins earlier, so the numbers are of that day only.", **ends),
        ),
    )


def _too_low(missing: Sequence[Days]) -> Notice:
    said = [
        wording.choose(
            ends,
            _("Not everything was counted from %(first)s to %(last)s.", **ends),
            _("Not everything was counted on %(day)s.", **ends),
        )
        for ends in map(wording.write_range, missing)
    ]
    quality = link_to_page("quality")
    link = Link(_("What happened"), quality) if quality else None
    return Notice(_("These numbers are too low."), " ".join(dict.fromkeys(said)), link)


def _late(updated: datetime) -> Notice:
    return Notice(
        _("Counted up to %(moment)s only.", moment=wording.write_moment(updated)),
        _("Later clicks wait; they are not lost, and will be counted with the time they were made."),
    )


def _nothing_yet(yet: str) -> Notice:
    text = " ".join(filter(None, [yet, _("Numbers appear within an hour of the first visit.")]))
    return Notice(_("No views or downloads yet."), text, is_plain=True)


def _nothing_counted(days: Days, choice: Choice) -> Notice:
    ends = wording.write_range(days)
    several = _("Nothing was counted from %(first)s to %(last)s.", **ends)
    return Notice(
        wording.choose(ends, several, _("Nothing was counted on %(day)s.", **ends)),
        _("Counting began later, or has not begun yet."),
        Link(_("Show all"), choice.link_to_period("all")),
        is_plain=True,
    )


def _nothing_then(days: Days, choice: Choice) -> Notice:
    ends = wording.write_range(days)
    several = _("No views or downloads from %(first)s to %(last)s.", **ends)
    return Notice(
        wording.choose(ends, several, _("No views or downloads on %(day)s.", **ends)),
        _("That is a counted zero, not a gap."),
        Link(_("Show all"), choice.link_to_period("all")),
        is_plain=True,
    )


def make_usage_key(answer: Answer, metric: str) -> KeyNumber:
    """Return downloads or views: total, change, and the unique number; a setting exchanges total and unique."""
    unique = f"unique_{metric}"
    lines = [line for line in [describe_change(answer, metric)] if line]
    number, count = answer[metric], wording.write_number(answer[unique])
    line = _("%(count)s unique", count=count)
    if current_app.config["STATS_PAGES_HEADLINE"] == "unique":
        number, line = answer[unique], _("%(count)s in total", count=wording.write_number(answer[metric]))
    names = {"downloads": (_("Downloads"), "k-dl"), "views": (_("Views"), "k-vw")}
    name, css = names[metric]
    return KeyNumber(name, wording.write_number(number), [*lines, line], css)


def describe_change(answer: Answer, metric: str) -> str | None:
    """Return the change on the period before, or why there is none; None if it would say nothing."""
    before = answer["before"]
    if before is None:
        return None
    days, earlier = read_days(answer), read_days(before)
    if not before["complete"]:
        return _no_comparison(earlier)
    change = wording.write_change(answer[metric], before[metric])
    if change is None:
        return None
    months = days.months
    if answer["params"].get("compare") == "year":
        return _("%(change)s on a year earlier", change=change)
    if months is not None:
        return ngettext(
            "%(change)s on the month before",
            "%(change)s on the %(count)s months before",
            months,
            change=change,
            count=wording.write_number(months),
        )
    return ngettext(
        "%(change)s on the day before",
        "%(change)s on the %(count)s days before",
        days.length,
        change=change,
        count=wording.write_number(days.length),
    )


def _no_comparison(days: Days) -> str:
    if days.months is not None:
        return ngettext(
            "No comparison: the month before is not wholly counted.",
            "No comparison: the %(count)s months before are not wholly counted.",
            days.months,
            count=wording.write_number(days.months),
        )
    return ngettext(
        "No comparison: the day before is not wholly counted.",
        "No comparison: the %(count)s days before are not wholly counted.",
        days.length,
        count=wording.write_number(days.length),
    )


def make_frame(answer: Answer, choice: Choice, interval: str, now: datetime) -> dict[str, Any]:
    """Return the parts of a page that are the same on all of them."""
    return {
        "basis": make_basis(answer),
        "choice": choice,
        "form": make_form(choice, answer["from"], answer["to"], interval, now.date()),
    }
