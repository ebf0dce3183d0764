"""Reports of closed months are as COUNTER wants them, and always the same."""

from datetime import timedelta

import pytest
from invenio_search.engine import search

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.counter.checking.reports import check_report
from invenio_stats.counter.checking.tables import check_table
from invenio_stats.counter.reports import item_usage, xlsx
from invenio_stats.counter.reports.formats import WRITERS
from invenio_stats.counter.reports.report import build_report, count_documents
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.tsv import write_tsv
from invenio_stats.counter.reports.usage_query import usage_clauses
from invenio_stats.errors import MissingItemsError, TooManyRowsError, UnknownCustomerError
from invenio_stats.items.metadata import Author, Container, ItemMetadata
from tests.fixtures.closed_months import ARTICLE, DATASET, JOURNAL, NOW, use
from tests.flow.counter.reports.making import make, make_json, make_tsv, make_xlsx

SEARCHES = [
    {"access_method": "", "country": "DE", "institution": "c1", "count": 4},
    {"access_method": "TDM", "country": "", "institution": "", "count": 1},
]
ALL_ATTRIBUTES = ("Authors", "Publication_Date", "Article_Version", "YOP", "Access_Type", "Access_Method")


@pytest.fixture
def months(closed_months):
    """Two months: an article, a dataset, a picture, and an item that nobody knows."""
    closed_months.put_items({"a": ARTICLE, "d": DATASET, "p": ItemMetadata("Picture", data_type="Image"), "x": None})
    closed_months.close(
        "2026-05",
        [
            use("a", 4, 2),
            use("a", 3, 3, country="DE", institution="c1"),
            use("d", 5, 0, data_type="Dataset", yop="2021", access_method="TDM"),
            use("x", 1, 0, data_type="Unspecified", yop="0001"),
        ],
        SEARCHES,
    )
    closed_months.close(
        "2026-06",
        [use("a", 1, 1, access_type="Controlled", institution="c2"), use("p", 2, 2, data_type="Image", yop="9999")],
    )
    return closed_months


def performances(report):
    """Return the usage by item, attributes and metric: what a report says, without its form."""
    found = {}
    for group in report["Report_Items"]:
        for item in group.get("Items", [group]):
            item_id = item.get("Item_ID", {}).get("Proprietary", "platform").removeprefix("example:")
            for performance in item["Attribute_Performance"]:
                key = tuple(value for name, value in performance.items() if name != "Performance")
                found[(item_id, *key)] = performance["Performance"]
    return found


@pytest.mark.parametrize("report_id", ["PR", "PR_P1", "IR", "IR_A1", "IR_M1"])
@pytest.mark.usefixtures("months")
def test_each_report_is_valid_in_each_format(search_client, report_id):
    assert check_report(make_json(search_client, report_id)) == []
    assert check_table(make_tsv(search_client, report_id)) == []
    assert check_table(make_xlsx(search_client, report_id)) == []


@pytest.mark.usefixtures("months")
def test_a_report_with_everything_is_valid(search_client):
    options = {"attributes": (*ALL_ATTRIBUTES, "Country_Code"), "include_parents": True}
    for totals_only in (False, True):
        assert check_report(make_json(search_client, totals_only=totals_only, **options)) == []
        assert check_table(make_tsv(search_client, totals_only=totals_only, **options)) == []


@pytest.mark.usefixtures("months")
def test_the_platform_report(search_client):
    report = make_json(search_client, "PR", attributes=("Access_Method",))
    assert performances(report) == {
        ("platform", "Article", "Regular"): {
            "Total_Item_Investigations": {"2026-05": 7, "2026-06": 1},
            "Total_Item_Requests": {"2026-05": 5, "2026-06": 1},
            "Unique_Item_Investigations": {"2026-05": 4, "2026-06": 1},
            "Unique_Item_Requests": {"2026-05": 3, "2026-06": 1},
        },
        ("platform", "Dataset", "TDM"): {
            "Total_Item_Investigations": {"2026-05": 5},
            "Unique_Item_Investigations": {"2026-05": 3},
        },
        ("platform", "Image", "Regular"): {
            "Total_Item_Investigations": {"2026-06": 2},
            "Total_Item_Requests": {"2026-06": 2},
            "Unique_Item_Investigations": {"2026-06": 1},
            "Unique_Item_Requests": {"2026-06": 1},
        },
        ("platform", "Platform", "Regular"): {"Searches_Platform": {"2026-05": 4}},
        ("platform", "Platform", "TDM"): {"Searches_Platform": {"2026-05": 1}},
        ("platform", "Unspecified", "Regular"): {
            "Total_Item_Investigations": {"2026-05": 1},
            "Unique_Item_Investigations": {"2026-05": 1},
        },
    }


@pytest.mark.usefixtures("months")
def test_the_view_of_the_platform_has_regular_use_only(search_client):
    report = make_json(search_client, "PR_P1")
    assert set(performances(report)) == {("platform", name) for name in ("Article", "Image", "Platform")}
    assert report["Report_Header"]["Report_Filters"] == {
        "Access_Method": ["Regular"],
        "Metric_Type": ["Searches_Platform", "Total_Item_Requests", "Unique_Item_Requests", "Unique_Title_Requests"],
        "Begin_Date": "2026-05-01",
        "End_Date": "2026-06-30",
    }


@pytest.mark.usefixtures("months")
def test_the_header(search_client):
    report = make_json(
        search_client,
        customer_id="both",
        attributes=("YOP",),
        include_parents=True,
        totals_only=True,
        filters={"YOP": ("2010", "2012-2030"), "Item_ID": ("example:a",), "Country_Code": ("DE", "ZZ")},
    )
    assert report["Report_Header"] == {
        "Report_Name": "Item Report",
        "Report_ID": "IR",
        "Release": "5.1",
        "Institution_Name": "A Consortium",
        "Institution_ID": {"Proprietary": ["example:both"]},
        "Report_Filters": {
            "YOP": ["2010", "2012-2030"],
            "Item_ID": "example:a",
            "Country_Code": "DE|ZZ",
            "Begin_Date": "2026-05-01",
            "End_Date": "2026-06-30",
        },
        "Report_Attributes": {
            "Attributes_To_Show": ["YOP"],
            "Granularity": "Totals",
            "Include_Parent_Details": "True",
        },
        "Created": "2026-08-20T12:00:05Z",
        "Created_By": "Example Repository",
        "Registry_Record": "",
    }


@pytest.mark.usefixtures("months")
def test_the_header_of_a_table(search_client):
    rows = make_tsv(
        search_client, "IR", customer_id="c1", end="2026-07", attributes=("YOP", "Access_Type"), totals_only=True
    )
    assert rows[:15] == [
        ["Report_Name", "Item Report"],
        ["Report_ID", "IR"],
        ["Release", "5.1"],
        ["Institution_Name", "One University"],
        ["Institution_ID", "ISIL:DE-1; ROR:00hx57361; example:c1"],
        ["Metric_Types", ""],
        ["Report_Filters", ""],
        ["Report_Attributes", "Attributes_To_Show=YOP|Access_Type; Exclude_Monthly_Details=True"],
        ["Exceptions", "3031: Usage Not Ready for Requested Dates (2026-07)"],
        ["Reporting_Period", "Begin_Date=2026-05-01; End_Date=2026-06-30"],
        ["Created", "2026-08-20T12:00:05Z"],
        ["Created_By", "Example Repository"],
        ["Registry_Record", ""],
        [],
        [
            *("Item", "Publisher", "Publisher_ID", "Platform", "DOI", "Proprietary_ID", "ISBN", "Print_ISSN"),
            *("Online_ISSN", "URI", "Data_Type", "YOP", "Access_Type", "Metric_Type", "Reporting_Period_Total"),
        ],
    ]


@pytest.mark.usefixtures("months")
def test_an_item_with_all_that_is_known(search_client):
    report = make_json(search_client, attributes=ALL_ATTRIBUTES[:3], include_parents=True, customer_id="c1")
    assert report["Report_Items"] == [
        {
            "Title": "Annals",
            "Item_ID": {"Online_ISSN": "0378-5955"},
            "Data_Type": "Journal",
            "Items": [
                {
                    "Item": "On counting",
                    "Publisher": "Example Press",
                    "Platform": "Example Repository",
                    "Publisher_ID": {"ROR": ["00hx57361"], "Proprietary": ["example:p1"]},
                    "Item_ID": {
                        "DOI": "10.1234/counting",
                        "Proprietary": "example:a",
                        "URI": "https://example.org/records/a",
                    },
                    # at most three, and none of one character
                    "Authors": [
                        {"Name": "Doe, Jane", "ORCID": "0000-0002-1825-0097"},
                        {"Name": "Roe"},
                        {"Name": "Li"},
                    ],
                    "Publication_Date": "2020-02-29",
                    "Article_Version": "VoR",
                    "Attribute_Performance": [
                        {
                            "Data_Type": "Article",
                            "Performance": {
                                "Total_Item_Investigations": {"2026-05": 3},
                                "Total_Item_Requests": {"2026-05": 3},
                                "Unique_Item_Investigations": {"2026-05": 2},
                                "Unique_Item_Requests": {"2026-05": 2},
                            },
                        }
                    ],
                }
            ],
        }
    ]


def test_what_does_not_fit_is_left_out(closed_months, search_client):
    hostile = ItemMetadata(
        "A\ttitle\r\nof \ud800 lines",
        publisher="",
        publisher_ids=("GRID:grid.1", "ROR:nonsense", "ISNI:0000"),
        authors=(Author("X"), Author("Doe", orcid="0000-0002-1825-0098", isni="000000012146438X")),
        doi="not a DOI",
        isbn="9783161484101",
        issn="0378-5954",
        uri="/records/1",
        publication_date="2020",
        article_version="v1",
        data_type="Article",
        container=Container("No identifiers", "Journal", issn="12"),
    )
    closed_months.put_items({"h": hostile})
    closed_months.close("2026-05", [use("h", 1, 0)])
    report = make_json(search_client, attributes=ALL_ATTRIBUTES[:3], include_parents=True)
    assert check_report(report) == []
    (group,) = report["Report_Items"]
    assert set(group) == {"Items"}
    (item,) = group["Items"]
    del item["Attribute_Performance"]
    assert item == {
        "Item": "A title of ? lines",
        "Publisher": "",
        "Platform": "Example Repository",
        "Item_ID": {"Proprietary": "example:h"},
        "Authors": [{"Name": "Doe", "ISNI": "000000012146438X"}],
    }


def test_groups_and_items_are_in_order(closed_months, search_client):
    """Groups by title and id of the parent, the one without parent last, items by title and id."""
    other = Container("A journal", "Journal", issn="2049-3630")
    closed_months.put_items(
        {
            "1": ARTICLE._replace(title="B"),
            "2": ARTICLE._replace(title="A"),
            "0": ARTICLE._replace(title="B"),
            "3": ARTICLE._replace(title="Z", container=other),
            "4": ARTICLE._replace(title="C", container=None),
            "5": DATASET._replace(title="A"),
        }
    )
    types = {"5": "Dataset"}
    closed_months.close("2026-05", [use(name, data_type=types.get(name, "Article")) for name in "012345"])
    report = make_json(search_client, include_parents=True)
    assert [
        (group.get("Title"), [item["Item_ID"]["Proprietary"] for item in group["Items"]])
        for group in report["Report_Items"]
    ] == [
        ("A journal", ["example:3"]),
        ("Annals", ["example:2", "example:0", "example:1"]),
        (None, ["example:5", "example:4"]),
    ]


def test_an_item_that_was_of_another_type_has_no_parent(closed_months, search_client):
    """A Dataset may not be in a journal: an item whose months differ is once in the group without parent, in order."""
    closed_months.put_items(
        {
            "a": ARTICLE,
            "b": ARTICLE._replace(title="M"),
            "c": DATASET._replace(title="A"),
            "d": DATASET._replace(title="Z"),
        }
    )
    closed_months.close("2026-05", [use("a"), use("b", data_type="Dataset"), use("c", data_type="Dataset")])
    closed_months.close("2026-06", [use("a"), use("b"), use("d", data_type="Dataset")])
    report = make_json(search_client, include_parents=True)
    assert check_report(report) == []
    assert [[item["Item"] for item in group["Items"]] for group in report["Report_Items"]] == [
        ["On counting"],
        ["A", "M", "Z"],
    ]
    assert len(report["Report_Items"][1]["Items"][1]["Attribute_Performance"]) == 2
    # in a month, or a view, that has articles only, it has its parent
    for options in ({"begin": "2026-06"}, {"filters": {"Data_Type": ("Article",)}}, {"report_id": "IR_A1"}):
        (group,) = [
            group
            for group in make_json(search_client, **{"include_parents": True, **options})["Report_Items"]
            if "Title" in group
        ]
        assert [item["Item"] for item in group["Items"]] == ["M", "On counting"]


def test_an_item_is_one_though_its_type_and_year_changed(closed_months, search_client):
    closed_months.put_items({"a": ARTICLE})
    closed_months.close("2026-05", [use("a", data_type="Other", yop="2019")])
    closed_months.close("2026-06", [use("a")])
    report = make_json(search_client, attributes=("YOP",))
    assert list(performances(report)) == [("a", "Article", "2020"), ("a", "Other", "2019")]
    assert len(report["Report_Items"][0]["Items"]) == 1


@pytest.mark.parametrize(
    ("filters", "items"),
    [
        ({"Data_Type": ("Dataset", "Image")}, ["d", "p"]),
        ({"Access_Type": ("Controlled",)}, ["a"]),
        ({"Access_Method": ("TDM",)}, ["d"]),
        ({"YOP": ("0001",)}, ["x"]),
        ({"YOP": ("2019-2020", "9999")}, ["a", "p"]),
        ({"Country_Code": ("DE",)}, ["a"]),
        ({"Country_Code": ("FR",)}, []),
        ({"Country_Code": ("FR", "ZZ")}, ["a", "d", "p", "x"]),
        ({"Item_ID": ("example:d", "example:unknown")}, ["d"]),
        ({"Item_ID": ("10.1234/COUNTING",)}, ["a"]),
        ({"Item_ID": ("10.1234/other",)}, []),
        ({"Metric_Type": ("Total_Item_Requests",)}, ["a", "p"]),
        ({"Data_Type": ("Article",), "Access_Type": ("Open",), "Country_Code": ("DE",)}, ["a"]),
    ],
)
@pytest.mark.usefixtures("months")
def test_filters(search_client, filters, items):
    report = make_json(search_client, filters=filters)
    assert sorted({item for item, *_ in performances(report)}) == items
    assert check_report(report) == []
    assert all(report["Report_Header"]["Report_Filters"][name] for name in filters)


@pytest.mark.usefixtures("months")
def test_what_is_filtered_by_and_not_shown_is_summed_up(search_client):
    report = make_json(search_client, filters={"Country_Code": ("DE", "ZZ"), "Access_Type": ("Open",)})
    assert performances(report)["a", "Article"]["Total_Item_Investigations"] == {"2026-05": 7}


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({"report_id": "IR_M1", "end": "2026-05"}, [3030]),
        ({"filters": {"YOP": ("1999",)}}, [3030]),
        ({"begin": "2026-07", "end": "2026-07"}, [3031]),
        ({"begin": "2026-04", "end": "2026-04"}, [3032]),
        ({"begin": "2026-04", "end": "2026-07"}, [3031, 3032]),
        ({"begin": "2026-04", "end": "2026-07", "filters": {"YOP": ("1999",)}}, [3030, 3031, 3032]),
    ],
)
@pytest.mark.parametrize("make_rows", [make_tsv, make_xlsx])
@pytest.mark.usefixtures("months")
def test_what_is_not_there_is_an_exception(search_client, options, codes, make_rows):
    report = make_json(search_client, **options)
    assert check_report(report) == []
    assert [exception["Code"] for exception in report["Report_Header"]["Exceptions"]] == codes
    assert bool(report["Report_Items"]) == (codes == [3031, 3032])
    rows = make_rows(search_client, **options)
    assert check_table(rows) == []
    assert (len(rows) == 15) == (not report["Report_Items"])


@pytest.mark.usefixtures("months")
def test_an_empty_report_is_about_the_months_that_were_asked_for(search_client):
    header = make_json(search_client, begin="2026-07", end="2026-08")["Report_Header"]
    assert header["Report_Filters"] == {"Begin_Date": "2026-07-01", "End_Date": "2026-08-31"}


def test_an_accepted_gap_is_partial_data(closed_months, search_client):
    closed_months.close("2026-05", [], accepted=[{"reason": "disk full", "what": "dead letters"}])
    report = make_json(search_client)
    codes = [exception["Code"] for exception in report["Report_Header"]["Exceptions"]]
    assert codes == [3030, 3031, 3040]


@pytest.mark.usefixtures("months")
def test_exceptions_of_the_request_are_in_the_header(search_client):
    ignored = [CounterException(3060, "yop=x"), CounterException(3050, "colour")]
    report = build_report(search_client, ReportRequest("IR", "2026-05", "2026-05"), NOW, ignored)
    assert [exception["Code"] for exception in report.header["Exceptions"]] == [3050, 3060]


def test_before_the_first_close(closed_months, search_client):
    assert closed_months
    for report_id in ("PR", "IR"):
        report = make_json(search_client, report_id)
        assert check_report(report) == []
        assert [exception["Code"] for exception in report["Report_Header"]["Exceptions"]] == [3031]


@pytest.mark.parametrize("options", [{}, {"report_id": "PR"}, {"include_parents": True, "attributes": ALL_ATTRIBUTES}])
@pytest.mark.parametrize("writing", ["json", "tsv", "xlsx"])
@pytest.mark.usefixtures("months")
def test_a_report_is_the_same_but_for_its_date(search_client, options, writing):
    first = make(search_client, write=WRITERS[writing], **options)
    assert make(search_client, write=WRITERS[writing], **options) == first
    later = make(search_client, write=WRITERS[writing], now=NOW + timedelta(days=1), **options)
    assert later != first
    if writing != "xlsx":  # which is compressed
        assert later.replace(b"2026-08-21T", b"2026-08-20T") == first


@pytest.mark.usefixtures("months")
def test_json_has_no_needless_space_and_no_byte_order_mark(search_client):
    text = make(search_client, "PR")
    assert text.startswith(b'{"Report_Header":{"Report_Name":"Platform Report",')
    assert b", " not in text.replace(b"Doe, Jane", b"")


@pytest.mark.usefixtures("months")
def test_tsv_begins_with_a_byte_order_mark(search_client):
    """So that spreadsheets read it as UTF-8."""
    assert make(search_client, "PR", write=write_tsv).startswith(b"\xef\xbb\xbfReport_Name\tPlatform Report\r\n")


def test_a_restatement_does_not_disturb_a_reader(months, search_client):
    """A report that was begun reads the revision that it began with."""
    request = ReportRequest("IR", "2026-05", "2026-05")
    begun = build_report(search_client, request, NOW)
    months.close("2026-05", [use("a", 100, 0)], revision=2)
    numbers = [performance.metrics for item in begun.items for performance in item.performances]
    assert max(counts["Total_Item_Investigations"]["2026-05"] for counts in numbers) == 7
    report = make_json(search_client, end="2026-05")
    assert performances(report)["a", "Article"]["Total_Item_Investigations"] == {"2026-05": 100}


@pytest.mark.parametrize("report_id", ["PR", "IR"])
def test_a_closed_month_without_its_usage_is_an_error(months, search_client, report_id):
    """Never a report that says that nothing was used."""
    search_client.indices.delete(index=f"{months.prefix}stats-counter-usage-2026-05-r1-*")
    with pytest.raises(search.exceptions.NotFoundError):
        make(search_client, report_id)


@pytest.mark.parametrize("lost", ["all", "index", "closed", "one"])
@pytest.mark.parametrize("include_parents", [False, True])
def test_items_that_are_lost_are_an_error(months, search_client, lost, include_parents):
    """Never a report that has less than the sum of the platform."""
    index = f"{months.prefix}stats-counter-items"
    if lost == "index":
        search_client.indices.delete(index=index)
    elif lost == "closed":
        search_client.indices.close(index=index)
    else:
        query = {"match_all": {}} if lost == "all" else {"term": {"item_id": "a"}}
        search_client.delete_by_query(index=index, body={"query": query}, refresh=True)
    with pytest.raises(MissingItemsError, match="stats-counter-items has lost items that were used from 2026-05"):
        make(search_client, include_parents=include_parents)
    assert make(search_client, "PR")


def test_all_years_fit_into_one_search():
    """The engine takes 1,024 clauses."""
    years = tuple(f"{year:04}" for year in range(1, 9999, 2))
    (clause,) = usage_clauses(ReportRequest("IR", "2026-05", "2026-06", filters={"YOP": (*years, "0002-9998")}), None)
    assert clause == {"terms": {"yop": [f"{year:04}" for year in range(1, 9999)]}}


@pytest.mark.parametrize("report_id", ["PR", "IR"])
@pytest.mark.usefixtures("months")
def test_an_unknown_customer(search_client, report_id):
    with pytest.raises(UnknownCustomerError):
        make(search_client, report_id, customer_id="nobody")


@pytest.mark.usefixtures("months")
def test_more_documents_than_one_response_has(search_client, monkeypatch):
    """What is read page by page is the same."""
    expected = make(search_client, attributes=ALL_ATTRIBUTES)
    monkeypatch.setattr(item_usage, "DOCUMENTS_AT_ONCE", 2)
    assert make(search_client, attributes=ALL_ATTRIBUTES) == expected


@pytest.mark.parametrize("include_parents", [False, True])
@pytest.mark.usefixtures("months")
def test_batches_of_items_do_not_matter(search_client, monkeypatch, include_parents):
    expected = make(search_client, include_parents=include_parents)
    monkeypatch.setattr(item_usage, "MAX_BATCH_SIZE", 1)
    monkeypatch.setattr(item_usage, "MIN_BATCH_SIZE", 1)
    assert make(search_client, include_parents=include_parents) == expected


@pytest.mark.parametrize(
    "options", [{}, {"attributes": ("Country_Code", "YOP", "Access_Type")}, {"report_id": "IR_A1"}]
)
@pytest.mark.usefixtures("months")
def test_rows_are_counted_exactly(search_client, monkeypatch, options):
    rows = len(make_tsv(search_client, **options))
    monkeypatch.setattr(xlsx, "SHEET_ROWS", rows)
    assert len(make_xlsx(search_client, **options)) == rows
    monkeypatch.setattr(xlsx, "SHEET_ROWS", rows - 1)
    with pytest.raises(TooManyRowsError, match="TSV"):
        make_xlsx(search_client, **options)


@pytest.mark.usefixtures("months")
def test_documents_are_counted(search_client):
    """What has to be read decides whether a report is made while the client waits; the platform's is summed up."""

    def count(report_id, **options):
        return count_documents(search_client, ReportRequest(report_id, "2026-05", "2026-07", **options), NOW)

    assert [count("IR"), count("IR", customer_id="c1"), count("IR", filters={"Item_ID": ("example:a",)})] == [6, 1, 3]
    assert [count("IR_A1"), count("PR"), count("PR_P1")] == [3, 0, 0]


def test_items_with_one_journal_in_two_spellings_are_one_group(closed_months, search_client):
    plain = JOURNAL._replace(issn="03785955")
    closed_months.put_items({"a": ARTICLE, "b": ARTICLE._replace(container=plain)})
    closed_months.close("2026-05", [use("a"), use("b")])
    report = make_json(search_client, include_parents=True)
    assert check_report(report) == []
    assert len(report["Report_Items"]) == 1


@pytest.mark.parametrize("title", ["<r>Iron & steel</r>", "=1+1", '"Quoted" \u2028 & <i>so</i>', "0001"])
def test_a_title_is_the_same_in_each_format(closed_months, search_client, title):
    closed_months.put_items({"a": ARTICLE._replace(title=title, publisher=title)})
    closed_months.close("2026-05", [use("a")])
    options = {"begin": "2026-05", "end": "2026-05"}
    report = make_json(search_client, **options)
    item = report["Report_Items"][0]["Items"][0]
    for rows in (make_tsv(search_client, **options), make_xlsx(search_client, **options)):
        assert check_table(rows) == []
        assert {tuple(row[:2]) for row in rows[15:]} == {(item["Item"], item["Publisher"])}


def test_months_without_use_stay_in_their_place(closed_months, search_client):
    """Also over the end of a year, and in a leap year's February."""
    closed_months.put_items({"a": ARTICLE})
    for month, usages in {"2027-11": [use("a", 4, 2)], "2027-12": [], "2028-01": [], "2028-02": [use("a")]}.items():
        closed_months.close(month, usages)
    options = {"begin": "2027-11", "end": "2028-02", "now": NOW.replace(year=2028)}
    report = make_json(search_client, **options)
    assert check_report(report) == []
    assert report["Report_Header"]["Report_Filters"]["End_Date"] == "2028-02-29"
    (performance,) = report["Report_Items"][0]["Items"][0]["Attribute_Performance"]
    assert performance["Performance"]["Total_Item_Investigations"] == {"2027-11": 4, "2028-02": 2}
    rows = make_tsv(search_client, **options)
    assert rows[14][-5:] == ["Reporting_Period_Total", "Nov-2027", "Dec-2027", "Jan-2028", "Feb-2028"]
    assert [row[-5:] for row in rows[15:] if "Total_Item_Investigations" in row] == [["6", "4", "0", "0", "2"]]


@pytest.mark.parametrize("options", [{}, {"filters": {"Item_ID": ("10.1234/numbers",)}}], ids=["all", "by the DOI"])
def test_two_items_with_the_same_doi_are_two_items(closed_months, search_client, options):
    """COUNTER counts items, and each has its own id; in no format are they one, or is one of them twice."""
    closed_months.put_items({"d": DATASET, "e": DATASET})
    closed_months.close("2026-05", [use(item_id, 3, 1, data_type="Dataset", yop="2021") for item_id in ("d", "e")])
    report = make_json(search_client, "IR", "2026-05", "2026-05", **options)
    assert check_report(report) == []
    items = report["Report_Items"][0]["Items"]
    assert [item["Item_ID"] for item in items] == [
        {"DOI": "10.1234/numbers", "Proprietary": f"example:{item_id}"} for item_id in ("d", "e")
    ]
    for make_rows in (make_tsv, make_xlsx):
        rows = make_rows(search_client, "IR", "2026-05", "2026-05", **options)
        assert check_table(rows) == []
        assert len(rows) == 15 + 2 * 4
