"""Count by record, community and user what the ledger knows; it shares no code with the package."""

from collections import Counter, defaultdict
from datetime import date, datetime, timezone
from typing import Any

from traffic.ledger import Ledger, session_of
from traffic.model import Observation

Numbers = dict[str, int]
Row = list[Any]

SHOWN = 3
SMALLEST = 5
"""Visitors that a value needs on one day of a month, or else it is one of the others."""


class Use:
    """The acts of use of people, by parent: all versions of a record are one record."""

    def __init__(self, ledger: Ledger, catalogue: dict[str, Any], now: datetime):
        """Count the acts in the ledger."""
        self.records = catalogue["records"]
        self.past = [act for act in catalogue["past"] if act["agency"] == "people"]
        self.now = now
        self.owners = sorted({str(record["owner"]) for record in self.records})
        self.communities = sorted({label for record in self.records for label in record["communities"]})
        self._by_id = {record["id"]: record for record in self.records}
        self._by_thing = {record[key]: record for record in self.records for key in ("id", "bucket")}
        self._sizes = {
            (record["bucket"], file["key"]): file["size"] for record in self.records for file in record["files"]
        }
        self._clicks: dict[str, list[Observation]] = defaultdict(list)
        for click in ledger.clicks("people"):
            if click.step.thing[0] != "search":
                self._clicks[self._record(click)["parent"]].append(click)

    def of_owner(self, owner: str) -> list[str]:
        """Return the ids of a user's records that were downloaded, the most used first."""
        used = [row[0] for row in self.top_of_user(owner, "downloads")]
        return [parent for parent in used if any(click.step.thing[0] == "file" for click in self._clicks[parent])]

    def top_of_user(self, owner: str, metric: str) -> list[Row]:
        """Return the most used records of a user."""
        return self._top({key for key in self._clicks if str(self._by_id[key]["owner"]) == owner}, metric)

    def top_records(self, metric: str) -> list[Row]:
        """Return the most used records."""
        return self._top(set(self._clicks), metric)

    def top_files(self, parent: str) -> list[Row]:
        """Return the most downloaded files of a record."""
        return _first(Counter(click.step.thing[2] for click in self._clicks[parent] if click.step.thing[0] == "file"))

    def top_communities(self, metric: str) -> list[Row]:
        """Return the most used communities."""
        return _first({label: self.total_of_community(label)[metric] for label in self.communities})

    def total_of_community(self, label: str) -> Numbers:
        """Return the use of a community: unique numbers are the sums over its records."""
        found: Counter = Counter()
        for parent in self._clicks:
            if label in self._by_id[parent]["communities"]:
                found.update(self._numbers(parent))
        return dict(found)

    def uploaders(self) -> list[Row]:
        """Return who has the most records."""
        return _first(Counter(str(record["owner"]) for record in self.records), len(self.records))

    def requests_by_status(self) -> Numbers:
        """Return downloads by access status."""
        clicks = [click for found in self._clicks.values() for click in found if click.step.thing[0] == "file"]
        return dict(Counter(self._record(click)["access_status"] for click in clicks))

    def holdings_by_status(self) -> Numbers:
        """Return records by access status."""
        return dict(Counter(record["access_status"] for record in self.records))

    def new_records(self) -> list[Row]:
        """Return records and their owners by month: all are of this one."""
        return [[f"{self.now:%Y-%m}-01", len(self.records), len(self.owners)]]

    def breakdown(self, name: str) -> list[Any]:
        """Return views and downloads of whole months by value, then those of all others, then of no value."""
        months: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
        for act in self.past:
            day = _day(act)
            if (day.year, day.month) != (self.now.year, self.now.month):
                months[day.year, day.month].append(act)
        rows: dict[Any, Row] = defaultdict(lambda: [0, 0])
        other = [0, 0]
        for acts in months.values():
            shown = _shown(acts, name)
            for act in acts:
                uses = rows[act[name]] if act[name] in shown else other
                uses[act["thing"][0] == "file"] += 1
        unknown = rows.pop(None, [0, 0])
        return [dict(rows), other, unknown]

    def _record(self, click: Observation) -> dict[str, Any]:
        return self._by_thing[click.step.thing[1]]

    def _numbers(self, parent: str) -> Numbers:
        views = [click for click in self._clicks[parent] if click.step.thing[0] == "record"]
        downloads = [click for click in self._clicks[parent] if click.step.thing[0] == "file"]
        return {
            "views": len(views),
            "unique_views": len({session_of(click) for click in views}),
            "downloads": len(downloads),
            "unique_downloads": len({session_of(click) for click in downloads}),
            "volume": sum(self._sizes[click.step.thing[1:]] for click in downloads),
        }

    def _top(self, parents: set[str], metric: str) -> list[Row]:
        return _first({parent: self._numbers(parent)[metric] for parent in parents})


def _first(counts: dict[str, int], most: int = SHOWN) -> list[Row]:
    """Return the highest, equal ones by id."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [list(row) for row in ranked[:most]]


def _shown(acts: list[dict[str, Any]], name: str) -> set[Any]:
    """Return the values that enough visitors had on a day of a month."""
    visitors: dict[Any, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for act in acts:
        visitors[act[name]][_day(act)].add(act["visitor"])
    return {value for value, days in visitors.items() if max(map(len, days.values())) >= SMALLEST}


def _day(act: dict[str, Any]) -> date:
    return datetime.fromtimestamp(act["time"], timezone.utc).date()
