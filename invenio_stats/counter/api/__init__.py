"""Serve the COUNTER API, Release 5.1: addresses and methods."""

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState

from invenio_stats import config

NAME = "invenio_stats_counter"


def create_blueprint(app: Flask) -> Blueprint:
    """Return the blueprint of the COUNTER API; without any address if there are no COUNTER reports."""
    blueprint = Blueprint(NAME, __name__)
    settings = app.config
    if settings.get("STATS_COUNTER_PLATFORM") is None and settings.get("STATS_COUNTER_PLATFORM_ID") is None:
        return blueprint
    # Only where there are COUNTER reports.
    from invenio_stats.counter.api.views import serve_members, serve_report, serve_reports, serve_status
    from invenio_stats.views.caching import keep_no_error

    prefix = settings.get("STATS_COUNTER_API_PREFIX", config.STATS_COUNTER_API_PREFIX).strip("/")
    root = f"/{prefix}/r51" if prefix else "/r51"
    for rule, view in (
        ("/status", serve_status),
        ("/members", serve_members),
        ("/reports", serve_reports),
        ("/reports/<any(pr, pr_p1, ir, ir_a1, ir_m1):report>", serve_report),
    ):
        blueprint.add_url_rule(root + rule, view_func=view, methods=["GET"], provide_automatic_options=False)
    blueprint.record(_allow_get_only)
    blueprint.after_request(keep_no_error)
    return blueprint


def _allow_get_only(state: BlueprintSetupState) -> None:
    """Take HEAD from the addresses, which Werkzeug gives to each that has GET: COUNTER's API knows GET alone.

    A HEAD would make a whole report, or queue one, for nothing. OPTIONS is not there either: no browser asks with keys.
    """
    prefix = f"{state.name_prefix}.{state.name}".lstrip(".")
    for rule in state.app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{prefix}.") and rule.methods is not None:
            rule.methods.discard("HEAD")
