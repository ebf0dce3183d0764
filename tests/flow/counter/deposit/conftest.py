"""A closed month with some datasets, an account at a stand-in for the service, and requests that are cut off."""

from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pytest
import requests
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.counter_deposit import Deposit, DepositAccount
from invenio_stats.core.counter_months import METRICS, Month, MonthUsage
from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.deposit.client import UsageReportsClient
from invenio_stats.counter.deposit.datasets import Datasets
from invenio_stats.counter.deposit.documents import Report
from invenio_stats.counter.deposit.run import deposit
from invenio_stats.counter.deposit.schema import METRICS as METRIC_TYPES
from invenio_stats.counter.deposit.state import DepositState
from invenio_stats.counter.months import month_ref
from invenio_stats.items.metadata import ItemMetadata
from invenio_stats.testing import UsageReportsService
from tests.fixtures.months import Killed

MONTH = "2026-06"
NOW = datetime(2026, 7, 4, 5, tzinfo=timezone.utc)
TOKEN = "a-secret-token"
PLATFORM = Platform("Example Repository", "example", "Example")


@pytest.fixture(scope="module")
def app_config(app_config):
    return {
        **app_config,
        "STATS_COUNTER_PLATFORM": PLATFORM.name,
        "STATS_COUNTER_PLATFORM_ID": PLATFORM.platform_id,
        "STATS_COUNTER_CREATED_BY": PLATFORM.created_by,
    }


def usage(item_id, *numbers, data_type="Dataset", access_method="Regular", institution="", country="", **others):
    """Return the usage of an item in a month; `numbers` are TII, TIR, UII and UIR."""
    fields = {"yop": "2026", "access_type": "Open", **others}
    return MonthUsage(
        item_id, data_type, fields["yop"], fields["access_type"], access_method, country, institution, *numbers
    )


class ClosedMonth:
    """A month as a close or restatement leaves it."""

    def __init__(self, client):
        self.client = client
        self.revision = 0
        self.usages = []
        self.known = {}
        """What is known of the items, for reports that are not read from the index of items."""

    def write(self, usages, state="closed"):
        """Write the next revision of the month; its deposit stays as it was."""
        self.revision += 1
        self.usages = list(usages)
        index = prefix_index(names.counter_usage_index(MONTH, self.revision))
        self.client.indices.create(index=index, body={"mappings": mappings.mappings(mappings.COUNTER_USAGE_FIELDS)})
        for used in self.usages:
            self.client.index(index=index, body=used.as_source())
        self.client.indices.refresh(index=index)
        ref = month_ref(MONTH)
        before = self.client.get(index=ref["_index"], id=MONTH, ignore=[404]).get("_source", {}).get("deposit", {})
        stamp = NOW.isoformat()
        month = Month(MONTH, state, self.revision, stamp, stamp, {}, len(self.usages), deposit=before)
        self.client.index(index=ref["_index"], id=MONTH, body=month._asdict())

    def describe(self, *item_ids, **changes):
        for item_id in item_ids:
            self.known[item_id] = ItemMetadata(f"Title {item_id}", doi=f"10.1234/{item_id}", **changes)

    @property
    def deposit(self):
        ref = month_ref(MONTH)
        return Deposit.from_source(self.client.get(index=ref["_index"], id=MONTH)["_source"].get("deposit"))

    def find_shared(self):
        """Return the items with the same DOI, by the id of each."""
        dois = {item_id: metadata.doi and metadata.doi.lower() for item_id, metadata in self.known.items()}
        groups = {i: sorted(other for other in dois if doi and dois[other] == doi) for i, doi in dois.items()}
        return {item_id: ids for item_id, ids in groups.items() if len(ids) > 1}

    def expected(self):
        """Return what the service should have, counted from the usage anew."""
        methods = {"Regular": "regular", "TDM": "machine"}
        counts = {}
        for used in self.usages:
            metadata = self.known.get(used.item_id)
            if used.data_type == "Dataset" and metadata is not None and metadata.doi:
                own = counts.setdefault(metadata.doi, Counter())
                for metric, field in METRIC_TYPES.items():
                    own[metric, methods[used.access_method]] += getattr(used, field)
        return {doi: +own for doi, own in counts.items() if +own}


@pytest.fixture
def month(search_client):
    """Two datasets, used in several ways, an article and a dataset without DOI."""
    found = ClosedMonth(search_client)
    found.describe("a", "b", "article")
    found.known["c"] = ItemMetadata("No DOI")
    found.write(
        [
            usage("a", 5, 3, 4, 2),
            usage("a", 2, 0, 1, 0, country="CH", institution="university"),
            usage("a", 9, 9, 1, 1, access_method="TDM"),
            usage("b", 1, 0, 1, 0, access_type="Controlled"),
            usage("c", 4, 4, 4, 4),
            usage("article", 7, 7, 7, 7, data_type="Article"),
        ]
    )
    assert set(METRICS.values()) == set(METRIC_TYPES.values())
    return found


@pytest.fixture
def service():
    with UsageReportsService(TOKEN) as running:
        yield running


class CutSession(requests.Session):
    """Requests that are counted, and cut off where a test says so: the process is gone then."""

    def __init__(self, cut=None, takes_effect=False):
        super().__init__()
        self.number, self._cut, self._takes_effect = 0, cut, takes_effect

    @property
    def was_cut(self):
        return self._cut is not None and self.number >= self._cut

    def request(self, *args, **kwargs):
        self.number += 1
        if self.was_cut:
            if self.number == self._cut and self._takes_effect:
                super().request(*args, **kwargs)
            raise Killed
        return super().request(*args, **kwargs)


class Clock:
    """The time of a run; a later run is an hour later, when the claim of one that was killed is over."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def go_on(self, **step):
        self.now += timedelta(**step or {"hours": 1})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def send(month, service, clock):
    """Return a function that deposits the month in parts of so many datasets; it gives the result.

    Its attribute `pauses` has the seconds that it would have waited.
    """
    pauses = []

    def run(part_size=50_000, session=None, token=TOKEN, timeout=(5.0, 5.0)):
        pauses.clear()
        with session or requests.Session() as session:
            client = UsageReportsClient(DepositAccount(service.url, token, "abcd.efgh"), session)
            client.sleep, client.timeout = pauses.append, timeout
            state = DepositState(month.client, MONTH, clock)
            report = Report(MONTH, "abcd.efgh", PLATFORM, date(2026, 7, 4))
            describe = lambda ids: {i: month.known.get(i) for i in ids}  # noqa: E731
            datasets = Datasets(month.client, state.month, report, describe, month.find_shared)
            datasets.part_size = part_size
            return deposit(state, datasets, client)

    run.pauses = pauses
    return run
