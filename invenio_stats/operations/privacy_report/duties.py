"""The operator's own duties, and a text for the record of processing activities."""

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.privacy.salt_stores import SALT_LIFETIME_SECONDS


def list_duties() -> list[str]:
    """Return what no software can do for the operator."""
    return [
        _("Name the usage statistics in your privacy notice: purpose, legal basis, how long, and how to object."),
        _("Enter them into your record of processing activities; a text for it follows."),
        _("Decide on the legal basis. Measuring an audience without consent has conditions in some countries."),
        _("Limit who may read the search engine, the broker and the cache; encrypt connections between machines."),
        _("Delete exports and backups that have expired events: the expiry does not reach them."),
        _("Keep access logs of the web server and of proxies only as long as you need: they have whole addresses."),
        _("Name processors, such as a hosted search engine, and have contracts with them."),
        _("Put anonymize_user first among your own preprocessors, and let own code log no event."),
    ]


def write_record() -> str:
    """Return a text for the record of processing activities, with the values of the settings."""
    config = current_app.config
    return "\n".join(
        [
            _("Processing: usage statistics of the repository (views, downloads, searches)."),
            _("Purpose: count the use of records by COUNTER's Code of Practice; no tracking across sites."),
            _(
                "Data subjects: visitors of the site. Data: keys of visitor and session (salted hashes that change "
                "each day), country, institution, class of the user agent, host of the referrer, time and record. "
                "Address, user agent and user id are replaced before an event is stored."
            ),
            _(
                "Periods: salts %(hours)s hours; raw events %(months)s calendar months; dead letters %(days)s days; "
                "totals, which have no key of a visitor, without a limit.",
                hours=SALT_LIFETIME_SECONDS // 3600,
                months=config["STATS_RETENTION_EVENTS_MONTHS"],
                days=config["STATS_DEAD_LETTERS_DAYS"],
            ),
            _("Recipients: none; public numbers are totals, and rare countries and hosts are folded."),
            _(
                "Measures: pseudonymization in the web process, random salts of a day, folding of what fewer than "
                "%(under)s visitors have, deletion by schedule, no personal data in logs.",
                under=config["STATS_FOLD_UNDER"],
            ),
        ]
    )
