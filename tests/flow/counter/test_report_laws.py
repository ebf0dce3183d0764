"""Whatever was used: the reports of closed months agree with a plain count of their documents, and with each other."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.core.counter_months import METRICS, MonthUsage
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.checking.reports import check_report
from invenio_stats.counter.checking.tables import check_table
from invenio_stats.items.metadata import Container, ItemMetadata
from tests.fixtures.closed_months import ARTICLE, DATASET
from tests.flow.counter.reports.conftest import COUNTER_SETTINGS
from tests.flow.counter.reports.making import make_json, make_tsv, make_xlsx
from tests.laws import examples

LAW = examples(0.4)
MONTHS = ("2026-04", "2026-05", "2026-06")
PERIOD = {"begin": "2026-04", "end": "2026-06"}
REQUESTS = ("Total_Item_Requests", "Unique_Item_Requests")
MULTIMEDIA = ("Audiovisual", "Image", "Interactive_Resource", "Multimedia", "Sound")
FIELDS = {
    "Data_Type": "data_type",
    "YOP": "yop",
    "Access_Type": "access_type",
    "Access_Method": "access_method",
    "Country_Code": "country",
}
ITEMS = {
    "a": ARTICLE,
    "b": ARTICLE._replace(title="Another", doi=None),
    "c": ItemMetadata("Chapter", data_type="Book_Segment", container=Container("Book", "Book", isbn="9783161484100")),
    "d": DATASET,
    "i": ItemMetadata("Picture", data_type="Image"),
    "x": None,
}

numbers = st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9)).map(
    # total investigations >= total requests, and each Unique between 1 and its Total
    lambda n: (n[0] + n[1], n[1], min(n[2] + n[3], n[0] + n[1]), min(n[3], n[1]))
)
usages = st.builds(
    lambda item_id, data_type, yop, access_type, method, country, institution, counts: MonthUsage(
        item_id, data_type, yop, access_type, method, country, institution, *counts
    ),
    st.sampled_from(sorted(ITEMS)),
    st.sampled_from(["Article", "Article", "Book_Segment", "Dataset", "Image", "Sound", "Unspecified"]),
    st.sampled_from(["0001", "2019", "2020", "9999"]),
    st.sampled_from(["Open", "Free_To_Read", "Controlled"]),
    st.sampled_from(["Regular", "Regular", "TDM"]),
    st.sampled_from(["", "", "DE", "CH"]),
    st.sampled_from(["", "c1", "c2"]),
    numbers,
)
searches = st.fixed_dictionaries(
    {
        "access_method": st.sampled_from(["", "TDM"]),
        "country": st.sampled_from(["", "DE"]),
        "institution": st.sampled_from(["", "c1", "c2"]),
        "count": st.integers(1, 9),
    }
)
attribute_sets = st.lists(st.sampled_from([name for name in FIELDS if name != "Data_Type"]), unique=True).map(
    lambda names: tuple(name for name in FIELDS if name in names)
)
filter_sets = st.fixed_dictionaries(
    {},
    optional={
        "Data_Type": st.sampled_from([("Article",), ("Dataset", "Image")]),
        "YOP": st.sampled_from([("2020",), ("0001", "2010-2019")]),
        "Access_Type": st.sampled_from([("Open",), ("Controlled", "Free_To_Read")]),
        "Access_Method": st.sampled_from([("Regular",), ("TDM",)]),
        "Country_Code": st.sampled_from([("DE",), ("CH", "ZZ")]),
        "Metric_Type": st.sampled_from([REQUESTS, ("Unique_Item_Investigations",)]),
    },
)
customers = st.sampled_from([THE_WORLD, "c1", "c2", "both"])
months_of_usage = st.fixed_dictionaries(
    {month: st.tuples(st.lists(usages, max_size=8), st.lists(searches, max_size=3)) for month in MONTHS}
)


@pytest.fixture(scope="module")
def app_config(app_config):
    return {**app_config, **COUNTER_SETTINGS}


def store(closed_months, months):
    """Close the months, with one document for each item and set of attributes."""
    closed_months.clear()
    closed_months.put_items(ITEMS)
    for month, (found, asked) in months.items():
        months[month] = list({usage[:7]: usage for usage in found}.values()), asked
        closed_months.close(month, *months[month])


def value_of(usage, name):
    return getattr(usage, FIELDS[name]) or "ZZ"


def is_asked_for(usage, filters, customer_id):
    """Say whether the usage is in a report: the rules, written down once more."""
    own = {THE_WORLD: ("", "c1", "c2"), "both": ("c1", "c2")}.get(customer_id, (customer_id,))
    ranges = [value.partition("-") for value in filters.get("YOP", ())]
    return (
        usage.institution in own
        and all(value_of(usage, name) in filters[name] for name in FIELDS if name in filters and name != "YOP")
        and (not ranges or any(first <= usage.yop <= (last or first) for first, _, last in ranges))
    )


def count(months, shown=(), filters=None, customer_id=THE_WORLD, by_item=True, data_types=True, totals=False):
    """Return the numbers by item, attributes, metric and month: what a report has to say."""
    filters = filters or {}
    names = [name for name in FIELDS if name in shown or (name == "Data_Type" and data_types)]
    metrics = filters.get("Metric_Type", ("Searches_Platform", *METRICS))
    found = Counter()
    for month, (documents, asked) in months.items():
        rows = [(usage, metric, getattr(usage, METRICS[metric])) for usage in documents for metric in METRICS]
        if not by_item:
            rows += [(as_usage(search), "Searches_Platform", search["count"]) for search in asked]
        for usage, metric, number in rows:
            if metric in metrics and is_asked_for(usage, filters, customer_id):
                values = tuple(value_of(usage, name) for name in names)
                found[(usage.item_id if by_item else "", *values, metric, MONTHS[0] if totals else month)] += number
    return {key: number for key, number in found.items() if number}


def as_usage(search):
    """Return the attributes of searches in the form of those of an item."""
    method = search["access_method"] or "Regular"
    return MonthUsage("", "Platform", "", "", method, search["country"], search["institution"], 0, 0, 0, 0)


def read(report):
    """Return the numbers of a report in the same form, after it was checked."""
    assert check_report(report) == []
    found = {}
    for group in report["Report_Items"]:
        for item in group.get("Items", [group]):
            item_id = item.get("Item_ID", {}).get("Proprietary", "").removeprefix("example:")
            for performance in item["Attribute_Performance"]:
                values = tuple(value for name, value in performance.items() if name != "Performance")
                for metric, by_month in performance["Performance"].items():
                    for month, number in by_month.items():
                        assert (item_id, *values, metric, month) not in found
                        found[(item_id, *values, metric, month)] = number
    return found


def fold(numbers, *positions):
    """Return the sums by some parts of the key."""
    found = Counter()
    for key, number in numbers.items():
        found[tuple(key[position] for position in positions)] += number
    return found


@LAW
@given(
    months=months_of_usage,
    shown=attribute_sets,
    filters=filter_sets,
    customer_id=customers,
    parents=st.booleans(),
    totals=st.booleans(),
)
def test_the_item_report_equals_a_plain_count(
    closed_months, search_client, months, shown, filters, customer_id, parents, totals
):
    store(closed_months, months)
    options = {
        **PERIOD,
        "attributes": shown,
        "filters": filters,
        "customer_id": customer_id,
        "include_parents": parents,
        "totals_only": totals,
    }
    expected = count(months, shown, filters, customer_id, totals=totals)
    assert read(make_json(search_client, **options)) == expected


@LAW
@given(months=months_of_usage, filters=filter_sets, shown=attribute_sets, customer_id=customers, totals=st.booleans())
def test_the_platform_report_equals_a_plain_count(
    closed_months, search_client, months, filters, shown, customer_id, totals
):
    store(closed_months, months)
    of_platform = ("Access_Method", "Country_Code")
    shown = tuple(name for name in of_platform if name in shown)
    filters = {name: values for name, values in filters.items() if name in ("Data_Type", "Metric_Type", *of_platform)}
    options = {"attributes": shown, "filters": filters, "customer_id": customer_id, "totals_only": totals}
    expected = count(months, shown, filters, customer_id, by_item=False, totals=totals)
    assert read(make_json(search_client, "PR", **PERIOD, **options)) == expected


@LAW
@given(months=months_of_usage, customer_id=customers)
def test_views_are_filters_of_reports(closed_months, search_client, months, customer_id):
    """PR_P1 has the numbers of PR, and IR_A1 and IR_M1 those of IR, with their filters."""
    store(closed_months, months)
    options = {**PERIOD, "customer_id": customer_id}
    regular = {"Access_Method": ("Regular",)}
    searched = {**regular, "Metric_Type": ("Searches_Platform", *REQUESTS)}
    platform = read(make_json(search_client, "PR_P1", **options))
    assert platform == read(make_json(search_client, "PR", **options, filters=searched))
    assert platform == count(months, (), searched, customer_id, by_item=False)
    articles = {**regular, "Metric_Type": REQUESTS, "Data_Type": ("Article",)}
    view = read(make_json(search_client, "IR_A1", **options))
    report = read(make_json(search_client, "IR", **options, filters=articles, attributes=("Access_Type",)))
    assert view == {(key[0], *key[2:]): number for key, number in report.items()}
    assert view == count(months, ("Access_Type",), articles, customer_id, data_types=False)
    media = {**regular, "Metric_Type": REQUESTS, "Data_Type": MULTIMEDIA}
    view = read(make_json(search_client, "IR_M1", **options))
    assert view == read(make_json(search_client, "IR", **options, filters=media))
    assert view == count(months, (), media, customer_id)


@LAW
@given(months=months_of_usage)
def test_reports_add_up(closed_months, search_client, months):
    """PR is the sum of IR; customers and what belongs to none are The World; Totals are the sum of months."""
    store(closed_months, months)
    world = read(make_json(search_client, **PERIOD))
    platform = read(make_json(search_client, "PR", **PERIOD))
    assert fold(world, 1, 2, 3) == fold({key: n for key, n in platform.items() if key[1] != "Platform"}, 1, 2, 3)
    for report_id, whole, by_item in (("IR", world, True), ("PR", platform, False)):
        parts = Counter()
        for customer_id in ("c1", "c2"):
            parts.update(read(make_json(search_client, report_id, **PERIOD, customer_id=customer_id)))
        both = read(make_json(search_client, report_id, **PERIOD, customer_id="both"))
        assert both == parts
        unattributed = {
            month: (
                [usage for usage in found if not usage.institution],
                [search for search in asked if not search["institution"]],
            )
            for month, (found, asked) in months.items()
        }
        parts.update(count(unattributed, by_item=by_item))
        assert whole == parts
        totals = read(make_json(search_client, report_id, **PERIOD, totals_only=True))
        assert fold(totals, 0, 1, 2) == fold(whole, 0, 1, 2)


@LAW
@given(months=months_of_usage, shown=attribute_sets)
def test_shown_attributes_add_up_to_those_not_shown(closed_months, search_client, months, shown):
    store(closed_months, months)
    whole = read(make_json(search_client, **PERIOD))
    assert fold(read(make_json(search_client, **PERIOD, attributes=shown)), 0, 1, -2, -1) == fold(whole, 0, 1, 2, 3)


@LAW
@given(
    months=months_of_usage,
    shown=attribute_sets,
    parents=st.booleans(),
    totals=st.booleans(),
    report_id=st.sampled_from(["PR", "PR_P1", "IR", "IR_A1", "IR_M1"]),
)
def test_the_three_formats_say_the_same(closed_months, search_client, months, shown, parents, totals, report_id):
    """Each row of a table is a metric of an item, with its total; the total is the sum of the months."""
    store(closed_months, months)
    options = dict(PERIOD)
    if report_id in ("PR", "IR"):
        of_platform = ("Access_Method", "Country_Code")
        attributes = tuple(name for name in shown if report_id == "IR" or name in of_platform)
        described = ("Authors", "Publication_Date", "Article_Version") if parents and report_id == "IR" else ()
        options |= {"attributes": (*described, *attributes), "totals_only": totals}
        options["include_parents"] = parents and report_id == "IR"
    report = make_json(search_client, report_id, **options)
    texts, cells = (make_rows(search_client, report_id, **options) for make_rows in (make_tsv, make_xlsx))
    assert check_table(texts) == check_table(cells) == []
    width = len(texts[14])
    padded = [row + [""] * (width - len(row)) for row in texts]
    assert padded == [[str(cell) for cell in row] for row in cells]
    counts = texts[14].index("Reporting_Period_Total")
    assert all(isinstance(cell, int) for row in cells[15:] for cell in row[counts:])
    assert all(isinstance(cell, str) for row in cells[15:] for cell in row[:counts])
    assert sorted(rows_of(report, texts[14])) == sorted(texts[15:])


def rows_of(report, headings):
    """Return the rows that a report in JSON has to have in a table with these headings."""
    names = {"Apr-2026": "2026-04", "May-2026": "2026-05", "Jun-2026": "2026-06"}
    months = {heading: names[heading] for heading in headings if heading in names}
    for group in report["Report_Items"]:
        parent = {f"Parent_{name}": text for name, text in flatten(group).items()} if "Items" in group else {}
        for item in group.get("Items", [group]):
            for performance in item["Attribute_Performance"]:
                for metric, numbers in performance["Performance"].items():
                    row = {**flatten(item), **parent, **flatten(performance), "Metric_Type": metric}
                    row["Reporting_Period_Total"] = str(sum(numbers.values()))
                    row |= {heading: str(numbers.get(month, 0)) for heading, month in months.items()}
                    assert set(row) <= set(headings)
                    yield [row.get(heading, "") for heading in headings]


def flatten(fields):
    """Return the texts of an item, parent or set of attributes by column."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    identifiers = fields.get("Item_ID", {})
    texts |= {"Proprietary_ID" if name == "Proprietary" else name: text for name, text in identifiers.items()}
    if "Publisher_ID" in fields:
        named = {"Proprietary": "", "ROR": "ROR:", "ISNI": "ISNI:"}
        texts["Publisher_ID"] = "; ".join(named[name] + values[0] for name, values in fields["Publisher_ID"].items())
    if "Authors" in fields:
        texts["Authors"] = "; ".join(
            author["Name"] + (f" (ORCID:{author['ORCID']})" if "ORCID" in author else "")
            for author in fields["Authors"]
        )
    return texts
