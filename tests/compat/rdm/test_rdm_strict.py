"""Contract, InvenioRDM: its strict mappings know nothing of our fields, and no event is lost to them."""

from unittest.mock import Mock

import pytest
from invenio_search.engine import search

from invenio_stats import current_stats
from invenio_stats.processors import EventsIndexer

from .instance import CONFIG

pytestmark = pytest.mark.filterwarnings("ignore:Query .* does not know doc_type")

OURS = {
    *("item_id", "parent_id", "labels", "access_status", "access_type", "access_method", "institution", "event_id"),
    *("superseded", "first", "agent_class", "previous_visitor_id"),
}


class OwnRun(EventsIndexer):
    """An indexer of somebody else, who overrides `run`: the engine gets the actions as they come."""

    def run(self):
        return search.helpers.bulk(self.client, self.actionsiter(), stats_only=True)


def test_a_strict_mapping_is_taught_our_fields(used, search_client, sources, index_prefix):
    """The engine lets a strict mapping be extended; only documents may not do it."""
    for event_type in CONFIG["STATS_EVENTS"]:
        for found in search_client.indices.get_mapping(index=f"{index_prefix}events-stats-{event_type}-*").values():
            assert found["mappings"]["dynamic"] == "strict"
            assert set(found["mappings"]["properties"]) >= OURS | {"recid", "via_api"}
    (download,) = (event for event in sources("events-stats-file-download") if event["recid"] == "r1")
    assert (download["item_id"], download["labels"], download["access_status"]) == ("r1", ["bees"], "open")
    assert (download["parent_id"], download["access_type"]) == (download["parent_recid"], "Open")
    assert download["via_api"] is False


@pytest.fixture
def forbidding(search_client):
    """A client that may write documents, but not change a mapping."""
    client = Mock(wraps=search_client, transport=search_client.transport, indices=Mock(wraps=search_client.indices))
    client.indices.put_mapping.side_effect = search.exceptions.AuthorizationException(403, "security_exception", {})
    return client


@pytest.mark.parametrize("cls", [EventsIndexer, OwnRun])
def test_where_a_strict_mapping_may_not_be_extended_no_event_is_lost(visit, queues, forbidding, sources, caplog, cls):
    """Our fields are left out, and the log says so."""
    visit("/records/r1/files/data.csv")
    steps = current_stats.events["file-download"].params["preprocessors"]
    assert cls(queues["file-download"], client=forbidding, preprocessors=steps).run() == (1, 0)
    (stored,) = sources("events-stats-file-download")
    assert not OURS & set(stored)
    assert (stored["recid"], stored["unique_id"], stored["size"]) == ("r1", "bucket-of-r1_file-of-r1", 100)
    assert [record.levelname for record in caplog.records if "rejects fields" in record.getMessage()] == ["WARNING"]


def test_an_indexer_with_a_run_of_its_own_loses_no_event_to_a_strict_mapping(visit, queues, sources):
    visit("/records/r1")
    steps = current_stats.events["record-view"].params["preprocessors"]
    assert OwnRun(queues["record-view"], preprocessors=steps).run() == (1, 0)
    assert [event["recid"] for event in sources("events-stats-record-view")] == ["r1"]
