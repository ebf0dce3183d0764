"""Define the mappings from which the JSON files of all index templates are generated.

`python -m invenio_stats.contrib` writes the files; a test fails if they differ from this module.
"""

from typing import Any

Field = dict[str, Any]
Body = dict[str, Any]

KEYWORD: Field = {"type": "keyword"}
"""Searched, and grouped by."""
SEARCHED: Field = {"type": "keyword", "doc_values": False}
"""Only searched."""
GROUPED: Field = {"type": "keyword", "index": False}
"""Only grouped by, or counted distinct: Elasticsearch 7 and OpenSearch 1 cannot search it."""
STORED: Field = {"type": "keyword", "index": False, "doc_values": False}
"""Only returned with its document. It is mapped nevertheless, for mappings that reject what they do not name."""

FLAG: Field = {"type": "boolean", "doc_values": False}
"""Only searched."""
BOOLEAN: Field = {"type": "boolean"}
STORED_FLAG: Field = {"type": "boolean", "index": False, "doc_values": False}
DATE: Field = {"type": "date", "format": "strict_date_optional_time"}
STORED_DATE: Field = {**DATE, "index": False, "doc_values": False}
STAMP: Field = {"type": "date"}
WHOLE: Field = {"type": "integer", "index": False}
"""Added up, never searched; so are the other numbers."""
LONG: Field = {"type": "long", "index": False}
NUMBER: Field = {"type": "double", "index": False}

NOT_INDEXED: Field = {"type": "object", "enabled": False}
"""Stored and returned, but neither searched nor grouped by."""

EVENT_FIELDS: dict[str, Field] = {
    "timestamp": DATE,
    "unique_id": KEYWORD,
    "item_id": KEYWORD,
    "parent_id": KEYWORD,
    "labels": STORED,
    "access_status": STORED,
    "access_type": STORED,
    "access_method": SEARCHED,
    "institution": STORED,
    "visitor_id": KEYWORD,
    "unique_session_id": GROUPED,
    "previous_visitor_id": STORED,
    "country": KEYWORD,
    "agent_class": KEYWORD,
    "agent_id": KEYWORD,
    "agent_ids": SEARCHED,
    "agents": NOT_INDEXED,
    "lists_version": STORED,
    "is_local_salt": STORED_FLAG,
    "is_robot": BOOLEAN,
    "is_machine": BOOLEAN,
    "referrer": KEYWORD,
    "first": STORED_DATE,
    "superseded": FLAG,
    "excluded": FLAG,
    "excluded_by": SEARCHED,
    "item_from": STORED,
    "former_ids": KEYWORD,
    "event_id": STORED,
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

NUMBERS: Field = {"type": "object", "dynamic": True}
"""Numbers by a name that data gives, such as the requests by access status."""
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
    "interval": SEARCHED,
    "scope": SEARCHED,
    "scope_id": SEARCHED,
    "dimension": SEARCHED,
    "rows": NOT_INDEXED,
    "other": NOT_INDEXED,
}
"""Fields of the breakdowns of usage: those of days, and those of months, which are folded."""

COUNTER_USAGE_FIELDS: dict[str, Field] = {
    "item_id": KEYWORD,
    **dict.fromkeys(("data_type", "yop", "access_type", "access_method", "country", "institution"), KEYWORD),
    "total_item_investigations": LONG,
    "total_item_requests": LONG,
    "unique_item_investigations": LONG,
    "unique_item_requests": LONG,
}
"""Fields of the usage of a closed month."""

COUNTER_ITEM_FIELDS: dict[str, Field] = {
    "item_id": KEYWORD,
    "container_key": KEYWORD,
    "order_key": KEYWORD,
    "doi": KEYWORD,
    "updated": STAMP,
    "metadata": NOT_INDEXED,
}
"""Fields of what was last known of an item, and of a container."""

HIDDEN: tuple[dict[str, bool], ...] = ({"superseded": True}, {"excluded": True})
"""Terms of raw events that no query can bring back: superseded clicks, and events that a person has excluded."""
NOT_HIDDEN: Body = {"bool": {"must_not": [{"term": term} for term in HIDDEN]}}
"""The filter of the alias of raw events: only events that count."""

INDEX_SETTINGS: Body = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "5s"}}
"""One shard for each index; a replica if there is a second node; new documents are searchable after five seconds."""

COMPRESSED: Body = {"index": {**INDEX_SETTINGS["index"], "codec": "best_compression"}}
"""The settings of events and totals: they are many, and few of them are read one by one."""

SORTED: Body = {"index": {**COMPRESSED["index"], "sort.field": ["unique_id", "timestamp"]}}
"""The settings of totals by `unique_id`: those of one thing lie together, and differ in little but their numbers."""

COUNTER_USAGE_SETTINGS: Body = {"index": {**COMPRESSED["index"], "sort.field": ["item_id"], "refresh_interval": "-1"}}
"""The settings of the usage of a closed month, which is written once, by item, and refreshed when it is whole."""

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
    """Return settings, mappings and alias of an index of raw events; the alias hides superseded and excluded events."""
    return {
        "settings": COMPRESSED,
        "mappings": mappings({**EVENT_FIELDS, **fields}),
        "aliases": {alias: {"filter": NOT_HIDDEN}},
    }


def totals_body(alias: str, fields: dict[str, Field], settings: Body = COMPRESSED) -> Body:
    """Return settings, mappings and alias of an index of totals."""
    return {
        "settings": settings,
        "mappings": mappings({**TOTAL_FIELDS, **fields}),
        "aliases": {alias: {}},
    }


def legacy_template(alias: str, body: Body, pattern: str = "*") -> Body:
    """Return the `_template` body for the indices of the alias, which have the pattern behind it."""
    return {"index_patterns": [f"{alias}-{pattern}"], "order": 0, "version": 1, **body}


def composable_template(alias: str, body: Body, pattern: str = "*") -> Body:
    """Return the `_index_template` body for the indices of the alias, which have the pattern behind it."""
    return {"index_patterns": [f"{alias}-{pattern}"], "priority": 100, "version": 1, "template": body}
