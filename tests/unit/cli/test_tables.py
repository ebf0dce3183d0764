"""Tables of commands can be read in a terminal of 80 columns, and cut by programs: a line for each row, names whole."""

import pytest

from invenio_stats.cli.tables import Table, lines, table_of_facts

NAMES = ("record-download-all-versions-agg-automated", "a")
FACTS = {name: {"bookmark": "2026-03-10T12:00:00+00:00", "lag_seconds": 5, "problems": []} for name in NAMES}
LAST_RUN = {"finished": "2026-03-10T12:00:01+00:00", "seconds": 0.02, "written": 3}


def test_a_row_is_a_line_and_columns_are_aligned():
    assert list(lines(table_of_facts("Title", "aggregation", FACTS), None)) == [
        "aggregation                                 bookmark             lag seconds  problems",
        "record-download-all-versions-agg-automated  2026-03-10 12:00:00            5  -",
        "a                                           2026-03-10 12:00:00            5  -",
    ]


def test_where_rows_do_not_fit_each_is_a_block_with_whole_names():
    facts = {name: {**line, "last_run": LAST_RUN} for name, line in FACTS.items()}
    found = list(lines(table_of_facts("Title", "aggregation", facts), 60))
    narrow = list(lines(table_of_facts("Title", "aggregation", facts), 50))
    assert narrow[4:6] == ["  last run     2026-03-10 12:00:01, seconds 0.02,", "               written 3"]
    assert found[:5] == [
        "record-download-all-versions-agg-automated",
        "  bookmark     2026-03-10 12:00:00",
        "  lag seconds  5",
        "  problems     -",
        "  last run     2026-03-10 12:00:01, seconds 0.02, written 3",
    ]
    assert len(found) == 10
    assert max(map(len, found)) <= 60


def test_a_long_cell_of_a_block_goes_on_below_and_no_word_is_divided():
    reasons = {f"a-rather-long-reason-{number}": number for number in range(9)}
    found = list(lines(table_of_facts("Title", "type", {"a": {"ingest": reasons, "waiting": 0}}), 40))
    assert found[1] == "  ingest   a-rather-long-reason-0 0,"
    assert found[2] == "           a-rather-long-reason-1 1,"
    assert max(map(len, found)) <= 40


def test_optional_columns_are_left_out_in_their_order_and_named():
    table = Table("Title", ("index", "kind", "size"), [("x" * 20, "events", "12.5 kB")], optional=("kind", "size"))
    assert list(lines(table, 37))[1].split() == ["x" * 20, "events", "12.5", "kB"]
    assert list(lines(table, 30))[1].split() == ["x" * 20, "12.5", "kB"]
    assert list(lines(table, 20))[1:] == ["x" * 20, "Not shown in so narrow a terminal: kind,", "size."]
    assert list(lines(table, 10)) == ["x" * 20, "  kind  events", "  size  12.5 kB"]


@pytest.mark.parametrize("key", ["\x1b[2Jgone", "two\nlines", "a\ttab", "\u202egnp.exe"])
def test_a_key_cannot_move_the_cursor_or_make_lines(key):
    (_titles, row) = lines(Table("Title", ("key", "count"), [(key, 7)]), None)
    assert row.isprintable()
    assert row.endswith("7")


def test_wide_characters_take_two_columns():
    found = list(lines(Table("Title", ("key", "what"), [("日本", "a"), ("abcd", "b")]), None))
    assert found == ["key   what", "日本  a", "abcd  b"]


def test_a_table_without_rows_is_its_titles():
    assert list(lines(Table("Title", ("key", "count"), []), 80)) == ["key  count"]
