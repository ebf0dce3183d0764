"""Configure the shipped types: set STATS_EVENTS, STATS_AGGREGATIONS and STATS_QUERIES to these or parts of them."""

from typing import Any

from invenio_stats.aggregations import StatAggregator, UsageBreakdownAggregator
from invenio_stats.contrib.queries.holdings import HOLDINGS_QUERIES
from invenio_stats.contrib.queries.usage import USAGE_QUERIES
from invenio_stats.core import names
from invenio_stats.processors import EventsIndexer, anonymize_user, flag_machines, flag_robots
from invenio_stats.queries import DateHistogramQuery, TermsQuery
from invenio_stats.totals.usage import BREAKDOWNS, ITEM_USAGE, RECORD_USAGE, SEARCHES

__all__ = (
    "AGGREGATIONS_CONFIG",
    "EVENTS_CONFIG",
    "HOLDINGS_QUERIES",
    "QUERIES_CONFIG",
    "SEARCH_EVENTS",
    "USAGE_AGGREGATIONS",
    "USAGE_QUERIES",
)

_EVENTS = "invenio_stats.contrib"
_AGGREGATIONS = "invenio_stats.contrib.aggregations"
_BUILDERS = "invenio_stats.contrib.event_builders"

_ITEM = {name: name for name in ("item_id", "parent_id", "labels", "access_status")}
"""Fields of the item of a view or download, copied from the newest event of the interval."""

_RECORD = {"record_id": "record_id", "pid_type": "pid_type", "pid_value": "pid_value"}

_VIEWS = {"views": ("sum", "count", {}), "unique_views": ("sum", "unique_count", {})}

EVENTS_CONFIG = {
    "file-download": {
        "templates": f"{_EVENTS}.file_download",
        "signal": "invenio_files_rest.signals.file_downloaded",
        "event_builders": [f"{_BUILDERS}.file_download_event_builder"],
        "cls": EventsIndexer,
        "params": {
            "preprocessors": [flag_robots, flag_machines, anonymize_user, f"{_BUILDERS}.build_file_unique_id"],
        },
    },
    "record-view": {
        "templates": f"{_EVENTS}.record_view",
        "signal": "invenio_records_ui.signals.record_viewed",
        "event_builders": [f"{_BUILDERS}.record_view_event_builder"],
        "cls": EventsIndexer,
        "params": {
            "preprocessors": [flag_robots, flag_machines, anonymize_user, f"{_BUILDERS}.build_record_unique_id"],
        },
    },
}

SEARCH_EVENTS = {
    "search": {
        "templates": f"{_EVENTS}.search",
        "signal": f"{_EVENTS}.signals.search_executed",
        "event_builders": [f"{_BUILDERS}.search_event_builder"],
        "cls": EventsIndexer,
        "usage": True,
        "params": {
            "preprocessors": [flag_robots, flag_machines, anonymize_user, f"{_BUILDERS}.build_search_unique_id"],
            "double_click_window": 0,
        },
    },
}
"""Searches that people execute on the site; add it to STATS_EVENTS, and send the signal where a search is executed."""

AGGREGATIONS_CONFIG = {
    "file-download-agg": {
        "templates": f"{_AGGREGATIONS}.aggr_file_download",
        "cls": StatAggregator,
        "params": {
            "event": "file-download",
            "field": "unique_id",
            "interval": "day",
            "index_interval": "month",
            "count_automated": True,
            "copy_fields": {"file_key": "file_key", "bucket_id": "bucket_id", "file_id": "file_id", **_ITEM},
            "metric_fields": {
                "unique_count": ("cardinality", "unique_session_id", {}),
                "volume": ("sum", "size", {}),
            },
        },
    },
    "record-view-agg": {
        "templates": f"{_AGGREGATIONS}.aggr_record_view",
        "cls": StatAggregator,
        "params": {
            "event": "record-view",
            "field": "unique_id",
            "interval": "day",
            "index_interval": "month",
            "count_automated": True,
            "copy_fields": {**_RECORD, **_ITEM},
            "metric_fields": {
                "unique_count": ("cardinality", "unique_session_id", {}),
            },
        },
    },
}

_USED = {"events": ["record-view", "file-download"], "interval": "day", "index_interval": "month"}

USAGE_AGGREGATIONS = {
    "item-usage-agg": {
        "templates": f"{_AGGREGATIONS}.aggr_item_usage",
        "cls": StatAggregator,
        "params": {**_USED, "index": names.ITEM_USAGE, "usage": ITEM_USAGE},
    },
    "record-usage-agg": {
        "templates": f"{_AGGREGATIONS}.aggr_record_usage",
        "cls": StatAggregator,
        "params": {**_USED, "index": names.RECORD_USAGE, "usage": RECORD_USAGE},
    },
    "usage-breakdown-agg": {
        "templates": f"{_AGGREGATIONS}.aggr_usage_breakdown",
        "cls": UsageBreakdownAggregator,
        "params": {**_USED, "index_interval": "year", "index": names.USAGE_BREAKDOWN, "usage": BREAKDOWNS},
    },
    "search-agg": {
        "templates": f"{_AGGREGATIONS}.aggr_search",
        "cls": StatAggregator,
        "params": {"event": "search", "interval": "day", "index_interval": "month", "usage": SEARCHES},
    },
}
"""Totals of items (COUNTER's), of records, their breakdowns, and totals of searches: add them to STATS_AGGREGATIONS."""


def _views_of_a_record() -> dict[str, Any]:
    """Return the parameters of a query, new ones for each: an instance may change those of one."""
    return {
        "index": "stats-record-view",
        "copy_fields": {**_RECORD},
        "required_filters": {"pid_value": "pid_value"},
        "optional_filters": {"pid_type": "pid_type"},
        "metric_fields": {**_VIEWS},
    }


QUERIES_CONFIG = {
    "bucket-file-download-histogram": {
        "cls": DateHistogramQuery,
        "params": {
            "index": "stats-file-download",
            "copy_fields": {"bucket_id": "bucket_id", "file_key": "file_key"},
            "required_filters": {"bucket_id": "bucket_id", "file_key": "file_key"},
        },
    },
    "bucket-file-download-total": {
        "cls": TermsQuery,
        "params": {
            "index": "stats-file-download",
            "copy_fields": {"bucket_id": "bucket_id"},
            "required_filters": {"bucket_id": "bucket_id"},
            "aggregated_fields": ["file_key"],
        },
    },
    "record-view-histogram": {
        "cls": DateHistogramQuery,
        "params": _views_of_a_record(),
    },
    "record-view-total": {
        "cls": TermsQuery,
        "params": _views_of_a_record(),
    },
}
