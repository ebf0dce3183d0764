"""An aggregation by a field that its events cannot be counted by says so, and its bookmark stays."""

import pytest

from invenio_stats.aggregations import BookmarkAPI
from invenio_stats.errors import FieldNotCountableError

pytestmark = pytest.mark.expect_logged_errors


@pytest.mark.parametrize("dates", [{}, {"start_date": "2026-03-10", "end_date": "2026-03-10"}])
def test_a_field_that_no_index_maps_is_named(raw, aggregator, dates, counts, caplog):
    raw.put()
    with pytest.raises(FieldNotCountableError, match="'uniqe_id' in none of their indices. Correct 'field'"):
        aggregator(field="uniqe_id").run(**dates)
    assert BookmarkAPI(raw.client, "record-view-agg", "day").get_bookmark() is None
    assert counts() == {}
    assert "An aggregation's field cannot be counted by" in caplog.text


@pytest.mark.parametrize(("field", "how"), [("uniqe_id", "in none"), ("tag", "as text")])
def test_also_where_the_field_was_changed_later(raw, aggregator, clock, field, how):
    raw.client.indices.create(index=f"{raw.prefix}events-stats-record-view-2026-03")
    raw.client.indices.put_mapping(
        index=f"{raw.prefix}events-stats-record-view-2026-03", body={"properties": {"tag": {"type": "text"}}}
    )
    raw.put(tag="x")
    aggregator().run()
    before = BookmarkAPI(raw.client, "record-view-agg", "day").get_bookmark()
    clock.forward(hours=1)
    raw.put(tag="y")
    with pytest.raises(FieldNotCountableError, match=how):
        aggregator(field=field).run()
    assert BookmarkAPI(raw.client, "record-view-agg", "day").get_bookmark() == before


def test_events_without_a_value_are_no_mistake(raw, aggregator, clock):
    """The field is mapped; these have none."""
    raw.put()
    aggregator().run()
    clock.forward(hours=1)
    raw.put(unique_id=None)
    assert aggregator().run() == [(0, 0)]
