"""Indices are made with their aliases: whatever is cut off, no event or total is where nobody looks."""

from datetime import datetime, timezone

import pytest
from invenio_search.engine import search

from invenio_stats.core import mappings
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.totals.total_indices import ensure_totals_index

NOW = datetime(2026, 3, 20, tzinfo=timezone.utc)
TODAY, LAST_YEAR = NOW, datetime(2025, 3, 1, tzinfo=timezone.utc)


@pytest.fixture
def cut_after_create(search_client, monkeypatch):
    """Lose the connection right after an index was made: even the answer does not come."""
    perform = search_client.transport.perform_request
    made = []

    def lose(method, url, *args, **kwargs):
        if made:
            raise search.exceptions.ConnectionError("N/A", "lost", OSError())
        answer = perform(method, url, *args, **kwargs)
        if method == "PUT" and "/_" not in url:
            made.append(url)
            raise search.exceptions.ConnectionError("N/A", "lost", OSError())
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", lose)
        yield lambda: patch.undo()


@pytest.mark.parametrize("moment", [TODAY, LAST_YEAR], ids=["a day", "a day of a closed month"])
@pytest.mark.parametrize("event", ["file-download", "without-templates", "nothing-at-all"])
def test_an_index_of_events_is_never_without_its_alias(
    put_templates, cut_after_create, search_client, index_prefix, moment, event
):
    """And its alias shows no superseded clicks, whatever a template says."""
    alias, fields = f"{index_prefix}events-stats-{event}", {"search_terms": mappings.KEYWORD}
    fields = fields if event == "without-templates" else None

    def ensure():
        return ensure_events_index(search_client, alias, moment, fields=fields, now=NOW)

    with pytest.raises(search.exceptions.ConnectionError):
        ensure()
    cut_after_create()
    (made,) = search_client.indices.get_alias(index=alias).values()
    assert made["aliases"][alias]["filter"] == mappings.NOT_HIDDEN
    ensure()
    assert search_client.indices.exists(index=f"{alias}-{moment:%Y-%m-%d}")
    assert len(search_client.indices.get_alias(index=alias)) == 1


@pytest.mark.parametrize("event", ["file-download", "without-templates", "nothing-at-all"])
def test_an_index_of_totals_is_never_without_its_alias(
    put_templates, cut_after_create, search_client, index_prefix, event
):
    alias = f"{index_prefix}stats-{event}"
    fields = {"search_terms": mappings.KEYWORD} if event == "without-templates" else None
    with pytest.raises(search.exceptions.ConnectionError):
        ensure_totals_index(search_client, f"{alias}-2026-03", alias, fields)
    cut_after_create()
    assert list(search_client.indices.get_alias(index=alias)) == [f"{alias}-2026-03"]
