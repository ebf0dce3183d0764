"""Configure an InvenioRDM: templates, builders, preprocessors, aggregations, queries, permissions and beat."""

from celery.schedules import crontab
from flask import current_app
from flask_login import current_user

from invenio_stats.aggregations import StatAggregator
from invenio_stats.contrib.event_builders import build_file_unique_id
from invenio_stats.processors import EventsIndexer, anonymize_user, filter_robots, flag_machines
from invenio_stats.queries import TermsQuery
from invenio_stats.tasks import StatsAggregationTask, StatsEventTask

from .builders import build_record, build_record_unique_id, drop_if_via_api

TEMPLATES = "tests.compat.rdm.templates"
BUILDERS = "tests.compat.rdm.builders"


class Policy:
    """Who may see which numbers: views are public, downloads are for people who are signed in."""

    def __init__(self, query_name, params):
        """Judge one question."""
        self.query_name, self.params = query_name, params

    def can(self):
        """Say whether the current user may."""
        return "recid" in self.params and (self.query_name.startswith("record-view") or current_user.is_authenticated)


def permission_factory(query_name, params):
    """Look the policy up."""
    return current_app.config["STATS_PERMISSION_POLICY"](query_name, params)


def _event(name, builders, last_step):
    return {
        "templates": f"{TEMPLATES}.events.{name}",
        "event_builders": builders,
        "cls": EventsIndexer,
        "params": {"preprocessors": [filter_robots, flag_machines, anonymize_user, last_step]},
    }


def _aggregation(event, copies, metrics):
    return {
        "templates": f"{TEMPLATES}.aggregations.aggr_{event.replace('-', '_')}",
        "cls": StatAggregator,
        "params": {
            "event": event,
            "field": "unique_id",
            "interval": "day",
            "index_interval": "month",
            "copy_fields": {field: field for field in (*copies, "recid", "parent_recid")},
            "metric_fields": {
                "unique_count": ("cardinality", "unique_session_id", {"precision_threshold": 1000}),
                **metrics,
            },
        },
    }


def _query(event, key, metrics):
    return {
        "cls": TermsQuery,
        "permission_factory": permission_factory,
        "params": {
            "index": f"stats-{event}",
            "doc_type": f"{event}-day-aggregation",
            "copy_fields": {"recid": "recid", "parent_recid": "parent_recid"},
            "query_modifiers": [],
            "required_filters": {key: key},
            "metric_fields": metrics,
        },
    }


VIEWS = {"views": ("sum", "count", {}), "unique_views": ("sum", "unique_count", {})}
DOWNLOADS = {
    "downloads": ("sum", "count", {}),
    "unique_downloads": ("sum", "unique_count", {}),
    "data_volume": ("sum", "volume", {}),
}
CONFIG = {
    "STATS_REGISTER_INDEX_TEMPLATES": True,
    "STATS_EVENTS": {
        "file-download": _event(
            "file_download", [f"{BUILDERS}.build_record", f"{BUILDERS}.build_file"], build_file_unique_id
        ),
        "record-view": _event("record_view", [build_record, drop_if_via_api], build_record_unique_id),
    },
    "STATS_AGGREGATIONS": {
        "file-download-agg": _aggregation(
            "file-download", ("file_id", "file_key", "bucket_id"), {"volume": ("sum", "size", {})}
        ),
        "record-view-agg": _aggregation("record-view", (), {}),
    },
    "STATS_QUERIES": {
        "record-view": _query("record-view", "recid", VIEWS),
        "record-view-all-versions": _query("record-view", "parent_recid", VIEWS),
        "record-download": _query("file-download", "recid", DOWNLOADS),
        "record-download-all-versions": _query("file-download", "parent_recid", DOWNLOADS),
    },
    "STATS_PERMISSION_FACTORY": f"{__name__}.permission_factory",
    "STATS_PERMISSION_POLICY": Policy,
    "CELERY_BEAT_SCHEDULE": {
        "stats-process-events": {**StatsEventTask, "schedule": crontab(minute="25,55")},
        "stats-aggregate-events": {**StatsAggregationTask, "schedule": crontab(minute=0)},
    },
}
