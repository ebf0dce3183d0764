"""The page of COUNTER reports: what can be chosen, who may, and that the file is the one of the API."""

import gzip
import io
import json
from types import SimpleNamespace

import pytest
from openpyxl import load_workbook

from invenio_stats import tasks
from invenio_stats.counter.reports import xlsx
from invenio_stats.counter.service.large_reports import WantedReport
from invenio_stats.pages.views import create_blueprint
from tests.conftest import create_light_app
from tests.flow.pages import site
from tests.flow.pages.site import ADMINISTRATOR, UPLOADER

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture(scope="module")
def app_config(app_config, tmp_path_factory):
    return {**app_config, "STATS_COUNTER_DIR": str(tmp_path_factory.mktemp("reports"))}


@pytest.fixture
def get(get):
    """Open an address and read the whole answer, as a browser does: files are closed then."""

    def open_whole(*args, **kwargs):
        response = get(*args, **kwargs)
        response.get_data()
        response.close()
        return response

    return open_whole


@pytest.fixture
def months():
    return site.closed_months()


def values(root, name):
    """Return the values of the boxes, buttons or options of a name, and those that are chosen."""
    inputs = [node for node in root.all("input") if node["name"] == name]
    selects = [node for node in root.all("select") if node["name"] == name]
    options = [*inputs, *(option for select in selects for option in select.all("option"))]
    chosen = [node["value"] for node in options if {"checked", "selected"} & {*node.attributes}]
    return [node["value"] for node in options], chosen


def test_the_form_offers_the_reports_the_smallest_first(page, months):
    root = page("/stats/reports")
    assert values(root, "report") == (["pr_p1", "pr", "ir_a1", "ir_m1", "ir"], ["pr_p1"])
    assert values(root, "format") == (["tsv", "xlsx", "json"], ["tsv"])
    first = max(months[0], f"{months[-1][:4]}-01")
    assert values(root, "from") == (months, [first])
    assert values(root, "to") == (months, [months[-1]])
    assert not values(root, "customer")[0]
    assert not values(root, "country_code")[0]
    assert "Country_Code" not in values(root, "attributes_to_show")[0]
    assert "open" not in root.only("form").only("details").attributes


def test_the_page_says_how_fresh_the_months_are_and_which_were_restated(page):
    text = page("/stats/reports").only("main").text
    assert "The last closed month is" in text
    assert "is not closed yet" in text
    assert "Restated: " in text
    assert "/api/counter/r51" in text


def test_a_report_is_downloaded(get, months):
    response = get("/stats/reports?report=pr_p1&format=json")
    assert response.status_code == 200
    assert response.headers["Content-Disposition"].startswith("attachment; filename=PR_P1-")
    assert response.mimetype == "application/json"
    report = response.json
    assert report["Report_Header"]["Report_ID"] == "PR_P1"
    assert report["Report_Header"]["Institution_Name"] == "The World"
    assert report["Report_Header"]["Report_Filters"]["End_Date"].startswith(months[-1])


@pytest.mark.parametrize("report", ["pr_p1", "pr", "ir_a1", "ir_m1", "ir"])
def test_each_report_is_there_in_each_format(get, report, months):
    address = f"/stats/reports?report={report}&from={months[0]}&to={months[-1]}"
    as_json = get(f"{address}&format=json").json
    tsv = get(f"{address}&format=tsv")
    assert tsv.mimetype == "text/tab-separated-values"
    rows = [line.split("\t") for line in tsv.data.decode("utf-8-sig").splitlines()]
    sheet = load_workbook(io.BytesIO(get(f"{address}&format=xlsx").data)).active
    assert rows[1][1] == sheet["B2"].value == as_json["Report_Header"]["Report_ID"] == report.upper()


def test_filters_and_attributes_are_those_of_the_api(get, months):
    address = (
        f"/stats/reports?report=ir&from={months[0]}&to={months[1]}&format=json&metric_type=Total_Item_Requests"
        "&data_type=Article&data_type=Software&yop=2019-2020&attributes_to_show=YOP&attributes_to_show=Access_Type"
        "&include_parent_details=True&exclude_monthly_details=True"
    )
    report = get(address).json
    header = report["Report_Header"]
    assert header["Report_Filters"]["Data_Type"] == ["Article", "Software"]
    assert header["Report_Filters"]["YOP"] == ["2019-2020"]
    assert header["Report_Attributes"]["Attributes_To_Show"] == ["YOP", "Access_Type"]
    ((item,),) = [group["Items"] for group in report["Report_Items"]]
    (performance,) = item["Attribute_Performance"]
    assert performance["Performance"] == {"Total_Item_Requests": {months[0]: 6 + 12}}
    assert "Exceptions" not in header


def test_empty_fields_of_the_form_mean_nothing(get):
    assert get("/stats/reports?report=pr_p1&yop=&item_id=&format=json").status_code == 200


@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        ("report=dr", "report", "'dr' cannot be chosen here."),
        ("format=csv", "format", "'csv' cannot be chosen here."),
        ("from=1999-01", "from", "'1999-01' is not a closed month."),
        ("to=tomorrow", "to", "'tomorrow' is not a closed month."),
        ("yop=2020", "yop", "This report takes only months."),
        ("report=pr_p1&data_type=Article", "data_type", "This report takes only months."),
        ("report=pr&yop=2020", "yop", "This report has no such choice."),
        ("report=ir&yop=20", "yop", "'20' is not a year. Write years as 2010 or 2012-2015."),
        ("report=ir&data_type=Journal", "data_type", "Not in this report: 'Journal'."),
        ("report=pr&attributes_to_show=Authors", "attributes_to_show", "Not in this report: 'Authors'."),
        ("report=ir&item_id=me", "item_id", "'me' is not the DOI or id of an item."),
        ("report=ir&exclude_monthly_details=Perhaps", "exclude_monthly_details", "Not in this report: 'Perhaps'."),
        ("report=ir&report=pr", "report", "'report' is given more than once."),
    ],
)
def test_bad_input_shows_the_form_again_with_the_reason_next_to_the_field(page, query, name, reason):
    root = page(f"/stats/reports?{query}" + ("" if "format" in query else "&format=json"), status=400)
    (why,) = [node for node in root.all("strong") if node["id"] == f"{name}-why"]
    assert reason in why.text
    assert [node for node in root.only("form").walk() if node["aria-describedby"] == f"{name}-why"]
    assert "This report cannot be made." in root.only("main").text


def test_the_form_is_filled_with_what_was_asked_for(page, months):
    root = page(f"/stats/reports?report=ir&from={months[1]}&data_type=Article&yop=20&format=xlsx", status=400)
    assert values(root, "report")[1] == ["ir"]
    assert values(root, "from")[1] == [months[1]]
    assert values(root, "data_type")[1] == ["Article"]
    assert values(root, "format")[1] == ["xlsx"]
    assert values(root, "yop")[0] == ["20"]
    assert "open" in root.only("form").only("details").attributes


def test_months_in_the_wrong_order_are_refused(page, months):
    root = page(f"/stats/reports?from={months[2]}&to={months[1]}&format=tsv", status=400)
    assert "The last month is before the first." in root.only("form").text


def test_an_unknown_parameter_is_named(page):
    assert "This page has no parameter 'color'." in page("/stats/reports?color=red", status=400).only("main").text


def test_administrators_choose_customers_and_countries(page, get):
    root = page("/stats/reports", ADMINISTRATOR)
    assert values(root, "customer") == (["0000000000000000", "c1"], ["0000000000000000"])
    assert values(root, "country_code")[0] == [""]
    assert "Country_Code" in values(root, "attributes_to_show")[0]
    address = "/stats/reports?report=pr&customer=c1&attributes_to_show=Country_Code&format=json"
    report = get(address, ADMINISTRATOR).json
    assert report["Report_Header"]["Institution_Name"] == "One University"
    (item,) = report["Report_Items"]
    assert {performance["Country_Code"] for performance in item["Attribute_Performance"]} == {"DE"}


def test_an_unknown_customer_is_an_error_for_administrators(page):
    root = page("/stats/reports?customer=c9&format=tsv", ADMINISTRATOR, status=400)
    assert "'c9' cannot be chosen here." in root.only("form").text


@pytest.mark.parametrize("customer", ["c1", "c9"])
@pytest.mark.parametrize(("user", "status"), [(None, 401), (UPLOADER, 403)])
def test_others_have_the_world_only(get, customer, user, status):
    """Whether there is such a customer is not told."""
    assert get(f"/stats/reports?customer={customer}&format=json", user).status_code == status


@pytest.mark.parametrize("query", ["attributes_to_show=Country_Code", "country_code=DE"])
@pytest.mark.parametrize("user", [None, UPLOADER])
def test_nobody_else_sees_countries(get, query, user):
    response = get(f"/stats/reports?report=pr&{query}&format=json", user)
    assert response.status_code == 400
    assert "DE" not in response.text


def test_countries_are_for_nobody_where_they_are_switched_off(get, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_COUNTER_COUNTRIES", False)
    address = "/stats/reports?report=pr&attributes_to_show=Country_Code&format=json"
    assert get(address, ADMINISTRATOR).status_code == 400


def test_the_instance_decides_who_may_have_a_report(get, app, monkeypatch):
    def factory(customer_id):
        return SimpleNamespace(can=lambda: customer_id == "c1")

    monkeypatch.setitem(app.config, "STATS_COUNTER_PERMISSION_FACTORY", factory)
    assert get("/stats/reports").status_code == 401
    assert get("/stats/reports?customer=c1&format=json").json["Report_Header"]["Institution_Name"] == "One University"


@pytest.fixture
def sent(app, monkeypatch):
    """Every report is a large one; the tasks that were sent."""
    monkeypatch.setitem(app.config, "STATS_COUNTER_INLINE_ROWS", 0)
    found = []
    monkeypatch.setattr(tasks.make_counter_report, "delay", lambda *args: found.append(args))
    return found


@pytest.mark.parametrize("media", ["json", "tsv", "xlsx"])
def test_a_large_report_is_made_by_a_task_once(get, page, sent, media):
    address = f"/stats/reports?report=ir&format={media}"
    response = get(address)
    assert response.status_code == 202
    assert response.headers["Retry-After"] == "60"
    assert get(address).status_code == 202
    ((name, token, wanted),) = sent
    root = page(address, status=202)
    assert "Your report is being made." in root.only("main").text
    (link,) = [node for node in root.all("a") if node.text == "Get the report"]
    assert link["href"] == address
    assert WantedReport.from_task(wanted).media == media
    assert tasks.make_counter_report(name, token, json.loads(json.dumps(wanted))) == "made"
    done = get(address, **{"Accept-Encoding": "gzip"})
    assert done.status_code == 200
    assert "attachment; filename=IR-" in done.headers["Content-Disposition"]
    if media == "json":
        assert json.loads(gzip.decompress(done.data)) == get(address).json
        assert get(address).json["Report_Header"]["Report_ID"] == "IR"
    assert len(sent) == 1


def test_a_report_that_excel_cannot_hold_is_refused(page, sent, monkeypatch):
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 16)
    root = page("/stats/reports?report=ir&format=xlsx", status=400)
    assert "Choose TSV." in root.only("form").text
    assert not sent


def test_a_broker_that_is_away_is_said(get, sent, monkeypatch, expect_logged_errors):
    def fail(*args):
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr(tasks.make_counter_report, "delay", fail)
    response = get("/stats/reports?report=ir_a1&format=tsv")
    assert response.status_code == 503
    assert "The report cannot be made at the moment." in response.text


def test_an_engine_that_is_away_is_said(get, seeded, monkeypatch, expect_logged_errors):
    from invenio_search.engine import search

    def fail(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "no engine", None)

    monkeypatch.setattr(seeded.transport, "perform_request", fail)
    assert get("/stats/reports").status_code == 503


def test_before_the_first_month_is_closed_there_is_no_form(page, app, monkeypatch):
    monkeypatch.setitem(app.config, "SEARCH_INDEX_PREFIX", "test-without-months-")
    root = page("/stats/reports")
    assert "No month is closed yet." in root.only("main").text
    assert not root.all("form")


def test_without_a_platform_there_is_no_page_and_no_link(page, get, app, monkeypatch):
    assert "COUNTER reports" in page("/stats/reports").only("nav").text
    bare = create_light_app(**site.settings(STATS_COUNTER_PLATFORM=None, STATS_COUNTER_PLATFORM_ID=None))
    bare.register_blueprint(create_blueprint(bare))
    assert not [rule for rule in bare.url_map.iter_rules() if rule.endpoint.endswith(".reports")]


def test_the_page_is_german_too(page):
    text = page("/stats/reports", **{"Accept-Language": "de"}).only("main").text
    assert "COUNTER-Berichte" in text
    assert "Bericht herunterladen" in text
