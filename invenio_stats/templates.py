"""Index templates: which packages invenio-search takes them from."""

from flask import current_app

from invenio_stats.proxies import current_stats

_OWN = "invenio_stats."


def register_templates() -> list[str]:
    """Return the packages with legacy templates, unless composable ones are asked for."""
    return [] if _composable() else _packages()


def register_index_templates() -> list[str]:
    """Return the packages with composable templates, where they are asked for.

    A legacy and a composable body cannot share a file, so ours lie in a package below; a foreign package
    is passed as it is.
    """
    if not _composable():
        return []
    return [f"{package}.composable" if package.startswith(_OWN) else package for package in _packages()]


def _composable() -> bool:
    return bool(current_app.config["STATS_REGISTER_INDEX_TEMPLATES"])


def _packages() -> list[str]:
    definitions = [*current_stats.event_definitions.values(), *current_stats.aggregations.values()]
    return list(dict.fromkeys(definition.templates for definition in definitions if definition.templates))
