"""Totals of file downloads, and queries over them."""

import pytest

from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.queries import DateHistogramQuery, TermsQuery

MAPPING = {
    "dynamic": False,
    "properties": {
        "timestamp": {"type": "date", "format": "date_optional_time"},
        **{name: {"type": "keyword"} for name in ("bucket_id", "file_key", "country")},
        **{name: {"type": "integer"} for name in ("count", "unique_count", "version")},
        "volume": {"type": "double"},
    },
}
VIEWS = {"views": ("sum", "count", {}), "unique_views": ("sum", "unique_count", {})}


def total(day, file_key="a", count=1, **fields):
    return {
        "timestamp": f"{day}T00:00:00",
        "bucket_id": "b1",
        "file_key": file_key,
        "count": count,
        "unique_count": 1,
        "volume": 10.0 * count,
        "version": 1,
        **fields,
    }


TOTALS = [
    total("2026-01-01", count=2, country="CH"),
    total("2026-01-03", count=3, country="DE", version=2),
    total("2026-02-28", "b", count=5, country="CH"),
    total("2026-03-31", "b", count=7, country="CH"),
    total("2026-03-31", count=100, bucket_id="b2", country="FR"),
]


def histogram(cls=DateHistogramQuery, **params):
    required = {"required_filters": {"bucket_id": "bucket_id"}}
    return cls(name="histogram", index="stats-file-download", **{**required, **params})


def terms(cls=TermsQuery, **params):
    required = {"required_filters": {"bucket_id": "bucket_id"}}
    return cls(name="terms", index="stats-file-download", **{**required, **params})


def refused(query, **params):
    """Run a query that refuses its parameters, and return what it says."""
    with pytest.raises(InvalidRequestInputError) as error:
        query.run(**params)
    return error.value.description
