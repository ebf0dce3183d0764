"""Define equal settings for both sides, also if their defaults differ, so that they do the same work."""

from copy import deepcopy
from typing import Any

ALIKE = (
    "Both in monthly event indices (our default: one a day), made beforehand from each one's own templates.",
    "Both with a double-click window of 10 seconds (our default: 30). Ours slides all the same, and reads the "
    "neighbours of every click: that cannot be switched off.",
    "Both count people only. Ours knows more robots: the agents of this log are robots for both. Counting robots "
    "apart, which the public release does not do, is off.",
    "Ours counts distinct sessions exactly, the public release by the engine's estimate: up to 0.1 % less is no "
    "difference.",
    "Both look countries up in the same database, the one that the public release brings.",
    "Ours pseudonymizes events and waits for the broker's confirmation in `publish`; the public release sends them "
    "as they are and anonymizes them in the worker. `publish + consume` is the way from a raw event to a stored one.",
)
"""What is configured alike, and where the same work lies in another stage; printed under the table."""

_VIEWS = {"views": ("sum", "count", {}), "unique_views": ("sum", "unique_count", {})}
_DOWNLOADS = {
    "downloads": ("sum", "count", {}),
    "unique_downloads": ("sum", "unique_count", {}),
    "data_volume": ("sum", "volume", {}),
}
_WINDOW = 10
"""Seconds; the default of the public release."""


def settings(urls: dict[str, str], prefix: str, country_database: str | None) -> dict[str, Any]:
    """Return the configuration of an application; `urls` are those of search, broker and cache."""
    from kombu import Exchange  # here, since the interpreter that makes the environments has none

    return {
        "TESTING": True,
        "SECRET_KEY": "benchmark",
        "CACHE_TYPE": "RedisCache",
        "CACHE_REDIS_URL": urls["cache"],
        "CACHE_KEY_PREFIX": f"{prefix}cache::",
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "SEARCH_HOSTS": [urls["search"]],
        "SEARCH_INDEX_PREFIX": prefix,
        "BROKER_URL": urls["broker"],
        "QUEUES_BROKER_URL": urls["broker"],
        "STATS_MQ_EXCHANGE": Exchange("events", type="direct", delivery_mode="transient", durable=True),
        "STATS_EVENTS": _events(),
        "STATS_AGGREGATIONS": _aggregations(),
        "STATS_QUERIES": queries(),
        "STATS_GEOIP_DATABASE": country_database,
        "RATELIMIT_ENABLED": False,
        "APP_ENABLE_SECURE_HEADERS": False,
    }


def _events() -> dict[str, Any]:
    from invenio_stats.contrib.config import EVENTS_CONFIG

    events = deepcopy(EVENTS_CONFIG)
    for entry in events.values():
        entry.setdefault("params", {}).update(suffix="%Y-%m", double_click_window=_WINDOW)
    return events


def _aggregations() -> dict[str, Any]:
    from invenio_stats.contrib.config import AGGREGATIONS_CONFIG

    aggregations = deepcopy(AGGREGATIONS_CONFIG)
    for entry in aggregations.values():
        entry["params"].pop("count_automated", None)
    return aggregations


def queries() -> dict[str, Any]:
    """Return the shipped queries, and four as InvenioRDM asks them for each record."""
    from invenio_stats.contrib.config import QUERIES_CONFIG
    from invenio_stats.queries import TermsQuery

    def totals(index: str, field: str, copied: str, metrics: dict[str, Any]) -> dict[str, Any]:
        params = {
            "index": index,
            "required_filters": {field: field},
            "copy_fields": {copied: copied},
            "metric_fields": metrics,
        }
        return {"cls": TermsQuery, "params": params}

    return {
        **deepcopy(QUERIES_CONFIG),
        "record-view": totals("stats-record-view", "pid_value", "pid_value", _VIEWS),
        "record-view-all-versions": totals("stats-record-view", "record_id", "pid_value", _VIEWS),
        "record-download": totals("stats-file-download", "bucket_id", "bucket_id", _DOWNLOADS),
        "record-download-all-versions": totals("stats-file-download", "bucket_id", "bucket_id", _DOWNLOADS),
    }
