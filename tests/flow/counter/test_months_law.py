"""The usage of closed months equals a plain count of the events that were there when they were closed."""

from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core import names
from invenio_stats.core.moments import parse
from tests.fixtures import counter_usage
from tests.laws import examples

LAW = examples(0.15)
MONTHS = ("2026-01", "2026-02")

events = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["view", "download"]),
        "day": st.sampled_from(
            ["2026-01-01T00:00:00", "2026-01-31T23:59:59", "2026-02-01T00:00:00", "2026-02-28", "2026-01-10"]
        ),
        "item": st.sampled_from(["i1", "i2", "i3", "j é"]),
        "session": st.sampled_from(["x", "y", None]),
        "access_type": st.sampled_from(["Open", "Free_To_Read", "Controlled"]),
        "access_method": st.sampled_from(["TDM", None, None]),
        "country": st.sampled_from(["DE", "CH", None]),
        "institution": st.sampled_from(["c1", None]),
        "is_robot": st.sampled_from([True, False, False]),
        "is_machine": st.sampled_from([True, False, False]),
    }
)
searches = st.fixed_dictionaries(
    {
        "kind": st.just("search"),
        "day": st.sampled_from(["2026-01-10", "2026-02-10"]),
        "country": st.sampled_from(["DE", None]),
        "institution": st.sampled_from(["c1", None]),
        "is_robot": st.sampled_from([True, False]),
    }
)
changes = st.fixed_dictionaries(
    {
        "kind": st.just("change"),
        "number": st.integers(0, 30),
        "fields": st.sampled_from([{"superseded": True}, {"country": "FR"}, {"is_robot": True}]),
    }
)
usages = st.lists(st.one_of(events, events, searches), min_size=1, max_size=12)
lates = st.lists(st.one_of(events, searches, changes), max_size=6)


@LAW
@given(first=usages, late=lates, restated_months=st.sets(st.sampled_from(MONTHS)))
def test_months_equal_a_plain_count(
    usage, work, close, restated, usage_of, metadata, clock, search_client, index_prefix, first, late, restated_months
):
    search_client.indices.delete(index=f"{index_prefix}stats-*", ignore=[404])
    search_client.indices.delete(index=f"{index_prefix}events-*", ignore=[404])
    clock.now = parse("2026-03-10T12:00:00")
    refs = []

    def put(steps):
        for step in steps:
            options = {name: value for name, value in step.items() if name != "kind"}
            if step["kind"] == "change":
                usage.change(refs[options["number"] % len(refs)], **options["fields"])
            else:
                refs.append(getattr(usage, step["kind"])(**options))

    def read():
        return [(_kind_of(ref), search_client.get(**ref)["_source"]) for ref in refs]

    # One event in each month, so that both are closed: the month of the oldest event with an item is the first.
    put([{"kind": "view", "item": "i1", "day": "2026-01-05", "session": "z"}, *first])
    work()
    assert [outcome.obstacles for outcome in close().values()] == [[], []]
    seen = {month: read() for month in MONTHS}
    for month in MONTHS:
        _check(search_client, usage_of, month, seen[month], metadata)
    put(late)
    clock.forward(hours=1)
    work()
    close()
    for month in restated_months:
        restated(month)
        seen[month] = read()
    for month in MONTHS:
        _check(search_client, usage_of, month, seen[month], metadata)
        _check_day_totals(search_client, index_prefix, month, read())


def _check(client, usage_of, month, found, metadata):
    assert usage_of(month) == counter_usage.count(found, month, metadata)
    known = counter_usage.read_month(client, month)
    rows = {(row["access_method"], row["country"], row["institution"]): row["count"] for row in known.searches}
    assert rows == counter_usage.count_searches(found, month)
    assert known.sums["Searches_Platform"] == sum(rows.values())


def _check_day_totals(client, prefix, month, found):
    client.indices.refresh(index=f"{prefix}{names.ITEM_USAGE}")
    query = {"range": {"timestamp": {"gte": f"{month}-01", "lt": f"{month}-01||+1M"}}}
    hits = client.search(index=f"{prefix}{names.ITEM_USAGE}", body={"size": 1000, "query": query})["hits"]["hits"]
    rows = counter_usage.count(found, month)
    total = sum(hit["_source"]["total_item_investigations"] for hit in hits)
    assert total == sum(row[2] for row in rows.values())


def _kind_of(ref):
    return next(kind for kind in ("file-download", "record-view", "search") if f"stats-{kind}-" in ref["index"])
