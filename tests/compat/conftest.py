"""The pipeline as other programs drive it: publish, then `cls(**params).run()` of events and of aggregations."""

import pytest

from invenio_stats.proxies import current_stats

from .totals import TOTALS, write_totals


@pytest.fixture
def store_events(queues, put_templates, refresh):
    """Return `store_events(*events, event_type=..., **params)`: publishes, indexes, and gives what the indexer says."""

    def run(*events, event_type="file-download", **params):
        current_stats.publish(event_type, events)
        event = current_stats.events[event_type]
        outcome = event.cls(**{**event.params, **params}).run()
        refresh()
        return outcome

    return run


@pytest.fixture
def aggregator(app, search_client):
    """Return `aggregator(name, **params)`: the object of a configured aggregation, as clients make it."""

    def make(name="file-download-agg", **params):
        aggregation = current_stats.aggregations[name]
        return aggregation.cls(name=name, **{**aggregation.params, **params})

    return make


@pytest.fixture
def aggregate(aggregator, refresh):
    """Return `aggregate(name, **run)`: runs an aggregation, and gives what it says."""

    def run(name="file-download-agg", **options):
        result = aggregator(name).run(**options)
        refresh()
        return result

    return run


@pytest.fixture
def documents(search_client, index_prefix, refresh):
    """Return `documents(index)`: the hits behind an index, alias or pattern, by id."""

    def read(index):
        refresh()
        answer = search_client.search(
            index=f"{index_prefix}{index}", body={"size": 1000, "version": True}, ignore_unavailable=True
        )
        return {hit["_id"]: hit for hit in answer["hits"]["hits"]}

    return read


@pytest.fixture
def sources(documents):
    """Return `sources(index)`: the documents behind an index, alias or pattern."""
    return lambda index: [hit["_source"] for hit in documents(index).values()]


@pytest.fixture
def totals(search_client, index_prefix):
    """Totals of five files and days, for queries."""
    write_totals(search_client, index_prefix, TOTALS)


@pytest.fixture
def configured(create_app, app_config):
    """Return `configured(**settings)`: an application with settings of its own, in its context."""
    contexts = []

    def make(**settings):
        app = create_app(**{**app_config, **settings})
        contexts.append(app.app_context())
        contexts[-1].push()
        return app

    yield make
    for context in reversed(contexts):
        context.pop()
