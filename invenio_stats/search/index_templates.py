"""Index templates of this instance as they lie in its packages, whether or not they were put into the engine."""

import json
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from invenio_search.proxies import current_search
from invenio_search.utils import prefix_index

_PREFIX = "__SEARCH_INDEX_PREFIX__"


def template_mappings(index: str) -> dict[str, Any] | None:
    """Return the mappings that the template for an index says, or None if no package has one for it.

    Of several the one with the longest pattern, as the most special one.
    """
    found: tuple[int, dict[str, Any]] | None = None
    for path in {**current_search.templates, **current_search.index_templates}.values():
        template = json.loads(Path(path).read_text("utf-8").replace(_PREFIX, prefix_index("")))
        for pattern in template.get("index_patterns", ()):
            if fnmatchcase(index, pattern) and (found is None or len(pattern) > found[0]):
                found = len(pattern), template.get("template", template).get("mappings", {})
    return None if found is None else found[1]


@cache
def patterns_of(package: str) -> frozenset[str] | None:
    """Return the index patterns of all templates in a package, without the instance's prefix; None if it has none."""
    try:
        files = sorted(Path(str(resources.files(package))).rglob("*.json"))
    except ModuleNotFoundError:  # invenio-search says so
        return None
    templates = [json.loads(path.read_text("utf-8")) for path in files]
    patterns = [pattern for template in templates for pattern in template.get("index_patterns", ())]
    return frozenset(pattern.replace(_PREFIX, "") for pattern in patterns) or None
