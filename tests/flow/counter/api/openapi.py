"""Describe the COUNTER API for programs that test it: parameters, status codes and the schemas of answers."""

from invenio_stats.core.counter_exceptions import KINDS
from invenio_stats.core.counter_reports import ITEM_TYPES, REPORTS
from invenio_stats.counter.checking.schemas import all_schemas
from tests.flow.counter.api.conftest import WORLD, month_ago

TEXT = {"type": "string"}
DATES = {"enum": [month_ago(distance) for distance in range(1, 4)]}
EXCEPTIONS = sorted({str(kind.status) for kind in KINDS.values() if kind.status != 200})


def parameter(name, schema, required=False):
    return {"name": name, "in": "query", "required": required, "schema": schema}


def words(values):
    """Return the schema of a list that is joined by bars."""
    choice = "|".join(values)
    return {"type": "string", "pattern": rf"^({choice})(\|({choice}))*$"}


def parameters_of(kind):
    """Return the filters and attributes of a report."""
    if kind.is_view:
        return []
    of_items = {
        "access_type": words(["Open", "Controlled"]),
        "yop": {"type": "string", "pattern": r"^[12][0-9]{3}(-2[0-9]{3})?$"},
        "item_id": {"enum": ["10.1234/counting", "example:a", "example:nothing"]},
        "include_parent_details": {"enum": ["True", "False"]},
    }
    shared = {
        "metric_type": words(kind.metrics),
        "data_type": words(ITEM_TYPES),
        "access_method": words(["Regular", "TDM"]),
        "attributes_to_show": words(kind.attributes),
        "granularity": {"enum": ["Totals"]},
    }
    return [parameter(name, schema) for name, schema in {**shared, **(of_items if kind.has_items else {})}.items()]


def describe(requestor_id):
    """Return the description in the form of OpenAPI."""
    credentials = [
        parameter("customer_id", {"enum": ["u1", "u2", "all-u", WORLD]}, required=True),
        parameter("requestor_id", {"enum": [requestor_id]}, required=True),
        parameter("platform", {"enum": ["example"]}),
    ]
    dates = [parameter(name, DATES, required=True) for name in ("begin_date", "end_date")]
    operations = {
        "/status": operation("status", []),
        "/members": operation("members", credentials),
        "/reports": operation("reports", [*credentials, parameter("include_month_details", {"enum": ["True"]})]),
        **{
            f"/reports/{report_id.lower()}": operation(report_id, [*credentials, *dates, *parameters_of(kind)])
            for report_id, kind in REPORTS.items()
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "COUNTER API", "version": "5.1"},
        "servers": [{"url": "https://localhost/api/counter/r51"}],
        "paths": {path: {"get": found} for path, found in operations.items()},
    }


def operation(name, parameters):
    schemas = all_schemas()
    answers = {"200": schemas[name], **({code: schemas["exception"] for code in EXCEPTIONS} if parameters else {})}
    return {
        "operationId": name,
        "parameters": parameters,
        "responses": {
            code: {"description": code, "content": {"application/json": {"schema": schema}}}
            for code, schema in answers.items()
        },
    }
