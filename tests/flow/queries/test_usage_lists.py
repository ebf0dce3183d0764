"""Ranked lists are exact, however the totals lie in indices and shards."""

from collections import Counter
from datetime import date, datetime, timezone
from types import SimpleNamespace

import pytest
from flask import g
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.contrib.config import USAGE_QUERIES
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.queries.usage.items import Limits
from tests.flow.queries.usage_documents import METRICS, Records, Totals, by_parent, plain_count, usage
from tests.laws import examples

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=timezone.utc)
PARENTS = {"a1": "a", "a2": "a", "b1": "b", "c1": "c1"}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    """Only what queries need: an engine."""
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


@pytest.fixture
def written(search_client, index_prefix):
    return Totals(search_client, index_prefix)


@pytest.fixture(autouse=True)
def records(app):
    """The records of the instance."""
    state = app.extensions["invenio-stats"]
    known = Records(
        PARENTS, owners={"a1": "7", "a2": "7", "b1": "7"}, communities={"x": "physics", "y": "botany"}, hidden=["b1"]
    )
    state.access, state.item_metadata = known, known.describe
    return known


def ask(name, limits=None, **params):
    entry = USAGE_QUERIES[name]
    query = entry["cls"](name=name, clock=lambda: NOW, **entry["params"])
    if limits:
        query.limits = limits
    return query.run(**params)


def ranks(answer, by="downloads"):
    return [(row["rank"], row["id"], row[by]) for row in answer["rows"]]


USED = [
    usage("2025-10-31", "a1", "a", ["x"], views=4, downloads=3),
    usage("2025-11-01", "a1", "a", ["x"], views=8, downloads=2),
    usage("2026-02-03", "a2", "a", ["x", "y"], views=1, downloads=6),
    usage("2026-02-03", "b1", "b", ["y"], views=20),
    usage("2026-10-31", "c1", None, [], downloads=9),
]


def test_a_list_has_rank_title_numbers_and_the_period_before(written):
    written.write_usage(USED)
    answer = ask("repository-records")
    assert answer["count"] == 3
    assert answer["about"] is False
    assert answer["next"] is None
    assert answer["params"] == {
        **{"from": "2025-11-01", "to": "2026-10-31", "compare": "before", "versions": "all"},
        **{"by": "downloads", "size": 25, "page": 1},
    }
    assert answer["rows"][1] == {
        **{"rank": 2, "id": "a", "title": "Title of a2", "url": "/records/a2"},
        **{"views": 9, "unique_views": 5, "downloads": 8, "unique_downloads": 4, "volume": 80},
        "before": {"views": 4, "unique_views": 2, "downloads": 3, "unique_downloads": 2, "volume": 30},
    }
    assert ranks(answer) == [(1, "c1", 9), (2, "a", 8), (3, None, 0)]


def test_a_record_that_may_not_be_read_has_rank_and_numbers_only(written):
    """Not even in `next`, which names the row to go on after."""
    written.write_usage(USED)
    answer = ask("repository-records", by="views", size=1)
    (row,) = answer["rows"]
    assert (row["rank"], row["id"], row["title"], row["url"], row["views"]) == (
        1,
        None,
        "A restricted record",
        None,
        20,
    )
    following = ask("repository-records", by="views", size=1, after=answer["next"])
    assert ranks(following, "views") == [(2, "a", 9)]
    assert following["params"]["after"] == answer["next"]


def test_versions_of_a_record_one_by_one(written):
    written.write_usage(USED)
    assert ranks(ask("record-versions", record="a1")) == [(1, "a2", 6), (2, "a1", 5)]
    assert ranks(ask("repository-records", versions="this", period="all")) == [
        *((1, "c1", 9), (2, "a2", 6), (3, "a1", 5), (4, None, 0))
    ]
    with pytest.raises(InvalidRequestInputError):
        ask("record-versions", record="a1", versions="all")


def test_communities_and_the_records_of_one(written, records):
    written.write_usage(USED)
    assert ranks(ask("repository-communities", by="views"), "views") == [(1, "y", 21), (2, "x", 9)]
    records.hidden.add("y")
    rows = ask("repository-communities")["rows"]
    assert [(row["id"], row["title"]) for row in rows] == [
        ("x", "Community physics"),
        (None, "A restricted community"),
    ]
    assert ranks(ask("community-records", community="x")) == [(1, "a", 8)]


def test_records_of_a_user_have_their_last_months(written):
    written.write_usage(USED)
    rows = ask("user-records", user="7", **{"from": "2026-01", "to": "2026-10"})["rows"]
    assert [(row["id"], row["downloads"], row["months"]) for row in rows] == [
        ("a", 6, [2, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
        (None, 0, [0] * 12),
    ]


def file_total(day, file_key, count, **ids):
    unique = -(-count // 2)
    return {
        **{"timestamp": f"{day}T00:00:00", "file_key": file_key, "count": count, "unique_count": unique},
        **{"volume": 5 * count, **ids},
    }


FILES = [
    file_total("2020-05-01", "old.pdf", 4, bucket_id="B1"),
    file_total("2024-05-01", "a.pdf", 3, recid="a1", parent_recid="a", bucket_id="B1"),
    file_total("2026-05-01", "a.pdf", 2, item_id="a2", parent_id="a", bucket_id="B2"),
    file_total("2026-05-01", "b.pdf", 1, item_id="a2", parent_id="a", bucket_id="B2"),
    file_total("2026-05-01", "a.pdf", 50, item_id="b1", parent_id="b", bucket_id="B3"),
]


def test_files_of_a_record_are_one_row_for_each_key(written):
    """Also days that have no more than the bucket, once a later total tells whose bucket it is."""
    written.write("stats-file-download", FILES)
    answer = ask("record-files", record="a")
    assert ranks(answer) == [(1, "a.pdf", 5), (2, "old.pdf", 4), (3, "b.pdf", 1)]
    assert (answer["rows"][0]["views"], answer["rows"][0]["unique_downloads"], answer["rows"][0]["volume"]) == (
        None,
        3,
        25,
    )
    assert ranks(ask("record-files", record="a2", versions="this")) == [(1, "a.pdf", 2), (2, "b.pdf", 1)]
    assert ask("file-total", file="a/old.pdf")["downloads"] == 4
    assert ask("file-total", file="a2/a.pdf", versions="this")["downloads"] == 2
    series = ask("file-series", file="a/a.pdf", interval="year")["points"]
    assert [(point["date"], point["downloads"], point["views"]) for point in series] == [
        *(("2024-05-01", 3, None), ("2025-01-01", 0, None), ("2026-01-01", 2, None))
    ]


def names_of_files(**params):
    return [row["id"] for row in ask("record-files", **params)["rows"]]


def test_names_of_files_are_for_whoever_may_read_the_files(written, records, app):
    """Each version decides for its own; a file that no version has any more is shown to who may read them all."""
    written.write("stats-file-download", FILES)
    records.keys = {"a1": [("a.pdf", 5)], "a2": [("b.pdf", 5)]}
    assert names_of_files(record="a") == ["a.pdf", "old.pdf", "b.pdf"]
    records.closed.add("a2")
    answer = ask("record-files", record="a")
    assert [row["title"] for row in answer["rows"]] == ["a.pdf", "A restricted file", "A restricted file"]
    assert names_of_files(record="a2", versions="this") == [None, None]
    with app.test_request_context():
        g.identity = SimpleNamespace(id="7")
        assert names_of_files(record="a") == ["a.pdf", "old.pdf", "b.pdf"]
        assert names_of_files(record="a2", versions="this") == ["a.pdf", "b.pdf"]


def routing_of(client, index, shard):
    """Return a routing that puts totals into a shard of an index with several."""
    return next(
        routing
        for routing in map(str, range(100))
        if client.search_shards(index=index, routing=routing)["shards"][0][0]["shard"] == shard
    )


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(None, id="all of each shard"),
        pytest.param(Limits(top=10), id="more of each shard"),
        pytest.param(Limits(top=10, terms=250), id="not so much of each shard"),
        pytest.param(Limits(top=1, terms=7, page=50), id="page by page"),
    ],
)
def test_the_first_is_eleventh_in_each_shard_of_twelve_indices(written, search_client, limits):
    """A search for the ten largest of each shard never sees it; the bound says that something is missing."""
    months = [f"2025-{month:02}" for month in (11, 12)] + [f"2026-{month:02}" for month in range(1, 11)]
    alias = f"{written.prefix}stats-record-usage"
    lines = []
    for month in months:
        index = f"{alias}-{month}"
        written.create(index, alias, shards=2)
        for shard in range(2):
            to_shard = {"index": {"_index": index, "routing": routing_of(search_client, index, shard)}}
            leaders = [usage(f"{month}-03", f"local-{month}-{shard}-{number}", downloads=100) for number in range(10)]
            lines += [line for total in leaders for line in (to_shard, total)]
            lines += [to_shard, usage(f"{month}-04", "everywhere", downloads=99)]
    written.write("stats-item-usage", [usage("2025-11-01", "everywhere")])
    assert not search_client.bulk(body=lines, refresh=True)["errors"]
    answer = ask("repository-records", limits, size=3)
    assert [row["downloads"] for row in answer["rows"]] == [24 * 99, 100, 100]
    assert answer["count"] == 241


KEYS = [f"k{number}" for number in range(12)]
LISTED = st.lists(
    st.builds(
        lambda day, item, views, downloads, labels: usage(
            day.isoformat(), f"{item}-1", item, sorted(labels), views, downloads
        ),
        st.dates(date(2025, 11, 1), date(2026, 1, 31)),
        st.sampled_from(KEYS),
        st.integers(0, 9),
        st.one_of(st.integers(0, 9), st.integers(0, 10_000)),
        st.sets(st.sampled_from("xyz")),
    ),
    max_size=60,
)


@examples(0.4)
@given(
    totals=LISTED,
    by=st.sampled_from(["downloads", "views", "volume"]),
    size=st.integers(1, 8),
    name=st.sampled_from(["repository-records", "community-records", "repository-communities"]),
    limits=st.builds(
        Limits,
        top=st.integers(1, 5),
        terms=st.sampled_from([2, 7, 40, 65_000]),
        page=st.integers(1, 7),
    ),
)
def test_each_list_is_that_of_a_plain_count(app, written, search_client, index_prefix, totals, by, size, name, limits):
    """Page by page, and with `after`, which stops at the same last row."""
    search_client.indices.delete(index=f"{index_prefix}stats-*-20*", ignore=[404])
    state = app.extensions["invenio-stats"]
    known = Records(dict.fromkeys(KEYS) | {key: key for key in KEYS}, communities=dict(zip("xyz", "xyz", strict=True)))
    state.access, state.item_metadata = known, known.describe
    written.write_usage(totals, shards=2)
    found = by_parent(totals)
    if name == "repository-communities":
        keys = {label for total in found for label in total["labels"]}
        counted = {key: plain_count(found, "", "9", labels=key) for key in keys}
    else:
        found = [total for total in found if "x" in total["labels"] or name == "repository-records"]
        counted = {key: plain_count(found, "", "9", parent_id=key) for key in {total["parent_id"] for total in found}}
    expected = sorted(counted, key=lambda key: (-counted[key][by], key))
    params = {"from": "2025-11", "by": by, "size": size, **({"community": "x"} if name == "community-records" else {})}
    after, rows, pages = None, [], 0
    while pages == 0 or after:
        page = ask(name, limits, **params, **({"after": after} if after else {}))
        assert ask(name, limits, **params, page=pages + 1)["rows"] == page["rows"]
        assert page["count"] == len(expected)
        rows += page["rows"]
        after, pages = page["next"], pages + 1
    assert [row["id"] for row in rows] == expected
    assert [row["rank"] for row in rows] == list(range(1, len(expected) + 1))
    assert all({metric: row[metric] for metric in METRICS} == counted[row["id"]] for row in rows)
    sums = Counter()
    for row in rows:
        sums.update({metric: row[metric] for metric in METRICS})
    if name != "repository-communities":
        assert {metric: sums[metric] for metric in METRICS} == plain_count(found, "", "9")
