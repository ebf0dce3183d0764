"""Contract, command line and Celery: what operators type and what beat calls."""

from datetime import timedelta

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.cli import stats
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG, QUERIES_CONFIG
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from invenio_stats.queries import DateHistogramQuery, TermsQuery
from invenio_stats.tasks import StatsAggregationTask, StatsEventTask, aggregate_events, process_events

from .samples import DOWNLOADS, download, naive, on

TOTALS = "stats-file-download"


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, "CELERY_TASK_ALWAYS_EAGER": True, "CELERY_TASK_EAGER_PROPAGATES": True}


@pytest.fixture
def invoke(app, queues, put_templates, refresh):
    """Return `invoke(*arguments)`: runs `invenio stats ...` in process, which must succeed unless `code` is given."""

    def run(*arguments, code=0, **options):
        refresh()
        result = app.test_cli_runner().invoke(stats, list(arguments), **options)
        assert result.exit_code == code, (result.output, result.exception)
        refresh()
        return result.output

    return run


@pytest.fixture
def stored(store_events):
    """Events of two days."""
    store_events(download(on(3)), download(on(4)))


@pytest.mark.parametrize(("eager", "said"), [(("-e",), "1 stored"), (("--eager",), "1 stored"), ((), "task sent")])
def test_events_are_processed_here_or_by_a_task(invoke, sources, eager, said):
    current_stats.publish("file-download", [download(on(3))])
    assert said in invoke("events", "process", "file-download", *eager)
    assert len(sources(DOWNLOADS)) == 1


def test_eager_commands_end_with_a_line_that_says_so_when_nothing_failed(invoke, refresh):
    current_stats.publish("file-download", [download(on(3))])
    assert invoke("events", "process", "-e").splitlines()[-1] == "Events processed successfully."
    refresh()
    assert invoke("aggregations", "process", "-e").splitlines()[-1] == "Aggregations processed successfully."
    assert "successfully" not in invoke("events", "process", "-e", "--json")
    assert "successfully" not in invoke("aggregations", "process", "-e", "--json")


@pytest.mark.expect_logged_errors
def test_a_run_with_a_dead_letter_does_not_say_that_all_went_well(invoke):
    current_stats.publish("file-download", [{**download(on(3)), "timestamp": "never"}])
    said = invoke("events", "process", "-e")
    assert "1 failed" in said
    assert "successfully" not in said


def test_without_types_all_events_are_processed(invoke, sources):
    current_stats.publish("file-download", [download(on(3))])
    invoke("events", "process", "-e")
    assert len(sources(DOWNLOADS)) == 1


@pytest.mark.parametrize(("eager", "said"), [(("-e",), "2 totals"), ((), "task sent")])
def test_aggregations_are_processed_here_or_by_a_task(invoke, stored, documents, eager, said):
    assert said in invoke("aggregations", "process", "file-download-agg", *eager)
    assert len(documents(TOTALS)) == 2


def test_aggregations_are_processed_between_two_dates(invoke, stored, documents):
    dates = (f"--start-date={on(4):%Y-%m-%d}", f"--end-date={on(4):%Y-%m-%d}")
    invoke("aggregations", "process", "file-download-agg", *dates, "-e")
    assert list(documents(TOTALS)) == [f"B1_F1-{on(4):%Y-%m-%d}"]


@pytest.mark.parametrize(("option", "moves"), [(("-b",), True), (("--update-bookmark",), True), ((), False)])
def test_the_bookmark_moves_only_when_it_is_asked_for(invoke, stored, aggregator, option, moves):
    invoke("aggregations", "process", "file-download-agg", "-e", *option)
    assert (aggregator().bookmark_api.get_bookmark() is not None) is moves


def test_aggregations_are_deleted_between_two_dates(invoke, stored, aggregate, documents):
    aggregate()
    dates = (f"--start-date={on(3):%Y-%m-%d}", f"--end-date={on(3):%Y-%m-%d}")
    invoke("aggregations", "delete", "file-download-agg", *dates, input="n\n", code=1)
    assert len(documents(TOTALS)) == 2
    invoke("aggregations", "delete", "file-download-agg", *dates, "--yes")
    assert list(documents(TOTALS)) == [f"B1_F1-{on(4):%Y-%m-%d}"]


@pytest.mark.parametrize(("limit", "days"), [(("-n", "1"), [3]), (("--limit", "1"), [3]), ((), [3, 2])])
def test_bookmarks_are_listed_as_a_name_and_dates(invoke, aggregator, search_client, limit, days):
    bookmark = aggregator().bookmark_api
    bookmark.set_bookmark(naive(on(3)))
    document = {"date": naive(on(2)), "aggregation_type": "file-download-agg"}
    search_client.index(index=bookmark.bookmark_index, body=document)
    output = invoke("aggregations", "list-bookmarks", "file-download-agg", *limit)
    assert output.splitlines() == ["file-download-agg:", *(f" - {naive(on(day))}" for day in days)]


def test_bookmarks_of_past_runs_are_listed_up_to_five(invoke, aggregator, search_client):
    bookmark = aggregator().bookmark_api
    bookmark.set_bookmark(naive(on(20)))
    for day in range(1, 9):
        document = {"date": naive(on(day)), "aggregation_type": "file-download-agg"}
        search_client.index(index=bookmark.bookmark_index, body=document)
    dates = [naive(on(day)) for day in (20, 8, 7, 6, 5)]
    assert invoke("aggregations", "list-bookmarks", "file-download-agg").splitlines() == [
        "file-download-agg:",
        *(f" - {date}" for date in dates),
    ]
    bounds = (f"--start-date={on(2):%Y-%m-%d}", f"--end-date={on(3):%Y-%m-%d}")
    listed = invoke("aggregations", "list-bookmarks", "file-download-agg", *bounds).splitlines()
    assert listed == ["file-download-agg:", f" - {naive(on(2))}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("events", "process", "nothing", "file-download"), "Invalid event type(s): nothing"),
        (("aggregations", "process", "nothing"), "Invalid aggregation type(s): nothing"),
        (("aggregations", "delete", "nothing", "--yes"), "Invalid aggregation type(s): nothing"),
        (("aggregations", "list-bookmarks", "nothing"), "Invalid aggregation type(s): nothing"),
    ],
)
def test_an_unknown_type_exits_with_2_and_says_so(invoke, arguments, message):
    assert message in invoke(*arguments, code=2)


def test_process_events_gives_a_name_and_a_pair_for_each(app, queues, put_templates):
    """Types come as any iterable: a list, a tuple, the keys of a dict."""
    current_stats.publish("file-download", [download(on(3))])
    assert process_events(iter(["file-download", "record-view"])) == [
        ("file-download", (1, 0)),
        ("record-view", (0, 0)),
    ]
    assert process_events(current_stats.events_config.keys()) == [
        (event_type, (0, 0)) for event_type in current_stats.events_config
    ]


def test_aggregate_events_gives_a_list_of_pairs_or_none_for_each(stored, refresh):
    assert aggregate_events(["file-download-agg", "record-view-agg"]) == [[(1, 0), (1, 0)], None]


def test_aggregate_events_takes_iso_dates(stored, documents, aggregator):
    dates = {"start_date": on(3, 0).isoformat(), "end_date": naive(on(3, 0))}
    assert aggregate_events(["file-download-agg"], **dates, update_bookmark=False) == [[(1, 0)]]
    assert list(documents(TOTALS)) == [f"B1_F1-{on(3):%Y-%m-%d}"]
    assert aggregator().bookmark_api.get_bookmark() is None


def test_tasks_have_their_names_and_are_called_by_them(app):
    assert process_events.name == "invenio_stats.tasks.process_events"
    assert aggregate_events.name == "invenio_stats.tasks.aggregate_events"
    for task in (process_events, aggregate_events):
        assert callable(task.delay)
        assert task.s([]).task == task.name


@pytest.mark.parametrize(
    ("beat", "task", "every"),
    [
        (StatsEventTask, process_events, timedelta(minutes=30)),
        (StatsAggregationTask, aggregate_events, timedelta(hours=1)),
    ],
)
def test_the_entries_for_beat_can_be_spread(beat, task, every):
    """Downstream writes `{**StatsEventTask, "schedule": crontab(minute="25,55")}`."""
    entry = {**beat, "args": [("record-view",)]}
    assert (entry["task"], beat["schedule"]) == (task.name, every)
    assert isinstance(beat["args"], list)


def test_the_shipped_configuration_has_its_event_types():
    assert {name: entry["cls"] for name, entry in EVENTS_CONFIG.items()} == {
        "file-download": EventsIndexer,
        "record-view": EventsIndexer,
    }
    assert EVENTS_CONFIG["file-download"]["signal"] == "invenio_files_rest.signals.file_downloaded"
    assert EVENTS_CONFIG["record-view"]["signal"] == "invenio_records_ui.signals.record_viewed"
    for entry in EVENTS_CONFIG.values():
        assert "double_click_window" not in entry["params"]  # clients pass it beside `**event.params`


def test_the_shipped_configuration_has_its_aggregations():
    assert set(AGGREGATIONS_CONFIG) == {"file-download-agg", "record-view-agg"}
    for entry in AGGREGATIONS_CONFIG.values():
        params = entry["params"]
        assert entry["cls"] is StatAggregator
        assert (params["field"], params["interval"], params["index_interval"]) == ("unique_id", "day", "month")
        assert params["metric_fields"]["unique_count"][:2] == ("cardinality", "unique_session_id")
    files, views = (AGGREGATIONS_CONFIG[name]["params"] for name in ("file-download-agg", "record-view-agg"))
    assert files["metric_fields"]["volume"][:2] == ("sum", "size")
    assert {"file_key", "bucket_id", "file_id"} <= set(files["copy_fields"])
    assert {"record_id", "pid_type", "pid_value"} <= set(views["copy_fields"])


def test_the_shipped_configuration_has_its_queries():
    histogram, total = (QUERIES_CONFIG[f"bucket-file-download-{kind}"] for kind in ("histogram", "total"))
    assert (histogram["cls"], total["cls"]) == (DateHistogramQuery, TermsQuery)
    assert histogram["params"]["required_filters"] == {"bucket_id": "bucket_id", "file_key": "file_key"}
    assert total["params"]["required_filters"] == {"bucket_id": "bucket_id"}
    assert total["params"]["aggregated_fields"] == ["file_key"]
