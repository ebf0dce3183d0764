"""Totals of item usage and of 7.x, put into the engine as aggregations would, and an instance's records for them."""

from types import SimpleNamespace
from typing import NamedTuple

from flask import current_app

NUMBER = {"type": "long"}
KEYWORD = {"type": "keyword"}
DATE = {"type": "date", "format": "date_optional_time"}
METRICS = ("views", "unique_views", "downloads", "unique_downloads", "volume")
MAPPING = {
    "dynamic": False,
    "properties": {
        "timestamp": DATE,
        "updated_timestamp": DATE,
        **{
            name: KEYWORD
            for name in (
                *("item_id", "parent_id", "labels", "access_status", "recid", "parent_recid", "record_id"),
                *("bucket_id", "file_key"),
            )
        },
        **{name: NUMBER for name in (*METRICS, "count", "unique_count")},
        "requests_by_access_status": {"dynamic": True, "properties": {}},
    },
}


def usage(day, item_id, parent_id=None, labels=(), views=0, downloads=0, **other):
    """Return a total of item usage; unique numbers are half of the others, rounded up."""
    return {
        "timestamp": f"{day}T00:00:00",
        "item_id": item_id,
        "parent_id": parent_id or item_id,
        "labels": list(labels),
        "views": views,
        "unique_views": -(-views // 2),
        "downloads": downloads,
        "unique_downloads": -(-downloads // 2),
        "volume": 10 * downloads,
        "requests_by_access_status": {"open": downloads} if downloads else {},
        "updated_timestamp": f"{day}T01:00:00",
        **other,
    }


def by_parent(totals):
    """Return the totals of records that belong to totals of items; here unique numbers simply add up."""
    found = {}
    for total in totals:
        key = total["parent_id"], total["timestamp"]
        known = found.setdefault(key, {**{name: 0 for name in METRICS}, "labels": [], "requests_by_access_status": {}})
        known.update({name: total[name] for name in ("parent_id", "timestamp", "updated_timestamp")})
        known["labels"] = sorted({*known["labels"], *total["labels"]})
        for name in METRICS:
            known[name] += total[name]
        for status, count in total["requests_by_access_status"].items():
            by_status = known["requests_by_access_status"]
            by_status[status] = by_status.get(status, 0) + count
    return list(found.values())


def forget_revision():
    """Have the process read the revision anew, which aggregations raise and these totals do not."""
    current_app.extensions.pop("invenio-stats-completeness", None)


class Totals:
    """Puts totals into the engine: an index for each month."""

    def __init__(self, client, prefix):
        self.client = client
        self.prefix = prefix

    def write(self, alias, totals, shards=1):
        """Store totals behind an alias."""
        lines = []
        for total in totals:
            index = f"{self.prefix}{alias}-{total['timestamp'][:7]}"
            lines += [{"index": {"_index": index}}, total]
        for index in sorted({line["index"]["_index"] for line in lines[::2]}):
            if not self.client.indices.exists(index=index):
                self.create(index, f"{self.prefix}{alias}", shards)
        if lines:
            answer = self.client.bulk(body=lines, refresh=True)
            assert not answer["errors"], answer
        forget_revision()

    def create(self, index, alias, shards=1):
        """Create an index behind an alias."""
        settings = {"number_of_shards": shards, "number_of_replicas": 0}
        body = {"settings": settings, "mappings": MAPPING, "aliases": {alias: {}}}
        self.client.indices.create(index=index, body=body)

    def write_usage(self, totals, shards=1):
        """Store totals of items, and those of their parents."""
        self.write("stats-item-usage", totals, shards)
        self.write("stats-record-usage", by_parent(totals), shards)


AGGREGATIONS = ("record-usage-agg", "item-usage-agg", "record-view-agg", "file-download-agg")


def set_bookmarks(client, prefix, moment):
    """Have all aggregations counted up to a moment."""
    for name in AGGREGATIONS:
        client.index(index=f"{prefix}stats-bookmarks", id=name, body={"date": moment.isoformat()}, refresh=True)
    forget_revision()


class Ids(NamedTuple):
    """The ids of a record."""

    item_id: str | None
    parent_id: str


class Community(NamedTuple):
    """A community."""

    id: str
    slug: str
    title: str


class Records:
    """What an instance knows: items with their parents and owners, communities, and what is hidden from visitors."""

    has_holdings = has_buckets = False

    def __init__(
        self, parents=(), owners=(), communities=(), hidden=(), administrators=(), files=(), managers=(), holdings=None
    ):
        self.parents = dict(parents)
        self.owned = dict(owners)
        self.known = {label: Community(label, slug, f"Community {slug}") for label, slug in dict(communities).items()}
        self.hidden = set(hidden)
        self.administrators = set(administrators)
        self.keys = dict(files)
        self.managers = dict(managers)
        if holdings is not None:
            self.has_holdings, self.holdings = True, lambda: holdings
        self.closed = set()
        """Items whose files only their owners may read."""

    def item_of(self, asked):
        if asked in self.parents:
            return Ids(asked, self.parents[asked])
        return Ids(None, asked) if asked in self.parents.values() else None

    def readable_items(self, identity, ids):
        return set(self.shown_items(identity, ids))

    def shown_items(self, identity, ids):
        shown = {item for item in self.parents if self.shows(identity, item)}
        newest = {parent: item for item, parent in self.parents.items() if item in shown}
        return {asked: newest.get(asked, asked) for asked in ids if newest.get(asked, asked) in shown}

    def shows(self, identity, thing):
        """Say whether somebody may see an item or a community: what is hidden, its owner or manager does."""
        user = getattr(identity, "id", None)
        return thing not in self.hidden or user in self.administrators or (user and self.owned.get(thing) == user)

    def versions(self, parent_id):
        return [item for item, parent in self.parents.items() if parent == parent_id]

    def files(self, ids):
        return {item: self.keys[item] for item in ids if item in self.keys}

    def know_buckets(self, buckets):
        """Have the instance know the buckets of items."""
        self.has_buckets, self.buckets = True, lambda ids: {item: buckets[item] for item in ids if item in buckets}

    def items_with_readable_files(self, identity, ids):
        return {
            item
            for item in self.readable_items(identity, ids)
            if item not in self.closed or getattr(identity, "id", None) == self.owned.get(item)
        }

    def community(self, asked):
        return next((found for found in self.known.values() if asked in (found.id, found.slug)), None)

    def may_see_community(self, identity, community_id):
        return self.shows(identity, community_id)

    def manages_community(self, identity, community_id):
        return getattr(identity, "id", None) in self.managers.get(community_id, ())

    def user_names(self, user_ids):
        return {}

    def is_administrator(self, identity):
        return getattr(identity, "id", None) in self.administrators

    def items_of(self, user_id):
        return [item for item, owner in self.owned.items() if owner == user_id]

    def owners(self, ids):
        return {item: [self.owned[item]] for item in ids if item in self.owned}

    def communities(self, identity, labels):
        return {
            label: self.known[label].title for label in labels if label in self.known and self.shows(identity, label)
        }

    def describe(self, item_ids):
        """Return what STATS_ITEM_METADATA does."""
        return {
            item: SimpleNamespace(title=f"Title of {item}", url=f"/records/{item}", access_status=None)
            for item in item_ids
            if item in self.parents
        }


def plain_count(totals, first, last, **fields):
    """Return the numbers of all totals from the first day to the last whose fields have these values."""
    found = dict.fromkeys(METRICS, 0)
    for total in totals:
        if first <= total["timestamp"][:10] <= last and all(
            value in total[name] if isinstance(total[name], list) else value == total[name]
            for name, value in fields.items()
        ):
            for metric in METRICS:
                found[metric] += total[metric]
    return found
