"""What belongs to an item comes together, whatever its order."""

from invenio_stats.counter.closing.partitions import PARTITIONS, Partitions


def test_values_by_item():
    with Partitions() as partitions:
        for number in range(3):
            for item in range(1000):
                partitions.add(f"item {item} é\n", [number, [item]])
        found = list(partitions.read())
        assert list(partitions.read()) == found
    assert len(found) == PARTITIONS
    assert max(map(len, found)) < 40
    merged = {item: values for part in found for item, values in part.items()}
    assert sum(map(len, found)) == len(merged) == 1000
    assert merged["item 7 é\n"] == [[0, [7]], [1, [7]], [2, [7]]]


def test_an_item_is_in_the_same_partition_of_two():
    with Partitions() as full, Partitions() as other:
        for item in ("a", "b", "c"):
            full.add(item, 1)
        other.add("b", 2)
        pairs = list(zip(full.read(), other.read(), strict=True))
    assert [(list(first), list(second)) for first, second in pairs if second] == [(["b"], ["b"])]


def test_nothing():
    with Partitions() as partitions:
        assert not any(partitions.read())
