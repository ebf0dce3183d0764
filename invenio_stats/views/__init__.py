"""Serve the REST API: queries by GET and POST, their list and description, and the state of the pipeline."""

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from invenio_stats.views.answers import AnswerResource
from invenio_stats.views.caching import keep_no_error
from invenio_stats.views.monitoring import HealthResource, MetricsResource
from invenio_stats.views.openapi import OpenAPIResource
from invenio_stats.views.post import StatsQueryResource

blueprint = Blueprint("invenio_stats", __name__)
blueprint.after_request(keep_no_error)

blueprint.add_url_rule("/stats", view_func=StatsQueryResource.as_view(StatsQueryResource.view_name))
blueprint.add_url_rule("/stats/openapi.json", view_func=OpenAPIResource.as_view("openapi"))
blueprint.add_url_rule("/stats/health", view_func=HealthResource.as_view("health"))
blueprint.add_url_rule("/stats/metrics", view_func=MetricsResource.as_view("metrics"))
blueprint.add_url_rule("/stats/<path:query>", view_func=AnswerResource.as_view("answer"))


@blueprint.after_app_request
def name_allowed_methods(response: Response) -> Response:
    """Add `Allow` to our 405 answers, as HTTP asks for: the instance's handler of errors drops it."""
    error = request.routing_exception
    if response.status_code == 405 and isinstance(error, MethodNotAllowed) and error.valid_methods:
        methods = sorted(error.valid_methods)
        try:
            endpoint, _ = current_app.create_url_adapter(request).match(method=methods[0])
        except (HTTPException, AttributeError):
            return response
        if endpoint.partition(".")[0] in (blueprint.name, f"{blueprint.name}_counter"):
            response.allow.update(methods)
    return response
