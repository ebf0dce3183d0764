"""Parameters become filters and attributes; what cannot be taken is ignored, and named."""

import json

import pytest

from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.reports.filters import Problem, as_exceptions, parse_filters
from invenio_stats.counter.reports.request import ReportRequest

PLATFORM = Platform("Example Repository", "example", "Example", has_countries=True)


def parse(report_id, with_countries=True, **parameters):
    return parse_filters(report_id, "2026-01", "2026-02", "c1", parameters, PLATFORM, with_countries)


def test_a_request_of_everything():
    request, problems = parse(
        "IR",
        metric_type="Unique_Item_Requests|Total_Item_Requests",
        data_type="Dataset|Article",
        access_type="Open",
        access_method="TDM",
        yop="2012-2015|2010|0001",
        item_id="example:a",
        country_code="DE|ZZ",
        attributes_to_show="YOP|Authors|Country_Code",
        granularity="Totals",
        include_parent_details="True",
        include_component_details="False",
        platform="example",
    )
    assert problems == []
    assert request == ReportRequest(
        "IR",
        "2026-01",
        "2026-02",
        "c1",
        {
            "Metric_Type": ("Total_Item_Requests", "Unique_Item_Requests"),
            "Data_Type": ("Article", "Dataset"),
            "Access_Type": ("Open",),
            "Access_Method": ("TDM",),
            "YOP": ("0001", "2010", "2012-2015"),
            "Item_ID": ("example:a",),
            "Country_Code": ("DE", "ZZ"),
        },
        ("Authors", "YOP", "Country_Code"),
        include_parents=True,
        totals_only=True,
    )


def test_a_request_can_be_sent_to_a_task():
    request, _ = parse("IR", yop="2010|2012-2015", attributes_to_show="YOP")
    assert ReportRequest.from_dict(json.loads(json.dumps(request.as_dict()))) == request


@pytest.mark.parametrize("report_id", ["PR", "PR_P1", "IR", "IR_A1", "IR_M1"])
def test_without_parameters_there_are_no_filters(report_id):
    assert parse(report_id) == (ReportRequest(report_id, "2026-01", "2026-02", "c1"), [])


def test_a_filter_that_lets_everything_pass_is_none():
    """Report_Filters has only what is not the default."""
    request, problems = parse("IR", access_method="Regular|TDM", access_type="Open|Controlled|Free_To_Read")
    assert (request.filters, problems) == ({}, [])


@pytest.mark.parametrize(
    ("report_id", "parameters", "problem"),
    [
        ("IR", {"colour": "red"}, Problem(3050, "colour")),
        ("IR", {"author": "Doe"}, Problem(3050, "author")),
        ("PR", {"yop": "2010"}, Problem(3050, "yop")),
        ("PR", {"access_type": "Open"}, Problem(3050, "access_type")),
        ("PR", {"include_parent_details": "True"}, Problem(3050, "include_parent_details")),
        ("PR_P1", {"metric_type": "Searches_Platform"}, Problem(3050, "metric_type")),
        ("PR_P1", {"granularity": "Totals"}, Problem(3050, "granularity")),
        ("IR_A1", {"yop": "2010"}, Problem(3050, "yop")),
        ("IR_A1", {"include_parent_details": "True"}, Problem(3050, "include_parent_details")),
        ("IR_M1", {"attributes_to_show": "YOP"}, Problem(3050, "attributes_to_show")),
        ("IR", {"attributed": "Yes"}, Problem(3060, "attributed", "Yes")),
        ("IR", {"subdivision_code": "CH-ZH"}, Problem(3060, "subdivision_code", "CH-ZH")),
        ("IR", {"data_type": "Journal"}, Problem(3060, "data_type", "Journal")),
        ("IR", {"data_type": "Platform"}, Problem(3060, "data_type", "Platform")),
        ("IR", {"data_type": "article"}, Problem(3060, "data_type", "article")),
        ("IR", {"data_type": ""}, Problem(3060, "data_type")),
        ("IR", {"metric_type": "Searches_Platform"}, Problem(3060, "metric_type", "Searches_Platform")),
        ("IR", {"yop": "2015-2012"}, Problem(3060, "yop", "2015-2012")),
        ("IR", {"yop": "0000"}, Problem(3060, "yop", "0000")),
        ("IR", {"yop": "10"}, Problem(3060, "yop", "10")),
        ("IR", {"country_code": "Germany"}, Problem(3060, "country_code", "Germany")),
        ("IR", {"item_id": "other:a"}, Problem(3060, "item_id", "other:a")),
        ("IR", {"item_id": "example:"}, Problem(3060, "item_id", "example:")),
        ("IR", {"item_id": "0378-5955"}, Problem(3060, "item_id", "0378-5955")),
        (
            "IR",
            {"item_id": "10.1234/a|Print_ISSN:0378-5955"},
            Problem(3061, "item_id", "10.1234/a|Print_ISSN:0378-5955"),
        ),
        ("IR", {"attributes_to_show": "Colour"}, Problem(3062, "attributes_to_show", "Colour")),
        ("PR", {"attributes_to_show": "YOP"}, Problem(3062, "attributes_to_show", "YOP")),
        ("IR", {"granularity": "Week"}, Problem(3062, "granularity", "Week")),
        ("IR", {"include_parent_details": "yes"}, Problem(3062, "include_parent_details", "yes")),
        ("IR", {"include_component_details": "True"}, Problem(3063, "include_component_details")),
        ("IR", {"platform": "Another"}, Problem(3060, "platform", "Another")),
    ],
)
def test_what_cannot_be_taken_is_ignored_and_named(report_id, parameters, problem):
    request, problems = parse(report_id, **parameters)
    assert (request, problems) == (parse(report_id)[0], [problem])


def test_the_good_values_of_a_list_stay():
    request, problems = parse("IR", data_type="Article|Journal|Book", attributes_to_show="YOP|Colour")
    assert request.filters == {"Data_Type": ("Article",)}
    assert request.attributes == ("YOP",)
    assert problems == [Problem(3060, "data_type", "Journal|Book"), Problem(3062, "attributes_to_show", "Colour")]


def test_countries_that_are_not_offered():
    request, problems = parse("IR", with_countries=False, country_code="DE", attributes_to_show="Country_Code")
    assert (request.filters, request.attributes) == ({}, ())
    assert problems == [Problem(3060, "country_code", "DE"), Problem(3062, "attributes_to_show", "Country_Code")]


@pytest.mark.parametrize("text", ["10.1234/A", "DOI:10.1234/A", "https://doi.org/10.1234/A"])
def test_a_doi_is_one_however_it_is_written(text):
    assert parse("IR", item_id=text)[0].filters == {"Item_ID": ("10.1234/A",)}


def test_problems_are_exceptions_of_the_header():
    _, problems = parse("IR", colour="red", data_type="Book", include_component_details="True")
    assert [exception.as_text() for exception in as_exceptions(problems)] == [
        "3050: Parameter Not Recognized in this Context (colour)",
        "3060: Invalid ReportFilter Value (data_type=Book)",
        "3063: Components Not Supported",
    ]
