"""The documents of a deposit: what is in a dataset, and how a report is divided."""

import gzip
import json
from datetime import date

import pytest

from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.deposit.documents import (
    DatasetUsage,
    Report,
    build_body,
    build_dataset,
    build_document,
    build_sample,
    split,
)
from invenio_stats.items.metadata import Author, ItemMetadata
from invenio_stats.testing import check_document

REPORT = Report("2026-02", "abcd.efgh", Platform("Example Repository", "example", "Example"), date(2026, 3, 4))
KNOWN = ItemMetadata("Rain", publisher="A house", doi="10.1234/a", publication_date="2026-01-31", url="https://x.org/a")
NUMBERS = {
    "total_item_investigations": 5,
    "total_item_requests": 3,
    "unique_item_investigations": 4,
    "unique_item_requests": 0,
}
USED = DatasetUsage("a", "2026", {"Regular": NUMBERS})


def instances(dataset):
    """Return the counts of a dataset by metric-type and access-method."""
    (performance,) = dataset["performance"]
    return {(count["metric-type"], count["access-method"]): count["count"] for count in performance["instance"]}


def test_a_dataset_has_what_is_known():
    assert build_dataset(REPORT, USED, KNOWN) == {
        "dataset-title": "Rain",
        "dataset-id": [{"type": "doi", "value": "10.1234/a"}, {"type": "proprietary", "value": "example:a"}],
        "dataset-dates": [{"type": "pub-date", "value": "2026-01-31"}],
        "platform": "Example Repository",
        "publisher": "A house",
        "publisher-id": [{"type": "client-id", "value": "abcd.efgh"}],
        "data-type": "dataset",
        "yop": "2026",
        "uri": "https://x.org/a",
        "performance": [
            {
                "period": {"begin-date": "2026-02-01", "end-date": "2026-02-28"},
                "instance": [
                    {"metric-type": "total-dataset-investigations", "access-method": "regular", "count": 5},
                    {"metric-type": "total-dataset-requests", "access-method": "regular", "count": 3},
                    {"metric-type": "unique-dataset-investigations", "access-method": "regular", "count": 4},
                ],
            }
        ],
    }


def test_what_is_not_known_is_left_out():
    """A publisher who is not known is "", because the service wants one."""
    dataset = build_dataset(REPORT, USED._replace(yop="0001"), ItemMetadata("Rain", doi="10.1234/a"))
    assert set(dataset) == {
        *("dataset-title", "dataset-id", "platform", "publisher", "publisher-id", "data-type", "performance")
    }
    assert dataset["publisher"] == ""


def test_contributors_and_publishers_have_the_identifiers_that_the_service_knows():
    known = KNOWN._replace(
        authors=(Author("Ada", orcid="0000-0002-1825-0097"), Author("Bo", isni="000000012146438X"), Author("Cy")),
        publisher_ids=("ROR:00hx57361", "ISNI:000000012146438X", "example:house"),
    )
    dataset = build_dataset(REPORT, USED, known)
    assert dataset["dataset-contributors"] == [
        {"type": "name", "value": "Ada"},
        {"type": "orcid", "value": "0000-0002-1825-0097"},
        {"type": "name", "value": "Bo"},
        {"type": "isni", "value": "000000012146438X"},
        {"type": "name", "value": "Cy"},
    ]
    assert [publisher["type"] for publisher in dataset["publisher-id"]] == ["client-id", "isni"]


def test_a_contributor_without_a_name_has_none():
    authors = (Author(""), Author("  "), Author("", orcid="0000-0002-1825-0097"), Author("Ada"))
    dataset = build_dataset(REPORT, USED, KNOWN._replace(authors=authors))
    assert dataset["dataset-contributors"] == [
        {"type": "orcid", "value": "0000-0002-1825-0097"},
        {"type": "name", "value": "Ada"},
    ]


def test_text_and_data_mining_is_by_machines():
    dataset = build_dataset(REPORT, USED._replace(counts={"TDM": {"total_item_requests": 7}}), KNOWN)
    assert instances(dataset) == {("total-dataset-requests", "machine"): 7}


@pytest.mark.parametrize(
    ("usage", "metadata"),
    [
        pytest.param(USED, None, id="not known"),
        pytest.param(USED, KNOWN._replace(doi=None), id="no DOI"),
        pytest.param(USED, KNOWN._replace(doi="10.1234"), id="no DOI of that form"),
        pytest.param(USED._replace(counts={"Regular": dict.fromkeys(NUMBERS, 0)}), KNOWN, id="zeros only"),
    ],
)
def test_a_dataset_without_a_doi_or_without_use_is_not_there(usage, metadata):
    assert build_dataset(REPORT, usage, metadata) is None


def test_the_last_day_is_that_of_the_month():
    assert REPORT._replace(month="2028-02").period == {"begin-date": "2028-02-01", "end-date": "2028-02-29"}
    assert REPORT._replace(month="2025-12").period == {"begin-date": "2025-12-01", "end-date": "2025-12-31"}


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])], ids=str
)
def test_a_part_has_at_most_its_size(count, sizes):
    """Several parts are compressed, one is not; none is empty, unless the report is."""
    parts = list(split([{"dataset-title": str(number)} for number in range(count)], 2))
    assert [len(part.datasets) for part in parts] == sizes
    assert [part.number for part in parts] == list(range(1, len(sizes) + 1))
    assert [part.is_last for part in parts] == [*[False] * (len(sizes) - 1), True]
    assert {part.is_compressed for part in parts} == {len(sizes) > 1}
    datasets = [json.loads(dataset)["dataset-title"] for part in parts for dataset in part.datasets]
    assert datasets == [str(number) for number in range(count)]


def test_one_part_at_a_time_is_in_memory():
    """The next is read when it is asked for; one dataset more, to know whether there is a next one."""
    read = []
    parts = split((read.append(number) or {"n": number} for number in range(10)), 3)
    next(parts)
    assert len(read) == 4


def test_a_checksum_is_that_of_all_datasets_so_far():
    """The same datasets give the same; the first part of several is not a report of one part."""
    datasets = [{"n": number} for number in range(4)]

    def checksums(datasets):
        return [part.checksum for part in split(datasets, 2)]

    assert checksums(datasets) == checksums(datasets)
    assert checksums(datasets)[0] == checksums([*datasets[:3], {"n": 9}])[0]
    assert checksums(datasets)[1] != checksums([*datasets[:3], {"n": 9}])[1]
    assert checksums(datasets)[0] != checksums(datasets[:2])[0]
    assert len({*checksums([]), *checksums([{}]), *checksums([{}, {}])}) == 3


def test_a_document_follows_the_schema():
    (part,) = split([build_dataset(REPORT, USED, KNOWN)])
    document = json.loads(build_document(REPORT, part))
    assert not check_document(document)
    assert document["report-header"] == {
        "report-name": "dataset report",
        "report-id": "DSR",
        "release": "rd1",
        "created": "2026-03-04",
        "created-by": "abcd.efgh",
        "reporting-period": {"begin-date": "2026-02-01", "end-date": "2026-02-28"},
        "report-filters": [],
        "report-attributes": [],
        "exceptions": [],
    }
    assert build_body(REPORT, part) == build_document(REPORT, part)


def test_a_part_of_several_is_compressed_and_says_so():
    parts = list(split([build_dataset(REPORT, USED, KNOWN)] * 3, 2))
    bodies = [build_body(REPORT, part) for part in parts]
    documents = [json.loads(gzip.decompress(body)) for body in bodies]
    assert [len(document["report-datasets"]) for document in documents] == [2, 1]
    for document in documents:
        assert not check_document(document)
        assert document["report-header"]["exceptions"] == [
            {
                "code": 69,
                "severity": "warning",
                "message": "report is compressed using gzip",
                "help-url": "https://github.com/datacite/sashimi",
                "data": "usage data needs to be uncompressed",
            }
        ]
    assert bodies == [build_body(REPORT, part) for part in parts]
    sample = json.loads(build_sample(REPORT, parts[0]))
    assert len(sample["report-datasets"]) == 1
    assert sample["report-header"]["exceptions"] == []


def instance(document):
    return document["report-datasets"][0]["performance"][0]["instance"][0]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda report: report["report-header"].pop("created-by"), "created-by", id="header"),
        pytest.param(lambda report: report["report-datasets"][0].pop("publisher-id"), "publisher-id", id="dataset"),
        pytest.param(lambda report: instance(report).update({"count": 0}), "0", id="a zero"),
        pytest.param(lambda report: instance(report).update({"access-method": "TDM"}), "TDM", id="access method"),
        pytest.param(
            lambda report: report["report-header"]["reporting-period"].update({"end-date": "2026-03-01"}),
            "different months",
            id="two months",
        ),
        pytest.param(
            lambda report: report.update({"report-datasets": report["report-datasets"] * 50_001}), "too long", id="size"
        ),
    ],
)
def test_what_the_schema_does_not_allow_is_found(change, error):
    (part,) = split([build_dataset(REPORT, USED, KNOWN)])
    document = json.loads(build_document(REPORT, part))
    change(document)
    (found, *_others) = check_document(document)
    assert error in found
