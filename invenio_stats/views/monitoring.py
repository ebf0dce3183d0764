"""Serve the state of the pipeline: health as JSON, and metrics for Prometheus."""

from datetime import datetime, timezone

from flask import Response, abort, jsonify
from flask.views import MethodView

from invenio_stats.operations.monitoring import metrics
from invenio_stats.operations.monitoring.health import Health, check_health
from invenio_stats.permissions import check_permission
from invenio_stats.proxies import current_stats
from invenio_stats.views.caching import NOT_KEPT


class HealthResource(MethodView):
    """Whether events are stored and totals counted, and what is wrong otherwise."""

    def get(self) -> Response:
        """Return the state of all parts: 200, or 503 if there are problems."""
        health = _check("health")
        response = jsonify(health.as_dict())
        response.status_code = 503 if health.problems else 200
        return _not_kept(response)


class MetricsResource(MethodView):
    """The same numbers for Prometheus."""

    def get(self) -> Response:
        """Return the metrics as text; 404 if the extra `metrics` is not installed."""
        if not metrics.is_available():
            abort(404)
        return _not_kept(Response(metrics.write_metrics(_check("metrics")), content_type=metrics.media_type()))


def _check(name: str) -> Health:
    check_permission(current_stats.monitoring_permission_factory, name, {})
    return check_health(datetime.now(timezone.utc))


def _not_kept(response: Response) -> Response:
    response.headers["Cache-Control"] = NOT_KEPT
    return response
