"""Check the values in the `params` of aggregations and queries; a ValueError quotes the value and has the cure."""

from collections.abc import Callable, Mapping
from typing import Any


def check_text(value: object) -> None:
    """Reject what is no name of a field, index or event type."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a name. Write it as a text.")


def check_texts(value: object) -> None:
    """Reject what is neither a name nor a list of names."""
    if not isinstance(value, str) and not (isinstance(value, list | tuple) and all(map(_is_name, value))):
        raise ValueError(f"{value!r} is not a list of names. Write each as a text.")


def check_filters(value: object) -> None:
    """Reject what is no dict of fields by name."""
    _check_dict(value, _is_name, "{'parameter': 'field'}")


def check_copied(value: object) -> None:
    """Reject what is no dict of fields, or of functions that return the value, by name."""
    _check_dict(value, lambda source: _is_name(source) or callable(source), "{'name': 'field'} or {'name': function}")


def check_size(value: object) -> None:
    """Reject what is no number of buckets."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a number of buckets. Set it to a whole number, 1 or more.")


def _check_dict(value: object, is_fit: Callable[[Any], bool], example: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a dict. Write it as {example}.")
    wrong = {name: field for name, field in value.items() if not (_is_name(name) and is_fit(field))}
    if wrong:
        raise ValueError(f"{wrong!r} cannot be used. Write it as {example}.")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


AGGREGATION_RULES: Mapping[str, Callable[[object], None]] = {
    "event": check_text,
    "events": check_texts,
    "field": check_text,
    "copy_fields": check_copied,
    "max_bucket_size": check_size,
}
"""Of `StatAggregator`; another constructor may use these parameters differently."""

QUERY_RULES: Mapping[str, Callable[[object], None]] = {
    "index": check_texts,
    "time_field": check_text,
    "required_filters": check_filters,
    "optional_filters": check_filters,
    "copy_fields": check_copied,
    "aggregated_fields": check_texts,
    "max_bucket_size": check_size,
}
"""Of the shipped query classes; another constructor may use these parameters differently."""
