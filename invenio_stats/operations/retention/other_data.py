"""Name the data beside raw events that has a deadline of its own, and delete old user agents from their catalog."""

from datetime import date, datetime
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.core.retention import find_deadline
from invenio_stats.definitions.numbers import MOST_MONTHS
from invenio_stats.operations.monitoring.schedule import is_scheduled
from invenio_stats.privacy.salt_stores import SALT_LIFETIME_SECONDS
from invenio_stats.privacy.user_agents import catalog

AGENTS_MONTHS = MOST_MONTHS
"""Months after which a user agent that was not seen again leaves the catalog."""


class OtherData(NamedTuple):
    """Data with a deadline."""

    name: str
    """For programs."""
    title: str
    kept: str
    """For how long, and what deletes it."""


def purge_agents(client: Any, now: datetime) -> int:
    """Delete user agents that were not seen for 25 months from the catalog; return how many."""
    return catalog.purge(client, _agents_deadline(now))


def count_old_agents(client: Any, now: datetime) -> int:
    """Return how many user agents of the catalog were not seen for 25 months."""
    return catalog.count_unseen(client, _agents_deadline(now))


def _agents_deadline(now: datetime) -> date:
    return find_deadline(now, AGENTS_MONTHS + 1).date()


def describe_other_data() -> list[OtherData]:
    """Return what else is kept, and for how long."""
    config = current_app.config
    days = config["STATS_DEAD_LETTERS_DAYS"]
    by_task = _("%(days)s days, by StatsDeadLettersTask", days=days)
    never = _("until you purge them: StatsDeadLettersTask is not scheduled")
    return [
        OtherData("dead_letters", _("dead letters"), by_task if is_scheduled("purge_dead_letters") else never),
        OtherData(
            "agents",
            _("user-agent catalog"),
            _(
                "%(months)s months after an agent was last seen, by %(what)s; at most %(most)s agents",
                months=AGENTS_MONTHS,
                what="StatsExpireTask" if is_scheduled("expire_events") else "invenio stats events expire",
                most=config["STATS_AGENTS_MAX"],
            ),
        ),
        OtherData("salts", _("salts"), _("%(hours)s hours, by themselves", hours=SALT_LIFETIME_SECONDS // 3600)),
        OtherData("exports", _("exports"), _("until you delete the files: expired events are in them, too")),
        OtherData("totals", _("totals"), _("without a limit: they have no key of a visitor")),
    ]
