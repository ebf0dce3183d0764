"""Explain why the usage reports service has refused a document: where, which value, and what to do."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from invenio_stats.core.counter_deposit import DepositAccount

ANSWER_CHARACTERS = 1_000
"""Of the service's answer; a longer one is cut."""

_MAX_LOCATIONS = 3
_VALUE_CHARACTERS = 200
_LOCATION = re.compile(
    r"report-(?:datasets['\]]*[./\[]+(?P<number>\d+)\]?|header['\]]*)(?P<path>(?:[./\[]+'?[\w-]+'?\]?)*)"
)
"""As JSON Path has it, `$['report-datasets'][3].publisher`, or as a pointer, `#/report-datasets/3/publisher`."""

_SETTINGS = {
    "created-by": "STATS_COUNTER_DATACITE_ACCOUNT",
    "client-id": "STATS_COUNTER_DATACITE_ACCOUNT",
    "platform": "STATS_COUNTER_PLATFORM",
}
"""The setting that a field has its value from; the others are from the metadata of the record."""


class _Location(NamedTuple):
    """A field that the service does not accept."""

    dataset: Mapping[str, Any] | None
    """None for a field of the header."""
    field: str
    value: Any

    @property
    def setting(self) -> str | None:
        is_account = isinstance(self.value, Mapping) and self.value.get("type") == "client-id"
        return _SETTINGS.get("client-id" if is_account else self.field)

    def describe(self) -> str:
        value = json.dumps(self.value, ensure_ascii=False)[:_VALUE_CHARACTERS]
        field = f"{self.field} = {value}" if self.field else "a field that the answer names"
        if self.dataset is None:
            return f"the header: {field}"
        ids = ", ".join(str(known.get("value")) for known in self.dataset.get("dataset-id", ()))
        return f"the dataset {ids}: {field}"


def explain_refusal(status: int, answer: str, account: DepositAccount, body: bytes) -> str:
    """Return a message about an answer with this status to a body that was sent; without the account's token."""
    text = answer.replace(account.token, "***")
    text = "".join(character if character.isprintable() else " " for character in text).strip()
    cure = _cure(status, text, account, body)
    return f"The usage reports service answered {status}: {text[:ANSWER_CHARACTERS]}. {cure}".replace(".. ", ". ")


def _cure(status: int, text: str, account: DepositAccount, body: bytes) -> str:
    if status in (401, 403):
        return (
            f"It does not accept STATS_COUNTER_DATACITE_TOKEN for the account {account.name!r}. Set it to a token that "
            "may deposit for STATS_COUNTER_DATACITE_ACCOUNT, and run the command again."
        )
    if status != 422:
        return "Check that STATS_COUNTER_DATACITE_URL is the address of the service, such as https://api.datacite.org."
    document = _read(body)
    month = document.get("report-header", {}).get("reporting-period", {}).get("begin-date", "")[:7]
    locations = list(dict.fromkeys(_find_locations(text, document)))
    if not locations:
        return (
            f"The answer names no field. `invenio stats counter deposit --month {month} --dry-run --output FILE` "
            "writes the document, of which invenio_stats.testing.check_document tells what is wrong."
        )
    shown = "; ".join(location for location, _ in locations[:_MAX_LOCATIONS])
    more = f"; and {len(locations) - _MAX_LOCATIONS} more" if len(locations) > _MAX_LOCATIONS else ""
    settings = sorted({setting for _, setting in locations if setting})
    cures = [f"Correct {' and '.join(settings)}."] if settings else []
    if any(setting is None for _, setting in locations):
        cures.append(
            "Correct the metadata of the record, and take them over with `invenio stats counter restate --month "
            f"{month} --reason ...`."
        )
    return f"It refuses {shown}{more}. {' '.join(cures)} Then run the command again."


def _read(body: bytes) -> dict[str, Any]:
    is_compressed = body.startswith(b"\x1f\x8b")
    found: dict[str, Any] = json.loads(gzip.decompress(body) if is_compressed else body)
    return found


def _find_locations(text: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the locations that an answer names, each with the setting to correct; None if it is metadata."""
    datasets = document.get("report-datasets", [])
    for found in _LOCATION.finditer(text):
        keys = re.findall(r"[\w-]+", found["path"])
        dataset = None
        if found["number"] is not None:
            if int(found["number"]) >= len(datasets):
                continue
            dataset = datasets[int(found["number"])]
        value: Any = document.get("report-header", {}) if dataset is None else dataset
        for key in keys:
            value = _step(value, key)
        location = _Location(dataset, keys[0] if keys else "", value)
        yield location.describe(), location.setting


def _step(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    return value[int(key)] if isinstance(value, list) and key.isdecimal() and int(key) < len(value) else value
