"""Read which COUNTER report is asked for from the address of the page, and what is wrong with it, by parameter."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from flask_babel import gettext as _

from invenio_stats.core.counter_months import Month
from invenio_stats.core.counter_platform import Platform
from invenio_stats.core.counter_reports import REPORTS
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.reports.filters import INCONGRUOUS, Problem, parse_filters
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.queries.parameters import quote

REPORT_IDS = ("PR_P1", "PR", "IR_A1", "IR_M1", "IR")
"""In the order of the form, the smallest first."""

_OWN = ("report", "from", "to", "customer", "format")
_LISTS = ("metric_type", "data_type", "access_type", "access_method", "attributes_to_show")
_TEXTS = ("yop", "item_id", "country_code")
_SWITCHES = ("exclude_monthly_details", "include_parent_details")

Given = Mapping[str, Sequence[str]]
"""The values of each parameter of an address, without empty ones."""


class Offer(NamedTuple):
    """What the form offers to a visitor."""

    platform: Platform
    months: Mapping[str, Month]
    """Closed months in order; at least one."""
    customers: Mapping[str, str]
    """Names by id, of those that can be chosen, The World first."""
    formats: Sequence[str]
    with_countries: bool
    """Whether the visitor may see Country_Code."""

    @property
    def default_months(self) -> tuple[str, str]:
        """January of the year of the last month, or the first month if that is later, and the last one."""
        first, last = min(self.months), max(self.months)
        return max(first, f"{last[:4]}-01"), last


class Asked(NamedTuple):
    """A choice in the form."""

    given: Given
    report_id: str
    begin: str
    end: str
    customer_id: str
    media: str | None
    """The format of the file; None if only the form is asked for."""
    request: ReportRequest | None
    """None if something is wrong."""
    errors: Mapping[str, str]
    """What is wrong, by parameter; by "" what is about none of the form."""


def read_given(args: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the parameters that are not empty."""
    kept = {name: [value for value in values if value.strip()] for name, values in args.items()}
    return {name: values for name, values in kept.items() if values}


def read_asked(given: Given, offer: Offer) -> Asked:
    """Return the choice, with what is wrong with it."""
    errors: dict[str, str] = {}
    _check_names(given, errors)
    report_id = _read_one(given, "report", [name.lower() for name in REPORT_IDS], "pr_p1", errors).upper()
    begin, end = _read_months(given, offer, errors)
    customer_id = _read_one(given, "customer", offer.customers, THE_WORLD, errors)
    media = _read_one(given, "format", offer.formats, offer.formats[0], errors) if "format" in given else None
    request = _read_filters(report_id, begin, end, customer_id, given, offer, errors)
    return Asked(given, report_id, begin, end, customer_id, media, None if errors else request, errors)


def _check_names(given: Given, errors: dict[str, str]) -> None:
    known = (*_OWN, *_LISTS, *_TEXTS, *_SWITCHES)
    for name, values in given.items():
        if name not in known:
            errors[""] = _("This page has no parameter %(name)s.", name=quote(name))
        elif name not in _LISTS and len(values) > 1:
            errors[name] = _("%(name)s is given more than once.", name=quote(name))


def _read_one(given: Given, name: str, known: Collection[str], default: str, errors: dict[str, str]) -> str:
    """Return one of the known values; the default, with an error, for another one."""
    (value, *_others) = given.get(name, [default])
    if value in known:
        return value
    errors[name] = _("%(value)s cannot be chosen here.", value=quote(value))
    return default


def _read_months(given: Given, offer: Offer, errors: dict[str, str]) -> tuple[str, str]:
    chosen = []
    for name, default in zip(("from", "to"), offer.default_months, strict=True):
        (month, *_others) = given.get(name, [default])
        if month not in offer.months:
            errors[name] = _("%(value)s is not a closed month.", value=quote(month))
        chosen.append(month)
    begin, end = chosen
    if not {"from", "to"} & {*errors} and begin > end:
        errors["to"] = _("The last month is before the first.")
    return begin, end


def _read_filters(
    report_id: str, begin: str, end: str, customer_id: str, given: Given, offer: Offer, errors: dict[str, str]
) -> ReportRequest:
    """Return the request; the parameters are those of the COUNTER API, but for `exclude_monthly_details`."""
    parameters = {name: "|".join(given[name]) for name in (*_LISTS, *_TEXTS) if name in given}
    if "include_parent_details" in given:
        parameters["include_parent_details"] = given["include_parent_details"][0]
    if "exclude_monthly_details" in given:
        is_asked = given["exclude_monthly_details"][0] == "True"
        parameters["granularity"] = "Totals" if is_asked else given["exclude_monthly_details"][0]
    request, problems = parse_filters(
        report_id, begin, end, customer_id, parameters, offer.platform, offer.with_countries
    )
    for problem in problems:
        name = "exclude_monthly_details" if problem.parameter == "granularity" else problem.parameter
        errors.setdefault(name, _explain(report_id, problem))
    return request


def _explain(report_id: str, problem: Problem) -> str:
    if REPORTS[report_id].is_view:
        return _("This report takes only months. Choose PR or IR, or leave this empty.")
    if problem.code == INCONGRUOUS:
        return _("Items and journals cannot be asked for together. Give items only.")
    if not problem.value:
        return _("This report has no such choice. Choose IR, or leave this empty.")
    if problem.parameter == "yop":
        return _("%(value)s is not a year. Write years as 2010 or 2012-2015.", value=quote(problem.value))
    if problem.parameter == "item_id":
        return _("%(value)s is not the DOI or id of an item.", value=quote(problem.value))
    return _("Not in this report: %(value)s.", value=quote(problem.value))


def permitted_customers(names: Mapping[str, str], may_ask: Callable[[str], bool]) -> dict[str, str]:
    """Return the customers that a visitor may ask for, with The World first."""
    every = {THE_WORLD: _("The World: all use"), **names}
    return {customer_id: name for customer_id, name in every.items() if may_ask(customer_id)}
