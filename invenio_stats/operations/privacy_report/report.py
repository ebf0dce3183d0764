"""Put the privacy report together: what is kept, how old it is, who may read it, and what the operator has to do."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app
from flask_babel import gettext as _
from invenio_search.utils import prefix_index

from invenio_stats.core.moments import iso, iso_zoned, parse, to_second
from invenio_stats.core.periods import Days
from invenio_stats.core.retention import find_deadline
from invenio_stats.operations.inventory import indices
from invenio_stats.operations.monitoring.raw_events import event_sources, find_oldest_events
from invenio_stats.operations.privacy_report.duties import list_duties
from invenio_stats.operations.privacy_report.readers import find_readers
from invenio_stats.operations.privacy_report.record_of_processing import write_record
from invenio_stats.operations.privacy_report.salts import SaltAge, find_salts
from invenio_stats.operations.privacy_report.storages import Storage, look_everywhere
from invenio_stats.operations.privacy_report.weakened import find_weakened
from invenio_stats.operations.retention.other_data import AGENTS_MONTHS, count_old_agents, describe_other_data
from invenio_stats.search.aliases import closed_indices_of
from invenio_stats.search.lifecycle import find_policies


def make_report(client: Any, now: datetime) -> dict[str, Any]:
    """Return the report in the form of JSON; it has no personal data."""
    months = current_app.config["STATS_RETENTION_EVENTS_MONTHS"]
    deadline = find_deadline(now, months)
    oldest = find_oldest_events(client)
    salts, problem = _find_salts(now)
    storages = look_everywhere(client)
    raw = sorted(index.name for index in indices(client) if index.kind == "events")
    policies = {index: policy.name for index, policy in find_policies(client, raw).items() if policy.deletes}
    unknown, closed = _find_unknown(client, raw), _find_closed(client, deadline)
    return {
        "generated": iso_zoned(to_second(now)),
        "retention": {"months": months, "deadline": iso(deadline)[:10]},
        "raw_events": {
            name: {"oldest": iso(moment)[:10], "days": (now - moment).days, "overdue": moment < deadline}
            for name, moment in oldest.items()
        },
        "unknown_indices": unknown,
        "closed_indices": closed,
        "deleted_by_engine": policies,
        "salts": [{**salt._asdict(), "overdue": salt.is_overdue} for salt in salts],
        "salts_problem": problem,
        "storages": [storage._asdict() for storage in storages],
        "readers": [reader._asdict() for reader in find_readers()],
        "weakened": [weakened._asdict() for weakened in find_weakened()],
        "other_data": [data._asdict() for data in describe_other_data()],
        "overdue": [
            *(
                _("raw events of %(name)s: the oldest is of %(day)s", name=name, day=iso(moment)[:10])
                for name, moment in oldest.items()
                if moment < deadline
            ),
            *(_("the salt of %(day)s", day=salt.day) for salt in salts if salt.is_overdue),
            *_find_overdue_dead_letters(storages, now),
            *_find_overdue_agents(client, now),
            *(_("the index %(index)s is of no configured event type", index=index) for index in unknown),
            *(
                _("the index %(index)s is closed: nobody can see how old its raw events are", index=index)
                for index in closed
            ),
            *(
                _("personal data in %(storage)s: %(kind)s in the field %(field)s", storage=storage.storage, **found)
                for storage in storages
                for found in storage.found
            ),
        ],
        "duties": list_duties(),
        "record_of_processing": write_record(),
    }


def _find_overdue_dead_letters(storages: list[Storage], now: datetime) -> Iterator[str]:
    deadline = now - timedelta(days=current_app.config["STATS_DEAD_LETTERS_DAYS"])
    for storage in storages:
        if storage.oldest is not None and (oldest := parse(storage.oldest)) < deadline:
            yield _("%(storage)s: the oldest is of %(day)s", storage=storage.storage, day=iso(oldest)[:10])


def _find_overdue_agents(client: Any, now: datetime) -> Iterator[str]:
    if number := count_old_agents(client, now):
        yield _(
            "%(number)s user agents of the catalog, which were not seen for %(months)s months",
            number=number,
            months=AGENTS_MONTHS,
        )


def _find_salts(now: datetime) -> tuple[list[SaltAge], str | None]:
    try:
        return find_salts(now.date()), None
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # each backend has its own; the text may hold a password
        return [], type(error).__name__


def _find_closed(client: Any, deadline: datetime) -> list[str]:
    """Return the closed indices that may have raw events which should have gone."""
    return sorted(
        index
        for source in event_sources()
        for index in closed_indices_of(client, source.alias, Days(date.min, deadline.date() - timedelta(days=1)))
    )


def _find_unknown(client: Any, known: list[str]) -> list[str]:
    """Return the indices that are named like raw events, and belong to no configured event type: none expires."""
    found = client.indices.get_alias(index=f"{prefix_index('events-stats-')}*")
    return sorted(set(found) - set(known))
