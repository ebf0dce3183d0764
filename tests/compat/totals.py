"""Totals, written straight into the engine: what queries read."""

MAPPING = {
    "dynamic": False,
    "properties": {
        "timestamp": {"type": "date", "format": "date_optional_time"},
        **{name: {"type": "keyword"} for name in ("bucket_id", "file_key", "unique_id", "country")},
        **{name: {"type": "integer"} for name in ("count", "unique_count")},
        "volume": {"type": "double"},
    },
}


def total(day: str, file_key: str = "a.pdf", count: int = 1, **changes) -> dict:
    """Return the total of a file on a day."""
    return {
        "timestamp": f"{day}T00:00:00",
        "unique_id": f"B1_{file_key}",
        "bucket_id": "B1",
        "file_key": file_key,
        "count": count,
        "unique_count": 1,
        "volume": 10.0 * count,
        **changes,
    }


def write_totals(client, prefix: str, totals) -> None:
    """Write totals into the indices of their months, behind the alias."""
    alias = f"{prefix}stats-file-download"
    for month in sorted({total["timestamp"][:7] for total in totals}):
        client.indices.create(f"{alias}-{month}", body={"mappings": MAPPING, "aliases": {alias: {}}})
    for total in totals:
        day = total["timestamp"][:10]
        client.index(index=f"{alias}-{day[:7]}", id=f"{total['unique_id']}-{day}", body=total, refresh=True)


TOTALS = [
    total("2026-01-30", count=2),
    total("2026-01-31", count=3),
    total("2026-01-31", "b.pdf", count=10),
    total("2026-02-02", count=4),
    total("2026-02-02", count=100, bucket_id="B2", unique_id="B2_a.pdf"),
]
