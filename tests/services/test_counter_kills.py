"""Processes that close or restate a month are killed before every request to the engine; the next one finishes.

Readers see the month as a whole or not at all. A kill after an answer is the same as one before the next request.
"""

from itertools import count

import pytest

from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core import names
from invenio_stats.core.moments import parse
from invenio_stats.operations.corrections import read_corrections
from tests.fixtures import counter_usage
from tests.services.test_usage_kills import mortal  # noqa: F401 - a fixture

PLATFORM = {"STATS_COUNTER_PLATFORM": "Example", "STATS_COUNTER_PLATFORM_ID": "example"}

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def aggregations_config():
    return USAGE_AGGREGATIONS


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, **PLATFORM}


@pytest.fixture
def refs(usage, clock):
    """Usage of January; it is February 20th."""
    clock.now = parse("2026-02-20T00:00:00")
    return [
        use(item, day, session, country=country)
        for day in ("2026-01-01", "2026-01-31")
        for use, item in ((usage.view, "i1"), (usage.download, "i1"), (usage.download, "i2"))
        for session, country in (("a", "DE"), ("b", "CH"))
    ]


@pytest.fixture
def expected(search_client, refs):
    """Return `expected()`: January by a plain count of its events."""

    def count_all():
        found = [("file-download" if "file-download" in ref["index"] else "record-view", ref) for ref in refs]
        return counter_usage.count([(kind, search_client.get(**ref)["_source"]) for kind, ref in found], "2026-01")

    return count_all


def test_a_close_that_is_killed(mortal, refs, expected, search_client, index_prefix):  # noqa: F811
    for does in ("items", "records", "breakdowns"):
        assert mortal(does)
    right = expected()
    for requests in count(1):
        search_client.indices.delete(index=f"{index_prefix}{names.COUNTER_PREFIX}*", ignore=[404])
        is_over = mortal("close", requests)
        assert counter_usage.read(search_client, "2026-01") in (None, right)
        assert mortal("close")
        assert counter_usage.read(search_client, "2026-01") == right
        assert counter_usage.read_month(search_client, "2026-01").revision == 1
        if is_over:
            break
    assert requests > 30


def test_a_restatement_that_is_killed(mortal, refs, expected, usage, usage_aggregator, search_client):  # noqa: F811
    for does in ("items", "records", "breakdowns", "close"):
        assert mortal(does)
    for requests in count(1):
        before = expected()
        usage.change(refs[0], country="FR" if requests % 2 else "DE")
        usage_aggregator("item-usage-agg").run()
        after = expected()
        known = counter_usage.read_month(search_client, "2026-01").revision
        is_over = mortal("restate", requests)
        seen = counter_usage.read_month(search_client, "2026-01").revision
        assert counter_usage.read(search_client, "2026-01") == (before if seen == known else after)
        assert counter_usage.read_revision(search_client, "2026-01", known) == before
        assert mortal("restate")
        month = counter_usage.read_month(search_client, "2026-01")
        assert counter_usage.read(search_client, "2026-01") == after
        assert [entry["revision"] for entry in month.log] == list(range(1, month.revision + 1))
        noted = [line.months["2026-01"] for line in read_corrections(search_client)]
        assert noted == [entry["difference"] for entry in reversed(month.log[1:])]
        if is_over:
            break
    assert requests > 20
