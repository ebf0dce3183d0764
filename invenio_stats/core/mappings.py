"""Define the mappings from which the JSON files of all index templates are generated.

`python -m invenio_stats.contrib` writes the files; a test fails if they differ from this module.
"""

from typing import Any

Field = dict[str, Any]
Body = dict[str, Any]

KEYWORD: Field = {"type": "keyword"}
BOOLEAN: Field = {"type": "boolean"}
DATE: Field = {"type": "date", "format": "strict_date_optional_time"}
STAMP: Field = {"type": "date"}
WHOLE: Field = {"type": "integer"}
NUMBER: Field = {"type": "double"}

EVENT_FIELDS: dict[str, Field] = {
    "timestamp": DATE,
    "unique_id": KEYWORD,
    "item_id": KEYWORD,
    "parent_id": KEYWORD,
    "labels": KEYWORD,
    "access_status": KEYWORD,
    "access_type": KEYWORD,
    "access_method": KEYWORD,
    "institution": KEYWORD,
    "visitor_id": KEYWORD,
    "unique_session_id": KEYWORD,
    "previous_visitor_id": KEYWORD,
    "country": KEYWORD,
    "agent_class": KEYWORD,
    "agent_id": KEYWORD,
    "lists_version": KEYWORD,
    "is_local_salt": BOOLEAN,
    "is_robot": BOOLEAN,
    "is_machine": BOOLEAN,
    "referrer": KEYWORD,
    "first": DATE,
    "superseded": BOOLEAN,
    "item_from": KEYWORD,
    "event_id": KEYWORD,
    "updated_timestamp": STAMP,
}
"""Fields that every raw event may have, in addition to those of its event type."""

WAS_DOUBLED = "was_doubled"
"""Field of raw events that were in two indices until a compaction: totals counted them twice. Indices get it then."""

TOTAL_FIELDS: dict[str, Field] = {
    "timestamp": {"type": "date", "format": "date_optional_time"},
    "unique_id": KEYWORD,
    "count": WHOLE,
    "unique_count": WHOLE,
    "item_id": KEYWORD,
    "parent_id": KEYWORD,
    "labels": KEYWORD,
    "access_status": KEYWORD,
    "updated_timestamp": STAMP,
}
"""Fields that every total may have, in addition to those copied from its newest event."""

LONG: Field = {"type": "long"}
NUMBERS: Field = {"type": "object", "dynamic": True}
"""Numbers by a name that data gives, such as the requests by access status."""
NOT_INDEXED: Field = {"type": "object", "enabled": False}
"""Stored and returned, but neither searched nor grouped by."""

LISTED: Field = {"type": "keyword", "eager_global_ordinals": True}
"""Lists group by it. What the engine needs for that is made when an index changes, not by the first list after it."""

RECORD_USAGE_FIELDS: dict[str, Field] = {
    "parent_id": LISTED,
    "views": LONG,
    "downloads": LONG,
    "unique_views": LONG,
    "unique_downloads": LONG,
    "volume": LONG,
    "requests_by_access_status": NUMBERS,
    "requests_by_access_type": NUMBERS,
}
"""Fields of the usage totals of records."""

ITEM_USAGE_FIELDS: dict[str, Field] = {
    **RECORD_USAGE_FIELDS,
    "item_id": LISTED,
    "parent_id": KEYWORD,
    "total_item_investigations": LONG,
    "total_item_requests": LONG,
    "unique_item_investigations": LONG,
    "unique_item_requests": LONG,
    "rows": NOT_INDEXED,
}
"""Fields of the usage totals of items."""

SEARCH_FIELDS: dict[str, Field] = {"search_page": KEYWORD, "rows": NOT_INDEXED}
"""Fields of the totals of searches."""

BREAKDOWN_FIELDS: dict[str, Field] = {
    "interval": KEYWORD,
    "scope": KEYWORD,
    "scope_id": KEYWORD,
    "dimension": KEYWORD,
    "rows": NOT_INDEXED,
    "other": NOT_INDEXED,
}
"""Fields of the breakdowns of usage: those of days, and those of months, which are folded."""

NOT_SUPERSEDED: Body = {"bool": {"must_not": [{"term": {"superseded": True}}]}}
"""The filter of the alias of raw events: only events that count."""

INDEX_SETTINGS: Body = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "5s"}}
"""One shard for each index; a replica if there is a second node; new documents are searchable after five seconds."""

PREFIX = "__SEARCH_INDEX_PREFIX__"
"""Placeholder for the instance's prefix in a template; invenio-search replaces it."""


def mappings(fields: dict[str, Field]) -> Body:
    """Return the mappings of an index: a field that is not listed is stored, but not searchable."""
    return {
        "dynamic": False,
        "date_detection": False,
        "numeric_detection": False,
        "properties": dict(sorted(fields.items())),
    }


def events_body(alias: str, fields: dict[str, Field]) -> Body:
    """Return settings, mappings and alias of an index of raw events; the alias hides superseded clicks."""
    return {
        "settings": INDEX_SETTINGS,
        "mappings": mappings({**EVENT_FIELDS, **fields}),
        "aliases": {alias: {"filter": NOT_SUPERSEDED}},
    }


def totals_body(alias: str, fields: dict[str, Field]) -> Body:
    """Return settings, mappings and alias of an index of totals."""
    return {
        "settings": INDEX_SETTINGS,
        "mappings": mappings({**TOTAL_FIELDS, **fields}),
        "aliases": {alias: {}},
    }


def legacy_template(alias: str, body: Body, pattern: str = "*") -> Body:
    """Return the `_template` body for the indices of the alias, which have the pattern behind it."""
    return {"index_patterns": [f"{alias}-{pattern}"], "order": 0, "version": 1, **body}


def composable_template(alias: str, body: Body, pattern: str = "*") -> Body:
    """Return the `_index_template` body for the indices of the alias, which have the pattern behind it."""
    return {"index_patterns": [f"{alias}-{pattern}"], "priority": 100, "version": 1, "template": body}
