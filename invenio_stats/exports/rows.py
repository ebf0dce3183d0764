"""Turn an answer into the rows of a table, and what is true of all of them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

Answer = Mapping[str, Any]
Row = dict[str, Any]
"""The values of a row by column."""

_SHAPE = frozenset({"type", "field", "key", "key_type", "buckets"})
"""Keys that describe the form of an answer or a group; programs need them, readers see the table."""
_ABOUT = ("query", "params", "from", "to", "updated", "complete", "gaps", "rules")
"""What an answer of one row says beside its numbers."""
_METRICS = ("views", "unique_views", "downloads", "unique_downloads", "volume")
_RANKED = ("rank", "id", "title", "url")
"""What a row of a list about usage is about."""
_REST = ("other", "unknown")
"""What a list counts below its rows, so that they add up."""


class Sheet(NamedTuple):
    """A table of values."""

    about: Row
    """What is true of all rows."""
    columns: list[str]
    rows: Iterable[list[Any]]
    """Texts, numbers and None; can be read once."""


def make_sheet(parts: Iterator[Answer]) -> Sheet:
    """Return the table of an answer in parts; the first one decides the columns, the others are read with the rows."""
    first = next(parts)
    about, rows = split(first)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns and "count" in about and "rules" in about:  # a file of an empty list has a header, too
        columns = [*_RANKED, *_METRICS]
    if isinstance(about.get("before"), Mapping):  # also if nothing in the first rows was used then
        columns += [name for metric in _METRICS if metric in columns and (name := f"before_{metric}") not in columns]
    later = (row for part in parts for row in split(part)[1])
    return Sheet(about, columns, ([to_cell(row.get(name)) for name in columns] for row in chain(rows, later)))


def split(answer: Answer) -> tuple[Row, list[Row]]:
    """Return what is true of the whole answer, and its rows: points, ranks, intervals, groups, or a single one."""
    for name in ("points", "rows"):
        if isinstance(answer.get(name), list):
            about = {key: value for key, value in answer.items() if key not in (name, "next")}
            return about, [*_flatten_all(answer[name]), *_rest_of(answer)]
    if answer.get("key_type") == "date":
        return _values(answer), list(_intervals(answer))
    if answer.get("key_type") == "terms":
        return _values(answer), list(_groups(answer))
    about = {name: answer[name] for name in _ABOUT if name in answer} if "query" in answer else {}
    row = {name: answer[name] for name in answer if name in ("from", "to") or name not in about}
    return about, list(_flatten_all([row]))


def to_cell(value: Any) -> str | int | float | None:
    """Return a value as a text or number; what is neither as JSON."""
    if value is None or is_number(value):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()  # an unpaired surrogate is no text


def is_number(value: object) -> bool:
    """Return True for a number, which no truth value is."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flatten_all(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield rows without nested values; a missing one of these is no column of its own."""
    rows = list(rows)
    nested = {"before", *(name for row in rows for name, value in row.items() if isinstance(value, Mapping))}
    for row in rows:
        yield dict(_flatten({name: value for name, value in row.items() if value is not None or name not in nested}))


def _flatten(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}_")
        elif isinstance(value, list) and value and all(map(is_number, value)):
            yield from ((f"{prefix}{name}_{number}", item) for number, item in enumerate(value, start=1))
        else:
            yield prefix + name, value


def _rest_of(answer: Answer) -> Iterator[Row]:
    """Yield what a list has below its rows, named in the first column that is neither rank nor number."""
    columns = next(iter(answer.get("rows", ())), {})
    label = next((name for name, value in columns.items() if name != "rank" and not is_number(value)), "value")
    for name in _REST:
        if isinstance(answer.get(name), Mapping):
            yield {label: name, **dict(_flatten(answer[name]))}
        elif answer.get(name):
            yield {label: name, "records": answer[name]}


def _values(result: Mapping[str, Any]) -> Row:
    return {name: value for name, value in result.items() if name not in _SHAPE}


def _intervals(answer: Answer) -> Iterator[Row]:
    """Yield a row for each interval, with its start as a date: the time is always midnight."""
    for bucket in answer["buckets"]:
        values = {name: value for name, value in bucket.items() if name != "key"}
        yield {"date": str(values.pop("date", "-"))[:10], **values}


def _groups(result: Mapping[str, Any], outer: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """Yield a row for each group, followed by those of the groups in it, which repeat the keys of the outer ones."""
    for bucket in result.get("buckets", ()):
        keys = {**(outer or {}), str(result.get("field")): bucket.get("key")}
        yield {**keys, **_values(bucket)}
        yield from _groups(bucket, keys)
