"""Check the numbers of one set of attributes, in JSON and in tables alike."""

from collections.abc import Collection, Iterator, Mapping

from invenio_stats.counter.checking.findings import Finding

_PAIRS = (
    ("Total_Item_Investigations", "Unique_Item_Investigations"),
    ("Total_Item_Requests", "Unique_Item_Requests"),
)
"""A Total, and its Unique."""

_NOT_ABOVE = (
    ("Unique_Item_Investigations", "Total_Item_Investigations"),
    ("Unique_Item_Requests", "Total_Item_Requests"),
    ("Total_Item_Requests", "Total_Item_Investigations"),
    ("Unique_Item_Requests", "Unique_Item_Investigations"),
)
"""The first is never above the second."""

Performance = Mapping[str, Mapping[str, int]]


def check_numbers(where: str, performance: Performance, asked: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with the numbers by metric and month; `asked` are the metrics that the report shows."""
    months = sorted({month for counts in performance.values() for month in counts})
    for total, unique in _PAIRS:
        for month in months:
            has_total, has_unique = (bool(performance.get(metric, {}).get(month)) for metric in (total, unique))
            if has_total and not has_unique and unique in asked:
                yield Finding("total-without-unique", where, f"{month} has {total}, and no {unique}")
    for low, high in _NOT_ABOVE:
        if low not in asked or high not in asked:
            continue
        for month in months:
            low_count, high_count = (performance.get(metric, {}).get(month, 0) for metric in (low, high))
            if low_count > high_count:
                yield Finding("above", where, f"{month} has {low_count} {low}, and {high_count} {high}")
