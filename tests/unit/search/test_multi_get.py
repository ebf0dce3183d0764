"""Reading by id: what the engine cannot say is an error, and not a document that is not there."""

import json

import pytest

from invenio_stats.errors import StatsError
from invenio_stats.search.multi_get import read

REF = {"_index": "stats-locks", "_id": "a"}


class Engine:
    """Answers with these documents."""

    def __init__(self, *documents):
        self.documents = documents

    def mget(self, body):
        assert json.loads(body) == {"docs": [REF] * len(self.documents)}
        return {"docs": list(self.documents)}


def test_documents_come_in_the_order_of_their_refs():
    documents = {"found": True, "_source": {}}, {"found": False}, {"error": {"type": "index_not_found_exception"}}
    assert read(Engine(*documents), [REF] * 3) == list(documents)


def test_what_cannot_be_read_is_an_error():
    """Else a run would begin anew, and give up the leases of others."""
    with pytest.raises(StatsError, match="cannot read a document: no_shard_available_action_exception"):
        read(Engine({"error": {"type": "no_shard_available_action_exception"}}), [REF])
