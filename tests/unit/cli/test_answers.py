"""Answers are printed for readers: values, then a line for each interval or group."""

import os

import pytest

from invenio_stats.cli.answers import print_answer

DATES = {"start_date": "2026-01-30T00:00:00", "end_date": None}


@pytest.fixture
def printed(capsys):
    """Return a function that prints an answer as into a pipe, and returns the lines."""

    def run(answer):
        print_answer(answer)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return run


def test_a_total_is_a_line_for_each_value(printed):
    assert printed({**DATES, "pid_value": "42", "views": 3.0, "average": 1.25, "unique_views": 2.0}) == [
        "start_date: 2026-01-30T00:00:00",
        "end_date: -",
        "pid_value: 42",
        "views: 3",
        "average: 1.25",
        "unique_views: 2",
    ]


def test_a_histogram_is_a_line_for_each_interval(printed):
    """The record is the same in every interval that has totals, so it is named once."""
    buckets = [
        {"key": 1769731200000, "date": "2026-01-30T00:00:00.000Z", "views": 1200.0, "pid_value": "42"},
        {"key": 1769817600000, "date": "2026-01-31T00:00:00.000Z", "views": 0.0, "pid_value": None},
    ]
    assert printed({"interval": "day", "key_type": "date", **DATES, "buckets": buckets}) == [
        "interval: day",
        "start_date: 2026-01-30T00:00:00",
        "end_date: -",
        "pid_value: 42",
        "",
        "date        views",
        "2026-01-30   1200",
        "2026-01-31      0",
    ]


def test_a_copied_field_that_changes_is_a_column(printed):
    """Its name may be one that describes the form of other answers."""
    buckets = [
        {"key": day, "date": f"2026-01-0{day}", "views": 1, "type": f"v{day}", "labels": ["a", "b"]} for day in (1, 2)
    ]
    assert printed({"key_type": "date", "buckets": buckets}) == [
        'labels: ["a", "b"]',
        "",
        "date        views  type",
        "2026-01-01      1  v1",
        "2026-01-02      1  v2",
    ]


def test_nested_groups_are_below_their_sum(printed):
    inner = {"type": "bucket", "field": "language", "key_type": "terms"}
    buckets = [
        {"key": "maps", "count": 3.0, **inner, "buckets": [{"key": "en", "count": 2.0}, {"key": "fr", "count": 1.0}]},
        {"key": "tides", "count": 1.0, **inner, "buckets": []},
    ]
    answer = {**DATES, "count": 4.0, "type": "bucket", "field": "query", "key_type": "terms", "buckets": buckets}
    assert printed(answer)[2:] == [
        "count: 4",
        "",
        "query  language  count",
        "maps   -             3",
        "maps   en            2",
        "maps   fr            1",
        "tides  -             1",
    ]


def test_no_totals_are_no_table(printed):
    assert printed({"value": 0.0, "type": "bucket", "field": "file_key", "key_type": "terms", "buckets": []}) == [
        "value: 0"
    ]
    assert printed({"key_type": "date", "buckets": []}) == []


def test_values_of_visitors_cannot_control_the_terminal(printed):
    """What was searched for is a group of a declared type."""
    hostile = "\x1b[2Jx\n[red]y[/red]"
    buckets = [{"key": hostile, "count": 1.0}]
    answer = {"last": hostile, "type": "bucket", "field": "query", "key_type": "terms", "buckets": buckets}
    found = printed(answer)
    assert found[0] == "last: \ufffd[2Jx\ufffd[red]y[/red]"
    assert found[-1].split() == ["\ufffd[2Jx\ufffd[red]y[/red]", "1"]


def test_the_answer_of_another_class_is_printed_too(printed):
    """Its values may be anything that JSON holds."""
    answer = {"by_country": {"CH": 1}, "note": None, "buckets": [1, 2]}
    assert printed(answer) == ['by_country: {"CH": 1}', "note: -", "buckets: [1, 2]"]


NUMBERS = {"views": 1200, "unique_views": 900, "downloads": 310, "unique_downloads": 290, "volume": 52_428_800}
USAGE = {
    "query": "repository-series",
    "params": {"from": "2026-01-01", "to": "2026-02-28", "interval": "month", "compare": "before", "versions": "all"},
    "from": "2026-01-01",
    "to": "2026-02-28",
    "updated": "2026-03-01T06:15:00+00:00",
    "complete": False,
    "gaps": [
        {"from": "2026-01-01", "to": "2026-01-09", "event_type": None, "reason": "before_first_day"},
        {"from": "2026-02-03", "to": "2026-02-04", "event_type": "record-view", "reason": "silent"},
    ],
    "rules": "COUNTER 5.1",
}


@pytest.fixture
def shown(capsys, monkeypatch):
    """Return a function that prints an answer as on a terminal of 80 columns, and returns the lines."""

    def run(answer):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
        print_answer(answer)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return run


def test_the_head_of_a_question_about_usage_is_for_readers(shown):
    before = {"from": "2025-11-01", "to": "2025-12-31", "complete": True, **NUMBERS}
    lines = shown({**USAGE, **NUMBERS, "before": before})
    assert lines[1:9] == [
        "params: from 2026-01-01, to 2026-02-28, interval month, compare before,",
        "    versions all",
        "from: 2026-01-01",
        "to: 2026-02-28",
        "updated: 2026-03-01T06:15:00+00:00",
        "complete: false",
        "gaps: 2026-01-01 - 2026-01-09 before_first_day,",
        "    2026-02-03 - 2026-02-04 record-view silent",
    ]
    assert lines[-2:] == [
        "before: from 2025-11-01, to 2025-12-31, complete true, views 1200,",
        "    unique_views 900, downloads 310, unique_downloads 290, volume 52428800",
    ]


def test_a_gap_of_one_day_is_one_date(shown):
    gap = {"from": "2026-02-03", "to": "2026-02-03", "event_type": "record-view", "reason": "silent"}
    assert "gaps: 2026-02-03 record-view silent" in shown({**USAGE, **NUMBERS, "gaps": [gap]})


def test_a_narrow_terminal_shows_a_series_without_the_period_before(shown):
    """Otherwise each month were thirteen lines."""
    before = {"date": "2025-11-01", "state": "whole", **NUMBERS}
    point = {"date": "2026-01-01", "state": "whole", **NUMBERS, "before": before}
    lines = shown({**USAGE, "gaps": [], "before": None, "points": [point]})
    assert "gaps: -" in lines
    table = lines[lines.index("") + 1 :]
    assert table[0].split() == ["date", "state", *NUMBERS]
    assert table[1].split() == ["2026-01-01", "whole", *map(str, NUMBERS.values())]
    assert "before_volume" in " ".join(table[2:])
    assert max(map(len, lines)) <= 80


def test_a_list_keeps_what_it_is_about(shown):
    title = "Sediment cores of the western basin"
    row = {"rank": 1, "id": "abcde-12345", "title": title, "url": "/records/abcde-12345", **NUMBERS, "before": None}
    lines = shown({**USAGE, "before": None, "count": 1, "rows": [row], "next": None})
    table = lines[lines.index("") + 1 :]
    assert table[0].split()[:3] == ["rank", "id", "title"]
    assert table[1].startswith(f"   1  abcde-12345  {title}  ")
    assert "downloads" in table[0].split()


def test_shares_have_few_digits_and_are_left_out_from_the_right(shown):
    point = {
        **{"date": "2026-01-01", "state": "whole", "requests": {"open": 236, "restricted": 18}},
        "shares": {"open": 236 / 254, "restricted": 18 / 254},
    }
    lines = shown({**USAGE, "shares": point["shares"], "points": [point]})
    assert "shares: open 0.9291, restricted 0.0709" in lines
    assert lines[-2].split() == ["2026-01-01", "whole", "236", "18", "0.9291"]


def test_the_rest_of_a_breakdown_is_shown_once(printed):
    rest = {"other": {"views": 7, "downloads": 3}, "unknown": {"views": 0, "downloads": 0}}
    lines = printed({**USAGE, **rest, "not_shown": [], "rows": [{"value": "DE", "views": 13, "downloads": 6}]})
    assert [line.split() for line in lines if line.startswith(("other", "unknown"))] == [
        ["other", "7", "3"],
        ["unknown", "0", "0"],
    ]
