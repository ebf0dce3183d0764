"""Build the documents of a deposit: the use of a month's datasets, in parts of at most 50,000."""

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain, count, islice
from typing import Any, NamedTuple

from invenio_stats.core.counter_months import UNKNOWN_YOP, next_month, parse_month
from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.deposit.schema import ACCESS_METHODS, COMPRESSED, METRICS
from invenio_stats.counter.identifiers import format_date, format_doi, format_isni, format_orcid
from invenio_stats.items.metadata import ItemMetadata
from invenio_stats.support.json_codec import encode

PART_SIZE = 50_000
"""Datasets in one part, the service's limit."""


class DatasetUsage(NamedTuple):
    """The use of a dataset in a month: all access types, countries and institutions together."""

    item_id: str
    yop: str
    counts: Mapping[str, Mapping[str, int]]
    """By Access_Method: the four numbers, by field of `MonthUsage`."""
    other_ids: tuple[str, ...] = ()
    """Further items that are the same dataset, because they have its DOI."""


class Report(NamedTuple):
    """What all parts of a report have in common."""

    month: str
    """`yyyy-mm`."""
    account: str
    """Who deposits, `created-by`."""
    platform: Platform
    created: date

    @property
    def period(self) -> dict[str, str]:
        """The month's first and last day."""
        last = parse_month(next_month(self.month)) - timedelta(days=1)
        return {"begin-date": f"{self.month}-01", "end-date": last.isoformat()}


class Part(NamedTuple):
    """One part of a report; each is a whole document."""

    number: int
    """From 1."""
    datasets: list[bytes]
    """JSON of each dataset."""
    is_last: bool
    is_compressed: bool
    """True if the report has several parts."""
    checksum: str
    """Of the datasets of this part and of all before it: equal if and only if the service was sent the same ones."""


def merge_usages(usages: Sequence[DatasetUsage]) -> DatasetUsage:
    """Return the use of a dataset that several items have the DOI of, in the place of the first.

    Totals are summed. A session that used two of the items is one of the dataset, and which did is not known any more:
    a unique number is the greatest of the items', which the true one is never below.
    """
    first, *others = usages
    if not others:
        return first
    counts = {
        access_method: {
            field: (max if field.startswith("unique") else sum)(
                usage.counts.get(access_method, {}).get(field, 0) for usage in usages
            )
            for field in METRICS.values()
        }
        for access_method in ACCESS_METHODS
    }
    return DatasetUsage(first.item_id, first.yop, counts, tuple(usage.item_id for usage in others))


def build_dataset(report: Report, usage: DatasetUsage, metadata: ItemMetadata | None) -> dict[str, Any] | None:
    """Return a dataset of the report; None if it has no DOI or was not used.

    What is not known is left out; a publisher who is not known is "", since the service wants one.
    """
    instances = list(_instances(usage))
    doi = format_doi(metadata.doi) if metadata is not None else None
    if metadata is None or doi is None or not instances:
        return None
    published = format_date(metadata.publication_date)
    own_ids = [report.platform.own_id(item_id) for item_id in (usage.item_id, *usage.other_ids)]
    ids = [("doi", doi), *(("proprietary", own_id) for own_id in own_ids)]
    dataset = {
        "dataset-title": metadata.title,
        "dataset-id": _typed(ids),
        "dataset-contributors": _typed(_contributors(metadata)),
        "dataset-dates": _typed([("pub-date", published)] if published else []),
        "platform": report.platform.name,
        "publisher": metadata.publisher or "",
        "publisher-id": _typed(_publisher_ids(report, metadata)),
        "data-type": "dataset",
        "yop": usage.yop if usage.yop != UNKNOWN_YOP and re.fullmatch("[0-9]{4}", usage.yop) else "",
        "uri": metadata.url or metadata.uri or "",
        "performance": [{"period": report.period, "instance": instances}],
    }
    optional = ("dataset-contributors", "dataset-dates", "yop", "uri")
    return {name: value for name, value in dataset.items() if value or name not in optional}


def _instances(usage: DatasetUsage) -> Iterator[dict[str, Any]]:
    for access_method, name in ACCESS_METHODS.items():
        for metric, field in METRICS.items():
            number = usage.counts.get(access_method, {}).get(field, 0)
            if number:
                yield {"metric-type": metric, "access-method": name, "count": number}


def _contributors(metadata: ItemMetadata) -> Iterator[tuple[str, str]]:
    for author in metadata.authors:
        if author.name.strip():
            yield "name", author.name
        if orcid := format_orcid(author.orcid):
            yield "orcid", orcid
        if isni := format_isni(author.isni):
            yield "isni", isni


def _publisher_ids(report: Report, metadata: ItemMetadata) -> Iterator[tuple[str, str]]:
    yield "client-id", report.account
    for identifier in metadata.publisher_ids:
        scheme, _, value = identifier.partition(":")
        if scheme == "ISNI" and (isni := format_isni(value)):  # the service has no type for the others
            yield "isni", isni


def _typed(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"type": kind, "value": value} for kind, value in pairs]


def split(datasets: Iterable[Mapping[str, Any]], size: int = PART_SIZE) -> Iterator[Part]:
    """Yield the parts of a report, of which one at a time is in memory; an empty part if there are no datasets."""
    remaining = map(encode, datasets)
    content = hashlib.sha256()
    page = list(islice(remaining, size))
    for number in count(1):
        following = list(islice(remaining, 1))
        is_compressed = number > 1 or bool(following)
        if number == 1:  # the same datasets in a report of another kind are no beginning of it
            content.update(b"compressed" if is_compressed else b"plain")
        for dataset in page:
            content.update(b"\n" + dataset)
        yield Part(number, page, not following, is_compressed, content.hexdigest())
        if not following:
            return
        page = list(islice(chain(following, remaining), size))


def build_document(report: Report, part: Part) -> bytes:
    """Return a part as a whole document; `build_body` compresses it if it has to be."""
    header = {
        "report-name": "dataset report",
        "report-id": "DSR",
        "release": "rd1",
        "created": report.created.isoformat(),
        "created-by": report.account,
        "reporting-period": report.period,
        "report-filters": [],
        "report-attributes": [],
        "exceptions": [dict(COMPRESSED)] if part.is_compressed else [],
    }
    return b'{"report-header":' + encode(header) + b',"report-datasets":[' + b",".join(part.datasets) + b"]}"


def build_body(report: Report, part: Part) -> bytes:
    """Return what is sent for a part; the same bytes for the same part on the same day."""
    document = build_document(report, part)
    return gzip.compress(document, mtime=0) if part.is_compressed else document


def build_sample(report: Report, part: Part) -> bytes:
    """Return a document, never compressed, with the first dataset of a part only."""
    return build_document(report, part._replace(datasets=part.datasets[:1], is_compressed=False))
