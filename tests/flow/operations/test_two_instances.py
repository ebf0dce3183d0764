"""Two instances with prefixes of their own on one engine: what one deletes, corrects or forgets is its own."""

import contextlib
from datetime import datetime, timezone

import pytest

from invenio_stats.operations.forgetting import forget_user
from invenio_stats.privacy.user_agents import cache
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import PATTERN
from tests.flow.operations.retention.conftest import KEPT, OLD, Site, counted, site  # noqa: F401 - fixtures

pytestmark = pytest.mark.embedded

aggregations_config, lists, views, reclassify = (
    reclassification.aggregations_config,
    reclassification.lists,
    reclassification.views,
    reclassification.reclassify,
)
STATE = ("stats-locks", "stats-bookmarks")
"""Leases and bookmarks are no numbers; the prefix of the second instance begins with that of the first."""


@pytest.fixture
def other(app, monkeypatch, index_prefix):
    """Return `other()`: within the block, the application is that of the other instance."""

    @contextlib.contextmanager
    def use():
        with monkeypatch.context() as patched:
            patched.setitem(app.config, "SEARCH_INDEX_PREFIX", f"{index_prefix}other-")
            patched.setattr(cache, "_noted", {})  # it has processes of its own
            yield f"{index_prefix}other-"

    return use


@pytest.fixture
def documents(search_client, index_prefix):
    """Return `documents(is_other)`: all documents of one of the two, without leases and bookmarks."""

    def read(is_other):
        search_client.indices.refresh(index=f"{index_prefix}*", ignore_unavailable=True)
        hits = search_client.search(index=f"{index_prefix}*", body={"size": 10_000})["hits"]["hits"]
        return {
            (hit["_index"], hit["_id"]): hit["_source"]
            for hit in hits
            if hit["_index"].startswith(f"{index_prefix}other-") is is_other
            and not any(name in hit["_index"] for name in STATE)
        }

    return read


def test_events_of_the_other_one_do_not_expire(counted, other, documents):  # noqa: F811
    with other() as prefix:
        second = Site(counted.client, prefix, counted.clock, counted.usage, None)
        for day in (*OLD, *KEPT):
            second.use(day)
        for _ in range(2):
            counted.clock.forward(minutes=10)
            second.count()
        first_before = documents(False)
        second.expire()
        assert second.days() == list(KEPT)
    assert documents(False) == first_before
    assert counted.days() == [*OLD, *KEPT]
    second_before = documents(True)
    counted.expire()
    assert counted.days() == list(KEPT)
    assert documents(True) == second_before


def test_events_of_the_other_one_keep_their_classes_and_keys(
    views,
    lists,
    reclassify,
    other,
    documents,
    search_client,
    refresh,  # noqa: F811
):
    views(0, 100, user="7")
    with other():
        views(0, 100, 200, user="7")
    first_before, second_before = documents(False), documents(True)
    assert first_before
    assert second_before
    lists([PATTERN])
    assert reclassify().documents == 2
    assert documents(False) != first_before
    assert documents(True) == second_before
    first_before = documents(False)
    with other():
        assert forget_user(search_client, "7", datetime.now(timezone.utc)).events == 3
        assert reclassify().documents == 3
    assert documents(True) != second_before
    assert documents(False) == first_before
