"""Write a text for the record of processing activities, from the settings that are in force."""

from collections.abc import Iterable, Iterator

from flask import current_app
from flask_babel import gettext as _

from invenio_stats.operations.monitoring.schedule import is_scheduled
from invenio_stats.operations.privacy_report.pseudonymized import types_of_the_worker, types_with_user
from invenio_stats.operations.retention.other_data import AGENTS_MONTHS
from invenio_stats.privacy.geoip import country_database
from invenio_stats.privacy.salt_stores import SALT_LIFETIME_SECONDS
from invenio_stats.proxies import current_stats


def write_record() -> str:
    """Return the text; it promises nothing that is not configured."""
    lines = {
        _("Processing"): _list_processing(),
        _("Purpose"): _list_purposes(),
        _("Data subjects"): [_("visitors of the site.")],
        _("Data"): _list_data(),
        _("Periods"): [_join(_list_periods())],
        _("Recipients"): _list_recipients(),
        _("Measures"): [_join(_list_measures())],
    }
    return "\n".join(f"{title}: {' '.join(sentences)}" for title, sentences in lines.items())


def _list_processing() -> Iterator[str]:
    names = ", ".join(current_stats.event_definitions)
    yield _("usage statistics of the repository; counted: %(names)s.", names=names)


def _list_purposes() -> Iterator[str]:
    yield _("count the use of records by COUNTER's Code of Practice; no tracking across sites.")


def _list_data() -> Iterator[str]:
    of_event = [_("keys of visitor and session (salted hashes that change each day)")]
    if country_database():
        of_event.append(_("country"))
    if current_stats.customers.by_id:
        of_event.append(_("institution"))
    of_event += [_("class of the user agent"), _("host of the referrer"), _("time and record")]
    yield f"{', '.join(of_event)}."
    yield _("Beside events, without a link to them: the reduced text of each user agent.")
    waiting, with_user = types_of_the_worker(), types_with_user()
    if waiting:
        yield _(
            "Until a worker replaces them, events of %(names)s wait with address, user agent and user id.",
            names=", ".join(waiting),
        )
    else:
        yield _("Address and user agent are replaced before an event is sent to a queue.")
    if with_user:
        yield _("Events of %(names)s keep the id of the user.", names=", ".join(with_user))
    else:
        yield _("The user id is replaced, too.")


def _list_periods() -> Iterator[str]:
    config = current_app.config
    yield _("salts %(hours)s hours", hours=SALT_LIFETIME_SECONDS // 3600)
    if is_scheduled("expire_events"):
        yield _("raw events %(months)s calendar months", months=config["STATS_RETENTION_EVENTS_MONTHS"])
        yield _("user agents %(months)s months after they were last seen", months=AGENTS_MONTHS)
    else:
        yield _("raw events and user agents until somebody deletes them")
    if is_scheduled("purge_dead_letters"):
        yield _("dead letters %(days)s days", days=config["STATS_DEAD_LETTERS_DAYS"])
    else:
        yield _("dead letters until somebody deletes them")
    yield _("totals, which have no key of a visitor, without a limit")


def _list_recipients() -> Iterator[str]:
    has_customers = bool(current_stats.customers.by_id and current_stats.counter_platform)
    account = current_stats.counter_deposit_account
    if has_customers:
        yield _("institutions: totals of their own use, by month.")
    if account:
        yield _("DataCite: totals of datasets, by month.")
    if not (has_customers or account):
        yield _("none.")
    yield _("Public numbers are totals; countries and hosts that are rare are folded.")


def _list_measures() -> Iterator[str]:
    yield _("pseudonymization in the worker") if types_of_the_worker() else _("pseudonymization in the web process")
    yield _("random salts of a day")
    yield _("folding of what fewer than %(under)s visitors have", under=current_app.config["STATS_FOLD_UNDER"])
    if is_scheduled("expire_events") and is_scheduled("purge_dead_letters"):
        yield _("deletion by schedule")
    if current_app.config["STATS_OBJECTION_SIGNALS"]:
        yield _("objection of visitors (%(signals)s)", signals=", ".join(current_app.config["STATS_OBJECTION_SIGNALS"]))
    if not current_app.config["STATS_LOG_ERROR_TEXTS"]:
        yield _("no personal data in logs")


def _join(facts: Iterable[str]) -> str:
    return "; ".join(facts) + "."
