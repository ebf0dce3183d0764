"""Configuration: every STATS_* setting with its default, its effect, and when to change it."""

from flask import current_app
from kombu import Exchange

STATS_REGISTER_RECEIVERS = True
"""Connect the event types that name a `signal` to it. Set to False in an application that must not count."""

STATS_EVENTS: dict = {}
"""Event types: `{name: {"templates", "cls", "params", "signal", "event_builders", "usage"}}`.

Default: none. `invenio_stats.contrib.config.EVENTS_CONFIG` holds record views and file downloads;
`invenio_stats.declare.event_type` makes new ones. An entry may also be an import string or a
callable `(app) -> dict`. `usage` (default: True for `file-download` and `record-view`, else False) says that
an event is use of an item in COUNTER's sense: it carries its item, and counts only when the response is a success.
"""

STATS_AGGREGATIONS: dict = {}
"""Aggregations: `{name: {"templates", "cls", "params"}}`.

Default: none. Shipped ones: `invenio_stats.contrib.config.AGGREGATIONS_CONFIG`.
"""

STATS_QUERIES: dict = {}
"""Queries of the REST API: `{name: {"cls", "params", "permission_factory"}}`.

Default: none. Shipped ones: `invenio_stats.contrib.config.QUERIES_CONFIG`.
"""

STATS_PERMISSION_FACTORY = "invenio_stats.utils.default_permission_factory"
"""Who may ask a query without `permission_factory`: `(query_name, params)` -> object with `can()`, or None.

Default: everybody. Object or import string. Change it where numbers are not public.
"""

STATS_MQ_EXCHANGE = Exchange("events", type="direct", delivery_mode="transient", durable=True)
"""The broker's exchange for events.

The default equals the one that existing instances have: a broker refuses to redeclare an exchange with
other properties. Messages are persistent whatever it says.
"""

STATS_REGISTER_INDEX_TEMPLATES = False
"""False: place legacy templates (`_template`); True: composable ones (`_index_template`).

Change it where the other index templates of the instance are composable: an engine ignores legacy ones
for an index that a composable one matches.
"""

STATS_EVENTS_UTC_DATETIME_ENABLED = False
"""False: builders write timestamps without zone, to the second; True: with zone and fraction."""

STATS_ITEM_RESOLVER = "invenio_stats.items.resolver.resolve_item"
"""Finds the item that a view or download belongs to: `(pid=None, record=None, obj=None, **kwargs)` -> Item or None.

Default: understands plain records and InvenioRDM records. Object or import string; None switches it off.
It is asked at most once per record and request.
"""

STATS_GEOIP_DATABASE: str | None = None
"""Path of a country database in MaxMind's format (`.mmdb`); a new file is in use within a minute.

Default: that of the package `maxminddb-geolite2` if it is installed, as in 7.x; else countries stay unknown. An empty
text means none.
"""

STATS_DEAD_LETTERS_DAYS: int = 30
"""How long dead letters are kept, in days, where `StatsDeadLettersTask` is scheduled. Default: a month."""

STATS_SPOOL_DIR: str | None = None
"""Folder on the local disk for events that the broker could not take. Default: `stats-spool` in the instance's folder.

Processes of one machine share it. Set it to a disk that outlives the process.
"""

STATS_SPOOL_MAX_MB: float = 256
"""How much the spool may hold, in MiB, about a million events; 0 switches it off. What it cannot take is refused."""

STATS_PROCESS_SECONDS: float | None = 1500
"""Seconds after which the processing of an event type stops at the end of its batch; the rest waits for the next run.

Default: 25 minutes, less than the half hour between two runs. None for no limit.
"""

STATS_LEASE_SECONDS: float = 120
"""Seconds after its last sign of life until a run of an aggregation is given up, and others take its intervals.

Default: two minutes; more than the slowest single request of a run, and than clocks differ.
"""

STATS_PSEUDONYMIZE_IN: dict[str, str] = {}
"""Where events are pseudonymized, for event types that are not to follow the rule: `{type: "web" or "worker"}`.

Default: none; a type is pseudonymized in the web process, before its message leaves it, unless a preprocessor of its
own stands before `anonymize_user` and may need the address or the agent. Set a type to `"web"` when that
preprocessor does not need them. With `"worker"` the queue holds address, agent and ids.
"""

STATS_ROBOTS_PATTERNS: list[str] = []
"""Regular expressions of agents that are robots here, whatever the lists say; case is ignored. Default: none."""

STATS_ROBOTS_EXCEPTIONS: list[str] = []
"""Regular expressions of agents that are browsers here, whatever the lists say; case is ignored. Default: none."""


def writes_zone() -> bool:
    """Return STATS_EVENTS_UTC_DATETIME_ENABLED of the current application; the default without one."""
    config = current_app.config if current_app else {}
    return bool(config.get("STATS_EVENTS_UTC_DATETIME_ENABLED", STATS_EVENTS_UTC_DATETIME_ENABLED))
