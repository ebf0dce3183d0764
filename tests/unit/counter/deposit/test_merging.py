"""The use of a dataset that several items have the DOI of."""

from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.counter.deposit.documents import DatasetUsage, merge_usages

NUMBERS = st.integers(0, 50)


@st.composite
def usages(draw):
    """Return items of a dataset, each with numbers as they can be."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        counts = {}
        for method in draw(st.sets(st.sampled_from(["Regular", "TDM"]), min_size=1)):
            requests = draw(NUMBERS)
            total = requests + draw(NUMBERS)
            unique = draw(st.integers(min(1, total), total))
            counts[method] = {
                "total_item_investigations": total,
                "total_item_requests": requests,
                "unique_item_investigations": unique,
                "unique_item_requests": draw(st.integers(min(1, requests, unique), min(requests, unique))),
            }
        found.append(DatasetUsage(f"i{number}", "2020", counts))
    return found


@given(usages())
def test_merged_numbers_are_never_doubled_and_keep_counter_s_rules(items):
    """Totals are sums, TII >= TIR >= UIR and TII >= UII >= UIR hold, and where a total is, its unique number is."""
    merged = merge_usages(items)
    assert (merged.item_id, *merged.other_ids) == tuple(item.item_id for item in items)
    for method, numbers in merged.counts.items():
        tii, tir, uii, uir = (
            numbers.get(f"{kind}_item_{of}", 0) for kind in ("total", "unique") for of in ("investigations", "requests")
        )
        own = [item.counts.get(method, {}) for item in items]
        assert tii == sum(counts.get("total_item_investigations", 0) for counts in own)
        assert tir == sum(counts.get("total_item_requests", 0) for counts in own)
        assert uii == max(counts.get("unique_item_investigations", 0) for counts in own)
        assert tii >= tir >= uir
        assert tii >= uii >= uir
        assert bool(tii) == bool(uii)
        assert bool(tir) == bool(uir)


def test_one_item_is_itself():
    usage = DatasetUsage("a", "2020", {"Regular": {"total_item_requests": 3}})
    assert merge_usages([usage]) is usage
