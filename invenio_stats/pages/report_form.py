"""Build the form in which a COUNTER report is chosen, filled with what was asked for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from flask_babel import gettext as _

from invenio_stats.core.counter_months import parse_month
from invenio_stats.core.counter_reports import COUNTRY, REPORTS
from invenio_stats.pages import wording
from invenio_stats.pages.report_request import REPORT_IDS, Asked, Offer


class Option(NamedTuple):
    """One of the values that can be chosen."""

    value: str
    text: str
    is_chosen: bool


class Field(NamedTuple):
    """A field, or a group of boxes or radio buttons."""

    name: str
    label: str
    kind: str
    """`radio`, `checkbox`, `select` or `text`."""
    options: Sequence[Option] = ()
    value: str = ""
    """Of a text."""
    error: str | None = None


class Form(NamedTuple):
    """The form."""

    fields: Sequence[Field]
    files: Field
    """The format of the file, the last field."""
    filters: Sequence[Field]
    """Those for PR and IR only."""
    is_open: bool
    """Whether one of these has been used."""
    hidden: Mapping[str, str]


def build_form(asked: Asked, offer: Offer) -> Form:
    """Return the form."""
    fields = [_choice(asked, "report", _("Report"), "radio", _report_texts(), [asked.report_id.lower()])]
    if len(offer.customers) > 1:
        fields.append(_choice(asked, "customer", _("Customer"), "select", offer.customers, [asked.customer_id]))
    months = {month: wording.write_month(parse_month(month)) for month in offer.months}
    fields += [
        _choice(asked, "from", _("First month"), "select", months, [asked.begin]),
        _choice(asked, "to", _("Last month"), "select", months, [asked.end]),
    ]
    texts = {name: text for name, text in _file_texts().items() if name in offer.formats}
    filters = list(_filters(asked, offer))
    return Form(
        fields,
        _choice(asked, "format", _("File"), "radio", texts, [asked.media or offer.formats[0]]),
        filters,
        any(field.name in asked.given or field.error for field in filters),
        {"customer": asked.customer_id} if "customer" in asked.given and len(offer.customers) == 1 else {},
    )


def _choice(asked: Asked, name: str, label: str, kind: str, texts: Mapping[str, str], chosen: Collection[str]) -> Field:
    options = [Option(value, text, value in chosen) for value, text in texts.items()]
    return Field(name, label, kind, options, error=asked.errors.get(name))


def _filters(asked: Asked, offer: Offer) -> Iterable[Field]:
    """Yield the filters and attributes; values have COUNTER's own names, in every language."""
    platform, items = REPORTS["PR"], REPORTS["IR"]
    yield _boxes(asked, "metric_type", _("Metrics"), platform.filters["Metric_Type"])
    yield _boxes(asked, "data_type", _("Types of content"), platform.filters["Data_Type"])
    yield _boxes(asked, "access_method", _("Methods of access"), platform.filters["Access_Method"])
    yield _boxes(asked, "access_type", _("Types of access, of IR only"), items.filters["Access_Type"])
    yield _text(asked, "yop", _("Years of publication, of IR only: 2010|2012-2015"))
    yield _text(asked, "item_id", _("DOIs or ids of records, of IR only, with | between them"))
    if offer.with_countries:
        yield _text(asked, "country_code", _("Countries, with | between them: CH|DE"))
    shown = [name for name in items.attributes if name != COUNTRY or offer.with_countries]
    names = ", ".join(name for name in shown if name in platform.attributes)
    yield _boxes(asked, "attributes_to_show", _("Attributes to show (PR has only %(names)s)", names=names), shown)
    texts = {"True": _("Only the sum of all months (Exclude_Monthly_Details)")}
    yield _choice(
        asked, "exclude_monthly_details", _("Months"), "checkbox", texts, _given(asked, "exclude_monthly_details")
    )
    texts = {"True": _("What items were published in, of IR only (Include_Parent_Details)")}
    yield _choice(
        asked, "include_parent_details", _("Parents"), "checkbox", texts, _given(asked, "include_parent_details")
    )


def _boxes(asked: Asked, name: str, label: str, values: Sequence[str]) -> Field:
    return _choice(asked, name, label, "checkbox", {value: value for value in values}, _given(asked, name))


def _text(asked: Asked, name: str, label: str) -> Field:
    return Field(name, label, "text", value="|".join(_given(asked, name)), error=asked.errors.get(name))


def _given(asked: Asked, name: str) -> list[str]:
    """Return the values that were asked for, also if they came as one list."""
    return [part for value in asked.given.get(name, ()) for part in value.split("|")]


def _report_texts() -> dict[str, str]:
    texts = {
        "PR_P1": _("Platform usage (PR_P1): the whole repository, by type of content"),
        "PR": _("Platform report (PR): the same, with all filters"),
        "IR_A1": _("Journal article requests (IR_A1): each article"),
        "IR_M1": _("Multimedia item requests (IR_M1): each image, sound and film"),
        "IR": _("Item report (IR): each record, with all filters; can be large"),
    }
    return {name.lower(): texts[name] for name in REPORT_IDS}


def _file_texts() -> dict[str, str]:
    return {
        "tsv": _("TSV, for spreadsheets"),
        "xlsx": _("Excel"),
        "json": _("JSON, as the COUNTER API gives it"),
    }
