"""Define every STATS_* setting with its default, its effect and when to change it."""

from flask import current_app
from kombu import Exchange

from invenio_stats.core.access_types import DEFAULT_ACCESS_TYPES
from invenio_stats.core.instances import instance_name

STATS_REGISTER_RECEIVERS = True
"""Connect event types to their `signal`. Set it to False in an application that must not count."""

STATS_EVENTS: dict = {}
"""Event types: `{name: {"templates", "cls", "params", "signal", "event_builders", "usage"}}`.

Default: none. `invenio_stats.contrib.config` has record views and file downloads in `EVENTS_CONFIG`, and searches in
`SEARCH_EVENTS`; `invenio_stats.declare.event_type` declares new types. An entry may also be an import string or a
callable `(app) -> dict`. If `usage` is True (default for `file-download` and `record-view`, otherwise False), an
event is usage of an item in COUNTER's sense: it has its item's fields, and counts if the response delivers the content.
"""

STATS_AGGREGATIONS: dict = {}
"""Aggregations: `{name: {"templates", "cls", "params"}}`.

Default: none. Shipped ones: `invenio_stats.contrib.config.AGGREGATIONS_CONFIG`.
"""

STATS_QUERIES: dict = {}
"""Queries of the REST API: `{name: {"cls", "params", "permission_factory"}}`.

Default: none. Shipped ones: `QUERIES_CONFIG` and, about the use of records, `USAGE_QUERIES` of
`invenio_stats.contrib.config`.
"""

STATS_PERMISSION_FACTORY = "invenio_stats.utils.default_permission_factory"
"""Permission for every query: `(query_name, params)` -> object with `can()`, or None for "permitted".

Default: everybody is permitted. Object or import string. If the query has a `permission_factory` of its own, both have
to permit the request. Change it if the numbers of the instance are not public.
"""

STATS_MONITORING_PERMISSION_FACTORY = "invenio_stats.permissions.administrator_permission_factory"
"""Permission for `/api/stats/health` and `/api/stats/metrics`: `("health" or "metrics", {})` -> as above.

Default: the administrators that `STATS_ACCESS` knows. Object or import string. Change it to let a monitoring system in,
for example by a token.
"""

STATS_QUERY_MAX_BODY_BYTES: int = 1_048_576
"""Maximal size in bytes of the body of `POST /api/stats`. Default: 1 MiB, far more than 100 queries need.

A longer body is not read: the answer is 413. Raise it if clients send very long parameters.
"""

STATS_QUERY_MAX_BUCKETS: int | None = 120_000
"""Maximal number of buckets (intervals of histograms, and groups) that the search engine may return for one request.

Default: 120,000, enough for the largest single answer (100,000 groups), or for 32 daily histograms over ten years. A
request for more is answered by 400: before the search if its ranges are that long, otherwise as soon as the answers
are. None is no limit. Queries that are run in Python have none.
"""

STATS_QUERY_MAX_SECONDS: float | None = 30
"""Seconds after which the search engine stops counting for one request, which is then answered by 503.

Default: 30. A partial answer is never given. Set it below the time-out of the web server in front of the application.
The time-out of the search engine's client (10 seconds by default) applies to each search too, if it is shorter. None is
no limit. Queries that are run in Python have none.
"""

STATS_PAGES_ENABLED = False
"""Serve the pages of statistics from the web application: True or False. Default: False.

They need item usage and its queries; `invenio stats doctor` gives the lines to add. See the page *Pages* of the
documentation.
"""

STATS_PAGES_URL_PREFIX = "/stats"
"""Address of the pages, below the root of the web application. Default: `/stats`."""

STATS_PAGES_BASE_TEMPLATE: str | None = None
"""Template that the pages extend; it needs the blocks `css` and `page_body`.

Default: None, the instance's `BASE_TEMPLATE` if it is set, else `invenio_stats/base.html`, which is bare.
"""

STATS_PAGES_HEADLINE = "total"
"""The number that stands large for views and downloads: `total` or `unique`; the other one stands below it.

Default: `total`. Set it to `unique` if readers know your numbers as unique ones, as InvenioRDM has always shown them.
"""

STATS_PAGES_API_URL = "/api/stats"
"""Address of the REST API of statistics, for the links to files in pages. Default: `/api/stats`.

It is needed if the API is served by another application, for example at `https://api.example.org/stats`. A path is one
below the root of the web application.
"""

STATS_EXPORT_ROWS: int = 1_000_000
"""Maximal number of rows in a file with a whole list. Default: 1,000,000, nearly all that a sheet of Excel can have.

A longer list is answered by 400. The limits of a request apply to each 1,000 rows. Lower it if workers have little
memory: about 200 bytes for each row.
"""

STATS_MQ_EXCHANGE = Exchange("events", type="direct", delivery_mode="transient", durable=True)
"""The broker's exchange for events.

The default is that of existing instances: a broker refuses to redeclare an exchange with different properties.
Messages are persistent whatever its delivery mode is.
"""

STATS_REGISTER_INDEX_TEMPLATES = False
"""False: register legacy templates (`_template`); True: composable templates (`_index_template`).

Set it to True if the instance's other index templates are composable: the search engine ignores legacy templates for
an index that a composable template matches.
"""

STATS_EVENTS_UTC_DATETIME_ENABLED = False
"""False: builders write timestamps without time zone, to the second; True: with time zone and fraction."""

STATS_ITEM_RESOLVER = "invenio_stats.items.resolve_item"
"""Returns the item of a view or download: `(pid=None, record=None, obj=None, **kwargs)` -> Item or None.

Default: supports plain records and InvenioRDM records. Object or import string; None switches it off.
It is called at most once for each record in a request.
"""

STATS_COUNTER_ACCESS_TYPES: dict[str, str] = dict(DEFAULT_ACCESS_TYPES)
"""COUNTER's access type by access status: `Open`, `Free_To_Read` or `Controlled`.

Default: `open` and `metadata-only` are Open; `embargoed`, `restricted` and `closed` are Controlled. A status that the
setting leaves out has its default, any other one is Open. It is applied when an event is built, and changes no event
that is stored.
"""

STATS_FOLD_UNDER = 5
"""Different visitors that a country or referring host must have on at least one day of a month to be shown in it.

Default: 5. The others are one line, "Other". Months that are already folded stay as they are until one of their days
is recounted: `invenio stats aggregations process usage-breakdown-agg --from ... --to ...` folds them anew.
"""

STATS_BREAKDOWN_MIN_USES = 50
"""Views and downloads that a record must have in a month, all versions together, to have a breakdown of that month.

Default: 50. Who knows all but one of a community's records could otherwise tell the countries of the last one.
"""

STATS_BREAKDOWN_VALUES = 1_000
"""Countries or referring hosts in the breakdown of one day or month; what is used less is part of "Other".

Default: 1,000. It bounds the size of each document, whatever hosts requests claim to come from.
"""

STATS_COUNTER_TDM = None
"""Recognises agreed text and data mining: `(request)` -> True if the request is part of it.

Default: None, all use is regular. Object or import string. Set it if users may mine your repository through an end
point, account, key or address that was agreed: such use counts in COUNTER's reports although its agent is a program.
Keep it fast and without a database query, it is called in each request with an event.
"""

STATS_COUNTER_CUSTOMERS: list = []
"""Institutions that use is attributed to: dicts with `customer_id`, `name` and optionally the others below.

`institution_id`: identifiers by namespace, `{"ROR": ["00hx57361"]}` (ISNI, ISIL, OCLC, ROR, Proprietary). `ranges`:
IP addresses of the institution, `["192.0.2.0/24", "2001:db8::/32"]`; the longest range that holds an address
decides. `members`: ids of the customers that belong to it, if it is a consortium. Default: none. An event contains the
customer id, and never the address.
"""

STATS_COUNTER_INSTITUTION = None
"""Knows the institutions of users: `(user)` -> customer id, or None if not known.

Default: None, only the ranges of `STATS_COUNTER_CUSTOMERS` decide. Object or import string. It is asked before the
ranges, once in a request with an event, with flask-login's current user, who may be anonymous.
"""

STATS_COUNTER_PLATFORM: str | None = None
"""Name of the repository in COUNTER reports, such as "Example Repository". Default: None, there are no reports.

It switches the reports on, together with `STATS_COUNTER_PLATFORM_ID`: the commands `invenio stats counter`, the COUNTER
API and the page of reports.
"""

STATS_COUNTER_PLATFORM_ID: str | None = None
"""Short id of the repository, the namespace of its own ids in COUNTER reports: `example`. Default: None.

At most 17 of the characters `A-Za-z0-9_./`, beginning with a letter.
"""

STATS_COUNTER_CREATED_BY: str | None = None
"""Name of the organisation that makes the COUNTER reports. Default: None, that of `STATS_COUNTER_PLATFORM`."""

STATS_COUNTER_REGISTRY_RECORD: str | None = None
"""Address of the platform in COUNTER's registry: `https://registry.countermetrics.org/platform/<uuid>`.

Default: None, the platform is not registered, and validators of reports give a warning.
"""

STATS_COUNTER_FIRST_MONTH: str | None = None
"""First month that COUNTER reports are made of: "2026-05". Default: None.

Then it is the month of the oldest event with an item, or the next one if that month began before the first complete
day. It is fixed when the first month is closed.
"""

STATS_COUNTER_CLOSE_AFTER_DAYS: int = 3
"""Days that a month has to be over before it is closed for COUNTER reports. Default: 3."""

STATS_COUNTER_COUNTRIES = False
"""Whether COUNTER reports can show and be filtered by Country_Code. Default: False.

If it is True, they can for administrators, and for requestors that were granted it. Countries of COUNTER reports are
not folded: a country with a single visitor is shown.
"""

STATS_COUNTER_API_PREFIX = "/counter"
"""Address of the COUNTER API in the REST application. Default: `/counter`, below `/api` in most instances."""

STATS_COUNTER_INSECURE = False
"""Whether the COUNTER API answers requests that did not come by HTTPS, whose keys anyone could read. Default: False."""

STATS_COUNTER_RATE_LIMIT = "60 per minute"
"""How many requests a requestor of the COUNTER API may send. Default: "60 per minute"; None is no limit.

Several limits are separated by semicolons: "60 per minute; 1000 per day". They are counted in the storage of the
application's own limits (`RATELIMIT_STORAGE_URI`), without one in each process.
"""

STATS_COUNTER_INLINE_ROWS: int = 100_000
"""Documents of usage up to which a COUNTER report is made while the client waits. Default: 100,000.

Larger ones are made by a task and kept in `STATS_COUNTER_DIR` for a day.
"""

STATS_COUNTER_DIR: str | None = None
"""Directory of large COUNTER reports. Default: `stats-counter` in the instance's directory.

Hosts of web and of worker processes must share it.
"""

STATS_COUNTER_DIR_MAX_MB: float = 2048
"""Maximal size of all large COUNTER reports together, in MiB. Default: 2048.

The oldest ones are removed for a new one. A report that is larger is not made. JSON and TSV are kept compressed.
"""

STATS_COUNTER_PERMISSION_FACTORY = "invenio_stats.permissions.counter_permission_factory"
"""Decides who may have a customer's COUNTER report from the page: `(customer_id=...)` -> an object with `can()`.

Default: The World for everybody, other customers for administrators. Object or import string.
"""

STATS_COUNTER_DATACITE_URL: str | None = None
"""Address of DataCite's usage reports service: `https://api.datacite.org`. Default: None, nothing is deposited."""

STATS_COUNTER_DATACITE_TOKEN: str | None = None
"""Token of the account at DataCite's usage reports service. It is never logged or shown. Default: None."""

STATS_COUNTER_DATACITE_ACCOUNT: str | None = None
"""Name of that account, such as `abcd.efgh`: deposited reports give it as `created-by`.

Default: None, the name of `STATS_COUNTER_CREATED_BY`. Do not change it once a month is deposited: the service knows a
report by it.
"""

STATS_ITEM_METADATA = None
"""Describes items for lists and reports: `(item_ids)` -> {item_id: ItemMetadata}, at most 500 ids at once.

Default: InvenioRDM's records if they are there, else those of invenio-records, else nothing is known. Object, class or
import string. Set it if your records have other fields: `PlainMetadata(keys={"title": "name"})` of
`invenio_stats.items.plain_metadata`, or a function of your own.
"""

STATS_ACCESS = None
"""Knows who may read, own and manage what: an object with the methods of `invenio_stats.items.Access`.

Default: as for `STATS_ITEM_METADATA`; if nothing is known, no title is shown and nobody manages anything. Object, class
or import string. Set it if the owner of your records is in another field than `owners`:
`PlainAccess(owner_field="created_by")` of `invenio_stats.items.plain_access`.
"""

STATS_GEOIP_DATABASE: str | None = None
"""Path of a country database in MaxMind's format (`.mmdb`); a new file is in use within a minute.

Default: that of the package `maxminddb-geolite2` if it is installed, as in 7.x; else countries stay unknown. An empty
text means none.
"""

STATS_DEAD_LETTERS_DAYS: int = 30
"""Days after which `StatsDeadLettersTask`, if scheduled, deletes dead letters. Default: 30."""

STATS_RETENTION_EVENTS_MONTHS: int = 13
"""Calendar months of raw events that `StatsExpireTask`, if scheduled, keeps, the running month among them. Default: 13.

Older events are deleted once all totals hold them; totals stay. At least 2. More than 25 need
`STATS_RETENTION_OVERRIDE`. Nothing is deleted unless the task is scheduled, or `invenio stats events expire` is run.
"""

STATS_RETENTION_OVERRIDE: str | None = None
"""Reason why raw events are kept for more than 25 months, such as a ruling of your data protection officer.

Default: None; the application then does not start with a longer retention. The privacy report names the reason.
"""

STATS_AGENTS_MAX: int = 100_000
"""Maximal number of user agents in the catalog. Default: 100,000, many times what a large repository sees.

Anybody may send an invented user agent with each request. If the catalog is full, agents that were seen on one day
only, more than 30 days ago, make room; else new ones are left out. Their events count like all others.
"""

STATS_SPOOL_DIR: str | None = None
"""Local directory for events while the broker is not available. Default: `stats-spool` in the instance's directory.

All processes of a machine share it. Set it to a directory that is kept when a process or container ends.
"""

STATS_SPOOL_MAX_MB: float = 256
"""Maximal size of the spool in MiB. Default: 256, about a million events; 0 switches the spool off.

When the spool is full, further events are rejected with EventsRefusedError.
"""

STATS_PROCESS_SECONDS: float | None = 1500
"""Seconds after which a run that processes an event type stops at the end of its batch; the next run continues.

Default: 25 minutes, less than the half hour between two runs. None is no limit.
"""

STATS_LEASE_SECONDS: float = 120
"""Seconds after its last heartbeat until a run of an aggregation loses its lease, and other runs take its intervals.

Default: two minutes. It must be longer than the slowest single request of a run and the difference between clocks.
"""

STATS_PSEUDONYMIZE_IN: dict[str, str] = {}
"""Where events are pseudonymized, for event types that do not follow the rule: `{type: "web" or "worker"}`.

Default: none. By the rule a type is pseudonymized in the web process before the event is published, unless a custom
preprocessor precedes `anonymize_user`, since it may need the IP address or the user agent. Set a type to `"web"` if
that preprocessor does not need them. With `"worker"` the messages contain IP address, user agent and user ids.
"""

STATS_OBJECTION_SIGNALS = ("cookie", "gpc")
"""What counts as a visitor's objection to being counted: any of `cookie`, `gpc` and `dnt`.

Default: the visitor's choice on the page `/stats/privacy`, and the browser's signal Global Privacy Control
(`Sec-GPC: 1`). `dnt` is Do Not Track (`DNT: 1`). Of a request that objects, no event is built; one number for each day
and event type is counted. An empty tuple means that nobody can object.
"""

STATS_OBJECTION_COOKIE = "stats-objection"
"""Name of the cookie of visitors who object; its value is `1` for all of them. Default: `stats-objection`.

Change it if another program of your site sets the choice. Its path is `/`, it has the domain of the session's cookie
(`SESSION_COOKIE_DOMAIN`), and it is kept for 13 months.
"""

STATS_PRIVACY_CONTACT: str | None = None
"""Address of those whom visitors may ask about their data: a page, or a mail address. Default: None.

The page `/stats/privacy` links it.
"""

STATS_LOG_ERROR_TEXTS = False
"""Write the texts of errors of builders, preprocessors and other functions of the instance to the log.

Default: False: they may quote an address or a user. Set it to True on a developer's machine only.
"""

STATS_ROBOTS_PATTERNS: list[str] = []
"""Regular expressions of user agents that are robots in this instance; case is ignored. Default: none.

User agents that the lists know as AI agents or machines keep that class; they do not count either.
"""

STATS_ROBOTS_EXCEPTIONS: list[str] = []
"""Regular expressions of user agents that are browsers in this instance, whatever the lists and
`STATS_ROBOTS_PATTERNS` say; case is ignored. Default: none."""

STATS_ROBOTS_FILE: str | None = None
"""File with further patterns of robots. Default: `stats-robots.json` in the instance's directory.

`invenio stats robots update --file` writes it; without it there are none. Hosts of web and of worker processes must
share it, or have the same. It is a list as COUNTER publishes it, or has one pattern on each line. A new file is in use
within a minute. If it is invalid, running processes keep the patterns before, and the application does not start.
"""


def own_instance_name() -> str:
    """Return the name of the current instance, by SEARCH_INDEX_PREFIX or SECRET_KEY."""
    return instance_name(current_app.config.get("SEARCH_INDEX_PREFIX"), current_app.config.get("SECRET_KEY"))


def writes_zone() -> bool:
    """Return STATS_EVENTS_UTC_DATETIME_ENABLED of the current application; the default without one."""
    config = current_app.config if current_app else {}
    return bool(config.get("STATS_EVENTS_UTC_DATETIME_ENABLED", STATS_EVENTS_UTC_DATETIME_ENABLED))
