"""The operator's own duties."""

from flask_babel import gettext as _


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
