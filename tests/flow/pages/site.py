"""A small repository with two years of usage, and its pages: what the tests of pages look at."""

from calendar import monthrange
from datetime import date, datetime, timezone
from types import SimpleNamespace

from flask import g, request, session

from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, USAGE_AGGREGATIONS, USAGE_QUERIES
from invenio_stats.contrib.queries import permissions
from invenio_stats.core.periods import add_months
from invenio_stats.items.metadata import Author, ItemMetadata
from invenio_stats.pages.views import create_blueprint
from invenio_stats.queries import Query
from tests.conftest import create_light_app
from tests.fixtures.closed_months import ARTICLE, DATASET, ClosedMonths, use
from tests.flow.queries.usage_documents import Records, Totals, set_bookmarks, usage

VISITOR, UPLOADER, MANAGER, ADMINISTRATOR = None, "7", "8", "9"
MONTHS = 27
TITLES = (
    "Tide gauge measurements, Northfield Bay, 1998–2025",
    "A corpus of parliamentary debates in seven languages",
    "OpenSoil: profiles of 9,400 sites",
    "Handbook of field recording",
    "petrel: tracking small sea birds from radar",
    "Letters of the Aldermen, 1640–1702",
    "Low-cost spectrometer, drawings and firmware",
    "Survey of reading habits, wave 4",
    "Thesis: Ice loss of cold valley glaciers",
    "سجلات المد والجزر في الخليج الشمالي",
    "Storm surge model runs, 2010–2024: " + "water levels, wind, pressure and waves at stations of the coast, " * 4,
    "photographs_of_the_sea_wall_" * 5,
)
PARENTS = {f"r{number}-v{version}": f"r{number}" for number in range(1, 13) for version in (1, 2)}
STATUSES = ("open", "open", "open", "restricted", "open", "embargoed")
COUNTRIES = ("DE", "US", "GB", "FR", "IN", "NL", "JP", "BR", "NO", "PL", "IT")
HOSTS = ("internal", "scholar.example", "doi.example.org", "wiki.example.org")


class FixedAnswer(Query):
    """A query to the database that always has the same answer."""

    required_filters, optional_filters = (), ("by", "from", "to", "page", "size")

    def __init__(self, name, answer, names_people=False):
        super().__init__(name, "none")
        self.names_people, self.fixed = names_people, answer
        self.required_filters = ("community",) if name.startswith("community") else ()

    def run(self, **params):
        return {"query": self.name, "params": params, "updated": None, "complete": True, "gaps": [], **self.fixed}


HELD = [("open", 14553), ("restricted", 3225), ("metadata-only", 1796), ("embargoed", 838)]
HOLDINGS = {
    "count": 4,
    "rows": [{"rank": rank, "id": status, "records": count} for rank, (status, count) in enumerate(HELD, 1)],
    "unknown": 0,
    "next": None,
}
UPLOADS = {
    "count": 2,
    "rows": [
        {"rank": 1, "id": UPLOADER, "name": "Okafor, Ana", "records": 21, "files": 80, "bytes": 9_000_000},
        {"rank": 2, "id": MANAGER, "name": None, "records": 14, "files": 20, "bytes": 5_000},
    ],
    "unknown": 0,
    "next": None,
}


def today():
    return datetime.now(timezone.utc).date()


def months_back(count):
    """Return the first days of so many months up to the running one."""
    return [add_months(today().replace(day=1), back) for back in range(1 - count, 1)]


def new_records():
    months = months_back(13)[:-1]
    points = [
        {"date": f"{month:%Y-%m-%d}", "state": "whole", "records": 180 + 13 * (number % 7), "uploaders": 9}
        for number, month in enumerate(months)
    ]
    last = months[-1].replace(day=monthrange(months[-1].year, months[-1].month)[1])
    return {"from": points[0]["date"], "to": f"{last}", "points": points}


def queries():
    """Return the shipped queries, and what a database would answer."""
    fixed = {
        "repository-holdings": (HOLDINGS, permissions.everybody),
        "repository-new-records": (new_records(), permissions.everybody),
        "repository-uploaders": (UPLOADS, permissions.administrators),
        "community-holdings": (HOLDINGS, permissions.of_community),
        "community-new-records": (new_records(), permissions.of_community),
        "community-uploaders": (UPLOADS, permissions.managers_of_community),
    }
    return {
        **USAGE_QUERIES,
        **{
            name: {
                "cls": FixedAnswer,
                "params": {"answer": answer, "names_people": name.endswith("uploaders")},
                "permission_factory": permission,
            }
            for name, (answer, permission) in fixed.items()
        },
    }


def settings(**more):
    """Return the settings of an application with pages."""
    return {
        "SECRET_KEY": "of the tests",
        "STATS_PAGES_ENABLED": True,
        "I18N_LANGUAGES": [("de", "German")],
        "STATS_AGGREGATIONS": {**AGGREGATIONS_CONFIG, **USAGE_AGGREGATIONS},
        "STATS_QUERIES": queries(),
        "STATS_COUNTER_PLATFORM": "Northfield Research Archive",
        "STATS_COUNTER_PLATFORM_ID": "northfield",
        "STATS_COUNTER_CUSTOMERS": [{"customer_id": "c1", "name": "One University"}],
        "STATS_COUNTER_COUNTRIES": True,
        **more,
    }


def create_app(**config):
    """Return the application with its pages; each request is made by the user that its header names."""
    app = create_light_app(**config)
    app.register_blueprint(create_blueprint(app))

    @app.before_request
    def identify():
        user = request.headers.get("X-User")
        session.pop("_user_id", None)
        if user:
            session["_user_id"] = user
        g.identity = SimpleNamespace(id=user, provides=frozenset())

    return app


class Library(Records):
    """What the instance knows of its records."""

    def __init__(self):
        super().__init__(
            PARENTS,
            owners={item: UPLOADER for item in list(PARENTS)[:8]},
            communities={"c1": "coast", "c2": "languages", "hidden": "secret"},
            hidden=["r4-v1", "r4-v2", "hidden"],
            administrators=[ADMINISTRATOR],
        )

    def manages_community(self, identity, community_id):
        return community_id == "c1" and getattr(identity, "id", None) == MANAGER

    def versions(self, parent_id):
        return [item for item, parent in self.parents.items() if parent == parent_id]

    def files(self, item_ids):
        return {item: [("gauges-hourly.csv", 188_000_000), ("readme.pdf", 310_000)] for item in item_ids}

    def user_names(self, user_ids):
        return {user: "Okafor, Ana" for user in user_ids if user == UPLOADER}

    def describe(self, item_ids):
        return {
            item: ItemMetadata(
                title=TITLES[int(self.parents[item][1:]) - 1],
                authors=(Author("Brandt, Jo"),),
                publication_date="2024-05-03",
                yop="2024",
                type_label="Dataset",
                url=f"/records/{item}",
                access_status="open",
                version=item.rpartition("-")[2],
            )
            for item in item_ids
            if item in self.parents
        }


def usages():
    """Return totals of items: a few days of each month, more for records in front."""
    found = []
    for age, month in enumerate(months_back(MONTHS)):
        for day in (1, 11, 25):
            if month.replace(day=day) >= today():
                continue
            for number, (item, parent) in enumerate(PARENTS.items()):
                downloads = 900 // (number + 2) + 7 * ((age * 5 + number * 3 + day) % 11) + age
                status = STATUSES[number // 2 % len(STATUSES)]
                labels = ["c1"] if number < 8 else ["c2", "hidden"] if number < 14 else []
                found.append(
                    usage(
                        f"{month.replace(day=day)}",
                        item,
                        parent,
                        labels,
                        views=downloads * 3 // 2,
                        downloads=downloads,
                        volume=downloads * 1_350_000,
                        requests_by_access_status={status: downloads},
                        updated_timestamp=f"{today()}T01:00:00",
                    )
                )
    return found


BREAKDOWN_MAPPING = {
    "properties": {
        "timestamp": {"type": "date", "format": "date_optional_time"},
        **{name: {"type": "keyword"} for name in ("interval", "scope", "scope_id", "dimension")},
        **{name: {"type": "object", "enabled": False} for name in ("rows", "other")},
    }
}
FILE_KEYS = ("gauges-hourly.csv", "stations.csv", "readme.pdf")
LONG_FILE_KEY = TITLES[-1] + "scans.tif"


def seed(client, prefix, until=None):
    """Store two years of usage; `until` is the moment up to which all is counted, by default now."""
    now = until or datetime.now(timezone.utc)
    totals = Totals(client, prefix)
    found = usages()
    for start in range(0, len(found), 500):  # an engine under load needs long for many
        totals.write_usage(found[start : start + 500])
    downloads = [total for item in ("r1-v1", "r1-v2", "r12-v1") for total in _files(found, item)]
    totals.write("stats-file-download", downloads)
    _seed_breakdowns(client, prefix, found)
    _seed_closed_months(client, prefix)
    set_bookmarks(client, prefix, now)
    client.index(
        index=f"{prefix}stats-bookmarks", id="usage-breakdown-agg", body={"date": now.isoformat()}, refresh=True
    )


CLOSED = 4
"""How many months are closed; the newest one has been restated."""


def closed_months():
    """Return the closed months, oldest first."""
    return [f"{month:%Y-%m}" for month in months_back(CLOSED + 1)[:-1]]


def _seed_closed_months(client, prefix):
    store = ClosedMonths(client, prefix)
    store.put_items({"a": ARTICLE, "d": DATASET})
    for number, month in enumerate(closed_months(), 1):
        usages = [
            use("a", 10 * number, 6 * number, institution="c1", country="DE"),
            use("d", 4 * number, 2 * number, data_type="Dataset", yop="2021"),
        ]
        store.close(month, usages, revision=2 if number == CLOSED else 1)


def _files(found, item):
    for total in found:
        if total["item_id"] == item:
            first, second = total["downloads"] // 2, total["downloads"] // 3
            keys = FILE_KEYS if item.startswith("r1-") else (LONG_FILE_KEY, *FILE_KEYS[1:])
            for key, count in zip(keys, (first, second, total["downloads"] - first - second), strict=True):
                yield {
                    "timestamp": total["timestamp"],
                    "item_id": item,
                    "parent_id": total["parent_id"],
                    "file_key": key,
                    "count": count,
                    "unique_count": count // 2,
                    "volume": count * 1_350_000,
                }


def _seed_breakdowns(client, prefix, found):
    for month in months_back(MONTHS)[:-1]:
        index = f"{prefix}stats-usage-breakdown-{month:%Y}"
        if not client.indices.exists(index=index):
            body = {"mappings": BREAKDOWN_MAPPING, "aliases": {f"{prefix}stats-usage-breakdown": {}}}
            client.indices.create(index=index, body=body)
        used = [total for total in found if total["timestamp"][:7] == f"{month:%Y-%m}"]
        for scope, scope_id, of_scope in (
            ("repository", None, used),
            ("community", "c1", [total for total in used if "c1" in total["labels"]]),
            ("record", "r1", [total for total in used if total["parent_id"] == "r1"]),
        ):
            views, downloads = (sum(total[name] for total in of_scope) for name in ("views", "downloads"))
            for dimension, values in (("country", COUNTRIES), ("referrer", HOSTS)):
                document = _breakdown(month, scope, dimension, values, views, downloads)
                if scope_id:
                    document["scope_id"] = scope_id
                client.index(index=index, id=f"{dimension}:{scope}:{scope_id}:{month}", body=document)
    client.indices.refresh(index=f"{prefix}stats-usage-breakdown*")


def _breakdown(month, scope, dimension, values, views, downloads):
    rows, left_views, left_downloads = [], views, downloads
    for number, value in enumerate(values, 2):
        row = {"investigations": (views + downloads) // (number + 2), "requests": downloads // (number + 2)}
        if row["requests"] > left_downloads or row["investigations"] - row["requests"] > left_views:
            break
        left_views -= row["investigations"] - row["requests"]
        left_downloads -= row["requests"]
        rows.append({"value": value, **row})
    other = min(left_downloads, 3)
    return {
        "timestamp": f"{month}T00:00:00",
        "interval": "month",
        "scope": scope,
        "dimension": dimension,
        "rows": [*rows, {"investigations": left_views + left_downloads - other, "requests": left_downloads - other}],
        "other": {"investigations": other, "requests": other},
    }


def plain_sum(metric, first: date, last: date, **fields):
    """Return a metric of all usage in a range, counted plainly."""
    return sum(
        total[metric]
        for total in usages()
        if f"{first}" <= total["timestamp"][:10] <= f"{last}"
        and all(value in total[n] if isinstance(total[n], list) else value == total[n] for n, value in fields.items())
    )
