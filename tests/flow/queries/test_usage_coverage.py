"""Whether an answer is complete, and where it is not."""

from datetime import datetime, timezone

import pytest
from flask import current_app

from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.completeness.gaps import gaps_ref
from invenio_stats.contrib.config import USAGE_QUERIES
from tests.flow.queries.usage_documents import Records, Totals, set_bookmarks, usage

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=timezone.utc)
OCTOBER = {"from": "2026-10", "to": "2026-10", "interval": "week", "compare": "none"}


@pytest.fixture
def asked(app, search_client, index_prefix):
    """Return a function that asks, about totals that are counted up to a moment and have gaps."""
    state = app.extensions["invenio-stats"]
    state.access = Records({"a1": "a"}, communities={"x": "physics"})
    written = Totals(search_client, index_prefix)
    written.write_usage([usage("2026-09-01", "a1", "a", ["x"], views=1)])
    total = {"timestamp": "2026-09-01T00:00:00", "item_id": "a1", "parent_id": "a", "file_key": "f", "count": 1}
    written.write("stats-file-download", [total])

    def ask(name, counted=NOW, gaps=(), **params):
        set_bookmarks(search_client, index_prefix, counted)
        ref = gaps_ref("file-download")
        search_client.index(index=ref["_index"], id=ref["_id"], body={"gaps": list(gaps)}, refresh=True)
        current_app.extensions.pop("invenio-stats-completeness", None)
        entry = USAGE_QUERIES[name]
        return entry["cls"](name=name, clock=lambda: NOW, **entry["params"]).run(**{**OCTOBER, **params})

    return ask


def states(answer):
    return [point["state"] for point in answer["points"]]


def test_all_is_well(asked):
    answer = asked("file-series", file="a/f")
    assert (answer["complete"], answer["gaps"], {*states(answer)}) == (True, [], {"whole"})


def test_a_gap_is_there_in_the_answer_and_its_point(asked):
    silent = {"from": "2026-09-28", "to": "2026-10-06", "event_type": "file-download", "reason": "silent"}
    answer = asked("file-series", gaps=[silent], file="a/f")
    assert answer["complete"] is False
    assert answer["gaps"] == [{**silent, "from": "2026-10-01"}]
    assert states(answer) == ["gap", "gap", "whole", "whole", "whole"]
    assert asked("file-total", gaps=[silent], file="a/f", interval=None, **{"from": "2026-10-07"})["complete"] is True


def test_a_worker_that_stands_still_leaves_days_uncounted(asked):
    stopped = datetime(2026, 10, 20, 23, tzinfo=timezone.utc)
    answer = asked("repository-series", counted=stopped)
    assert (answer["complete"], answer["gaps"]) == (False, [])
    assert answer["updated"] == "2026-10-20T23:00:00+00:00"
    assert states(answer) == ["whole", "whole", "whole", "gap", "gap"]


def test_the_running_month_is_only_running(asked):
    answer = asked("repository-series", interval="month", to="2026-11")
    assert answer["complete"] is True
    assert states(answer) == ["whole", "running"]


def test_the_first_day_inside_is_not_complete(asked, search_client):
    FirstDay(search_client, "item-usage-agg").set(datetime(2026, 10, 12, tzinfo=timezone.utc))
    answer = asked("community-series", community="x")
    assert answer["gaps"] == [
        {"from": "2026-10-01", "to": "2026-10-11", "event_type": None, "reason": "before_item_usage"}
    ]
    assert answer["complete"] is False
    assert states(answer) == ["before", "before", "whole", "whole", "whole"]


def test_what_7_x_has_counted_is_complete(asked, search_client):
    """Its raw events are gone, and its bookmarks are unknown."""
    FirstDay(search_client, "item-usage-agg").set(datetime(2026, 10, 12, tzinfo=timezone.utc))
    FirstDay(search_client, "file-download-agg").set(datetime(2026, 10, 12, tzinfo=timezone.utc))
    answer = asked("repository-series")
    assert (answer["complete"], answer["gaps"], {*states(answer)}) == (True, [], {"whole"})
