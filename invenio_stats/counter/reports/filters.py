"""Read the filters and attributes of a report from texts, as the parameters of the COUNTER API have them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.counter_reports import COUNTRY, REPORTS, ReportKind
from invenio_stats.counter.identifiers import format_doi, format_issn, is_yop
from invenio_stats.counter.reports.descriptions import clean_text
from invenio_stats.counter.reports.request import ReportRequest

NOT_RECOGNIZED, BAD_FILTER, INCONGRUOUS, BAD_ATTRIBUTE, NO_COMPONENTS = 3050, 3060, 3061, 3062, 3063

_NOT_OFFERED = ("attributed", "subdivision_code")
_BOOLEANS = {"True": True, "False": False}
_GRANULARITIES = {"Totals": True, "Month": False}


class Problem(NamedTuple):
    """A parameter, or a part of its value, that is ignored."""

    code: int
    """Of COUNTER's exception."""
    parameter: str
    value: str = ""
    """What is ignored of it."""

    def as_exception(self) -> CounterException:
        """Return the exception for the header of a report."""
        if self.code in (INCONGRUOUS, NO_COMPONENTS):
            return CounterException(self.code)
        return CounterException(self.code, f"{self.parameter}={self.value}" if self.value else self.parameter)


def parse_filters(
    report_id: str,
    begin: str,
    end: str,
    customer_id: str,
    parameters: Mapping[str, str],
    platform: Platform,
    with_countries: bool = False,
) -> tuple[ReportRequest, list[Problem]]:
    """Return the request, without what cannot be taken, and what that is.

    :param begin: the first month, which is checked already; so are `end` and `customer_id`.
    :param parameters: the others, with the names of the COUNTER API (`data_type`) and lists joined by "|".
    :param with_countries: whether the asker may see countries, and the platform has them.
    """
    reading = _Reading(REPORTS[report_id], platform, with_countries)
    for name, text in parameters.items():
        reading.read(name, text)
    request = ReportRequest(
        report_id,
        begin,
        end,
        customer_id,
        {name: reading.filters[name] for name in reading.kind.filters if name in reading.filters},
        tuple(name for name in reading.kind.attributes if name in reading.attributes),
        reading.include_parents,
        reading.totals_only,
    )
    return request, reading.problems


class _Reading:
    """The parameters of a report, as far as they have been read."""

    def __init__(self, kind: ReportKind, platform: Platform, with_countries: bool):
        self.kind, self._platform, self._with_countries = kind, platform, with_countries
        self.problems: list[Problem] = []
        self.filters: dict[str, tuple[str, ...]] = {}
        self.attributes: tuple[str, ...] = ()
        self.include_parents = self.totals_only = False
        self._filter_names = {name.lower(): name for name in kind.filters}
        self._readers = self._find_readers()

    def read(self, name: str, text: str) -> None:
        reader = self._readers.get(name)
        if reader is None:
            self._reject(NOT_RECOGNIZED, name)
        else:
            reader(name, text)

    def _find_readers(self) -> dict[str, Callable[[str, str], None]]:
        """Return what reads each parameter that is recognized."""
        readers: dict[str, Callable[[str, str], None]] = {"platform": self._read_platform}
        if self.kind.is_view:
            return readers
        readers |= dict.fromkeys(self._filter_names, self._read_filter)
        readers |= dict.fromkeys(_NOT_OFFERED, self._refuse)
        if not self._with_countries:
            readers[COUNTRY.lower()] = self._refuse
        readers |= {"attributes_to_show": self._read_attributes, "granularity": self._read_granularity}
        if self.kind.has_items:
            readers["include_parent_details"] = self._read_parents
            readers["include_component_details"] = self._read_components
        return readers

    def _read_platform(self, name: str, text: str) -> None:
        if text not in (self._platform.name, self._platform.platform_id):
            self._refuse(name, text)

    def _refuse(self, name: str, text: str) -> None:
        self._reject(BAD_FILTER, name, text)

    def _read_granularity(self, name: str, text: str) -> None:
        self.totals_only = self._read_word(name, text, _GRANULARITIES)

    def _read_parents(self, name: str, text: str) -> None:
        self.include_parents = self._read_word(name, text, _BOOLEANS)

    def _read_components(self, name: str, text: str) -> None:
        if self._read_word(name, text, _BOOLEANS):
            self._reject(NO_COMPONENTS, name)

    def _read_filter(self, name: str, text: str) -> None:
        """Keep the good values; none is kept of a list that asks for items and journals, nor if all are asked for."""
        filter_name = self._filter_names[name]
        allowed = self.kind.filters[filter_name]
        values = _split(text)
        if filter_name == "Item_ID" and (journals := [value for value in values if _is_journal(value)]):
            is_mixed = len(journals) < len(values)
            self._reject(INCONGRUOUS if is_mixed else BAD_FILTER, name, text)
            return
        parse = self._parsers().get(filter_name)
        parsed = {value: parse(value) if parse else value if value in allowed else None for value in values}
        bad = [value for value, known in parsed.items() if known is None]
        if bad or not values:
            self._reject(BAD_FILTER, name, "|".join(bad))
        good = {known for known in parsed.values() if known is not None}
        if good and len(good) != len(allowed):
            self.filters[filter_name] = tuple(value for value in allowed if value in good) or tuple(sorted(good))

    def _parsers(self) -> Mapping[str, Callable[[str], str | None]]:
        return {"YOP": _parse_years, "Item_ID": self._parse_item_id, COUNTRY: _parse_country}

    def _parse_item_id(self, value: str) -> str | None:
        """Return a DOI, or an id of the platform's own; the name of the namespace may stand before either."""
        text = re.sub(r"^(DOI|Proprietary):", "", value, count=1)
        own = self._platform.own_id("")
        is_own = text.startswith(own) and text != own and text == clean_text(text)
        return format_doi(text) or (text if is_own else None)

    def _read_attributes(self, name: str, text: str) -> None:
        allowed = [known for known in self.kind.attributes if known != COUNTRY or self._with_countries]
        values = _split(text)
        bad = [value for value in values if value not in allowed]
        if bad or not values:
            self._reject(BAD_ATTRIBUTE, name, "|".join(bad))
        self.attributes = tuple(value for value in values if value in allowed)

    def _read_word(self, name: str, text: str, words: Mapping[str, bool]) -> bool:
        if text not in words:
            self._reject(BAD_ATTRIBUTE, name, text)
        return words.get(text, False)

    def _reject(self, code: int, name: str, value: str = "") -> None:
        self.problems.append(Problem(code, name, value))


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(value for value in map(str.strip, text.split("|")) if value))


def _is_journal(value: str) -> bool:
    return format_issn(re.sub(r"^(Print|Online|Linking)_ISSN:", "", value)) is not None


def _parse_years(value: str) -> str | None:
    """Return a year, or a range of years: `2012-2015`."""
    first, dash, last = value.partition("-")
    if not is_yop(first) or (dash and not (is_yop(last) and first <= last)):
        return None
    return first if not dash or first == last else value


def _parse_country(value: str) -> str | None:
    return value if re.fullmatch(r"[A-Z]{2}", value) else None


def as_exceptions(problems: Iterable[Problem]) -> list[CounterException]:
    """Return the exceptions for the header of a report."""
    return [problem.as_exception() for problem in problems]
