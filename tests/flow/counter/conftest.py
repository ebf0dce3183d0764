"""Usage of January and February 2026, counted, and ready to be closed in March."""

import copy

import pytest

from invenio_stats.contrib import config
from invenio_stats.core.moments import parse
from invenio_stats.counter.closing.closing import Closing
from invenio_stats.counter.closing.restatement import restate
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from invenio_stats.operations import runner
from tests.fixtures import counter_usage

AGGREGATIONS = ("item-usage-agg", "search-agg")


@pytest.fixture(scope="module")
def events_config():
    return copy.deepcopy({**config.EVENTS_CONFIG, **config.SEARCH_EVENTS})


@pytest.fixture(scope="module")
def aggregations_config():
    return {name: copy.deepcopy(config.USAGE_AGGREGATIONS[name]) for name in AGGREGATIONS}


@pytest.fixture(scope="module")
def described():
    """What STATS_ITEM_METADATA knows; a test may change it, or put an exception under an item."""
    return {}


@pytest.fixture(scope="module")
def app_config(app_config, described):
    def describe(item_ids):
        found = {item_id: described[item_id] for item_id in item_ids if item_id in described}
        for value in found.values():
            if isinstance(value, Exception):
                raise value
        return found

    platform = {"STATS_COUNTER_PLATFORM": "Example", "STATS_COUNTER_PLATFORM_ID": "example"}
    return {**app_config, **platform, "STATS_ITEM_METADATA": describe}


@pytest.fixture
def metadata(described):
    """Two articles of a journal and a dataset; another item is not known."""
    described.clear()
    journal = Container("Journal of Examples", "Journal", issn="1234-5679")
    author = Author("Doe, Jane", orcid="0000-0001-2345-6789")
    described |= {
        "i1": ItemMetadata("One", "Press", authors=(author,), data_type="Article", yop="2020", container=journal),
        "i2": ItemMetadata("Two", "Press", doi="10.1234/two", data_type="Dataset", yop="2021"),
        "i3": ItemMetadata("Another", data_type="Article", yop="2019", container=journal),
    }
    return described


@pytest.fixture
def work(app, queues, clock):
    """Return `work()`: what the tasks do, so that nothing stands in the way of a close."""

    def run():
        runner.process_all(app.config["STATS_EVENTS"])
        return runner.aggregate_all(AGGREGATIONS)

    return run


@pytest.fixture
def closing(search_client, clock):
    """Return `closing(**options)`: closes months at the time of the clock."""
    return lambda **options: Closing(search_client, lambda: clock.now, **options)


@pytest.fixture
def close(closing):
    """Return `close()`: close what is due; gives the outcomes by month."""

    def close_due(**options):
        due = closing(**options)
        return {outcome.month: outcome for outcome in due.close(due.find_due())}

    return close_due


@pytest.fixture
def restated(search_client, clock):
    """Return `restated(month, reason)`."""
    return lambda month, reason="late events", **options: restate(
        search_client, month, reason, lambda: clock.now, **options
    )


@pytest.fixture
def usage_of(search_client, index_prefix):
    """Return `usage_of(month)`: the rows that readers of the month see; None before it is closed."""
    return lambda month: counter_usage.read(search_client, month)


@pytest.fixture
def two_months(usage, metadata, clock):
    """Usage of two months; it is March 20th."""
    clock.now = parse("2026-03-20T12:00:00")
    usage.view("i1", "2026-01-05", "a", country="DE", institution="c1")
    usage.view("i1", "2026-01-20", "b", country="DE", institution="c1")
    usage.download("i1", "2026-01-20", "b", country="DE", institution="c1")
    usage.download("i2", "2026-01-31T23:59:59", "a")
    usage.download("i2", "2026-01-31T23:59:59", "a", access_method="TDM", is_machine=True)
    usage.view("i2", "2026-01-31", "robot", is_robot=True)
    usage.search("2026-01-05", country="DE")
    usage.search("2026-01-06", country="DE")
    usage.view("i3", "2026-02-01T00:00:00", "a")
    usage.download("i4", "2026-02-10", "c", access_type="Controlled")
    usage.search("2026-02-10", institution="c1")
    usage.view("i1", "2026-03-10", "z")
    return usage
