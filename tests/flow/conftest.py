"""Fixtures of the stations' tests."""

import json

import pytest

from tests.flow import file_totals, rest


@pytest.fixture
def totals(search_client, index_prefix, refresh):
    """Return a function that stores totals, one index per month, under the alias `stats-file-download`."""

    def store(documents):
        for month in sorted({document["timestamp"][:7] for document in documents}):
            index = f"{index_prefix}stats-file-download-{month}"
            alias = {f"{index_prefix}stats-file-download": {}}
            search_client.indices.create(index=index, body={"mappings": file_totals.MAPPING, "aliases": alias})
        for document in documents:
            month = document["timestamp"][:7]
            search_client.index(index=f"{index_prefix}stats-file-download-{month}", body=document)
        refresh()

    return store


@pytest.fixture
def ask(client):
    """Return a function that posts a body and gives the response."""
    return lambda body, **options: client.post(
        "/api/stats", data=json.dumps(body), content_type="application/json", **options
    )


@pytest.fixture
def one_total(search_client, index_prefix, refresh):
    aliases = {f"{index_prefix}stats-x": {}}
    search_client.indices.create(
        index=f"{index_prefix}stats-x-2026", body={"mappings": rest.MAPPING, "aliases": aliases}
    )
    search_client.index(index=f"{index_prefix}stats-x-2026", body=rest.TOTAL)
    refresh()
