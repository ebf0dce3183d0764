"""Check of the doctor: fields that aggregations count by and queries ask for are mapped so that they can."""

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.core.breakdowns import DIMENSIONS
from invenio_stats.definitions.aggregators import make_aggregator
from invenio_stats.operations.monitoring.findings import Finding
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import with_prefix
from invenio_stats.search.field_types import read_field_types


def check_mappings() -> Finding:
    """Check that fields to count, filter and group by are mapped, and not as text."""
    problems, cures = [], []
    for message, cure in (*_events(current_search_client), *_totals(current_search_client)):
        problems.append(message)
        cures.append(cure)
    if problems:
        return Finding("mappings", "error", " ".join(problems), " ".join(dict.fromkeys(cures)))
    return Finding("mappings", "ok", _("Aggregations and queries find their fields mapped."))


def text_fields(index: str, fields: set[str]) -> dict[str, list[str]]:
    """Return those of the fields that an index, or one behind an alias, maps as text, each with the indices."""
    return read_field_types(current_search_client, index, fields).of_type("text") if fields else {}


def fields_of_queries() -> dict[str, set[str]]:
    """Return the fields that configured queries filter, group and measure by, by the alias that they ask."""
    found: dict[str, set[str]] = {}
    for query in current_stats.queries.values():
        params, index = query.params, query.params.get("index")
        if not isinstance(index, str):
            continue
        fields = {*(params.get("aggregated_fields") or ())}
        for filters in ("required_filters", "optional_filters"):
            fields |= {*(params.get(filters) or {}).values()}
        fields |= {metric[1] for metric in (params.get("metric_fields") or {}).values()}
        found.setdefault(with_prefix(index), set()).update(map(str, fields))
    return found


def _events(client: Any) -> Iterator[tuple[str, str]]:
    for name in current_stats.aggregations:
        aggregator = make_aggregator(name)
        alias, field = getattr(aggregator, "event_index", None), getattr(aggregator, "field", None)
        if not alias or not field:
            continue
        sources = {str(metric[1]) for metric in (getattr(aggregator, "metric_fields", None) or {}).values()}
        usage = getattr(aggregator, "usage", None)
        is_breakdown = isinstance(aggregator, UsageBreakdownAggregator)
        fields = DIMENSIONS if is_breakdown else usage.key_fields if usage else (field,)  # any of them is enough
        types = read_field_types(client, with_prefix(alias), {*fields, *sources})
        cure = _(
            "Correct the field in STATS_AGGREGATIONS[%(name)r], or map it in the index templates of the event type and "
            "run `invenio index init`.",
            name=name,
        )
        if len(types.unmapped(fields)) == len(fields):
            yield (
                _("%(alias)s maps no %(field)s, which %(name)s counts by.", alias=alias, name=name, field=fields[0]),
                cure,
            )
        for text, indices in types.of_type("text").items():
            index = ", ".join(indices)
            yield _("%(index)s maps %(field)s as text: %(name)s fails.", index=index, name=name, field=text), cure
        for field, indices in sorted(types.ungrouped.items()):
            index = ", ".join(indices)
            yield (
                _("%(index)s maps %(field)s without doc values: %(name)s fails.", index=index, name=name, field=field),
                cure,
            )


def _totals(client: Any) -> Iterator[tuple[str, str]]:
    for alias, fields in fields_of_queries().items():
        for field, indices in text_fields(alias, fields).items():
            yield (
                _("%(index)s maps %(field)s as text: queries fail.", index=", ".join(indices), field=field),
                _("Run `invenio index init`, then `invenio stats indices repair`."),
            )
