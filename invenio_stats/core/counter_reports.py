"""The reports of COUNTER Release 5.1 that a repository needs: names, filters, attributes and values, as it has them."""

from collections.abc import Mapping
from typing import NamedTuple

from invenio_stats.core.access_types import ACCESS_TYPES
from invenio_stats.core.counter_months import METRICS, REGULAR, SEARCHES
from invenio_stats.core.data_types import ITEM_DATA_TYPES
from invenio_stats.core.usage_fields import TDM

RELEASE = "5.1"

PLATFORM_TYPE = "Platform"
"""Data_Type of searches, in reports of the platform only."""

ITEM_TYPES = tuple(sorted(ITEM_DATA_TYPES))
"""Data_Types of items."""

ARTICLE_VERSIONS = ("AO", "SMUR", "AM", "P", "VoR", "CVoR", "EVoR")

UNKNOWN_COUNTRY = "ZZ"
"""Country_Code if the country is not known: each Attribute_Performance has one once it is shown."""

ITEM_METRICS = tuple(METRICS)
REQUESTS = ("Total_Item_Requests", "Unique_Item_Requests")
PLATFORM_METRICS = (SEARCHES, *ITEM_METRICS, "Unique_Title_Investigations", "Unique_Title_Requests")
"""Metrics that PR can be filtered by; those of titles never occur, since no item of a repository is a title."""

METADATA_ATTRIBUTES = ("Authors", "Publication_Date", "Article_Version")
"""Attributes that describe an item; the others divide its usage."""

PERFORMANCE_ATTRIBUTES = ("Data_Type", "YOP", "Access_Type", "Access_Method", "Country_Code")
"""What divides usage, in the order of reports."""

ITEM_IDS = ("DOI", "Proprietary", "ISBN", "Print_ISSN", "Online_ISSN", "URI")
"""Namespaces of Item_ID, in the order of columns."""

COUNTRY = "Country_Code"


class ReportKind(NamedTuple):
    """What a report is made of, and what may be asked of it."""

    report_id: str
    name: str
    description: str
    metrics: tuple[str, ...]
    filters: Mapping[str, tuple[str, ...]]
    """By name: the values that are allowed; () if they are not a list of words."""
    attributes: tuple[str, ...]
    """What can be asked for with Attributes_To_Show."""
    fixed: Mapping[str, tuple[str, ...]] = {}
    """Filters of a Standard View, in COUNTER's order."""
    shown: tuple[str, ...] = ("Data_Type",)
    """What divides the usage always."""
    described: tuple[str, ...] = ()
    """Which of METADATA_ATTRIBUTES each item always has, if they are known."""
    item_ids: tuple[str, ...] = ()
    """Namespaces of Item_ID that it has; () for a report of the platform."""
    has_parents: bool = False
    """True if items are always in the groups of their parents."""
    parent_fields: tuple[str, ...] = ()
    """What a group says of its parent, in the order of columns."""

    @property
    def is_view(self) -> bool:
        """True for a Standard View: only its months can be chosen."""
        return bool(self.fixed)

    @property
    def has_items(self) -> bool:
        """True for a report of items, False for one of the platform."""
        return bool(self.item_ids)


_WORDS = {"Access_Type": tuple(sorted(ACCESS_TYPES)), "Access_Method": (REGULAR, TDM)}
_PARENT_IDS = tuple(f"Parent_{name}" for name in ("DOI", "Proprietary_ID", "ISBN", "Print_ISSN", "Online_ISSN", "URI"))

REPORTS: Mapping[str, ReportKind] = {
    kind.report_id: kind
    for kind in (
        ReportKind(
            "PR",
            "Platform Report",
            "Usage of the whole platform, by type of content and method of access.",
            PLATFORM_METRICS,
            {
                "Metric_Type": PLATFORM_METRICS,
                "Data_Type": tuple(sorted((*ITEM_TYPES, PLATFORM_TYPE))),
                "Access_Method": _WORDS["Access_Method"],
                COUNTRY: (),
            },
            ("Access_Method", COUNTRY),
        ),
        ReportKind(
            "PR_P1",
            "Platform Usage",
            "Searches and requests of the whole platform, by type of content.",
            (SEARCHES, *REQUESTS, "Unique_Title_Requests"),
            {},
            (),
            fixed={"Access_Method": (REGULAR,), "Metric_Type": (SEARCHES, *REQUESTS, "Unique_Title_Requests")},
        ),
        ReportKind(
            "IR",
            "Item Report",
            "Usage of each item.",
            ITEM_METRICS,
            {"Metric_Type": ITEM_METRICS, "Data_Type": ITEM_TYPES, **_WORDS, "YOP": (), "Item_ID": (), COUNTRY: ()},
            (*METADATA_ATTRIBUTES, "YOP", "Access_Type", "Access_Method", COUNTRY),
            item_ids=ITEM_IDS,
            parent_fields=(
                "Parent_Title",
                "Parent_Authors",
                "Parent_Publication_Date",
                "Parent_Article_Version",
                "Parent_Data_Type",
                *_PARENT_IDS,
            ),
        ),
        ReportKind(
            "IR_A1",
            "Journal Article Requests",
            "Requests of articles, in the groups of their journals.",
            REQUESTS,
            {},
            (),
            fixed={"Data_Type": ("Article",), "Access_Method": (REGULAR,), "Metric_Type": REQUESTS},
            shown=("Access_Type",),
            described=METADATA_ATTRIBUTES,
            item_ids=("DOI", "Proprietary", "Print_ISSN", "Online_ISSN", "URI"),
            has_parents=True,
            parent_fields=(
                "Parent_Title",
                "Parent_Authors",
                "Parent_Article_Version",
                *(name for name in _PARENT_IDS if name != "Parent_ISBN"),
            ),
        ),
        ReportKind(
            "IR_M1",
            "Multimedia Item Requests",
            "Requests of images, sound and other multimedia.",
            REQUESTS,
            {},
            (),
            fixed={
                "Data_Type": ("Audiovisual", "Image", "Interactive_Resource", "Multimedia", "Sound"),
                "Access_Method": (REGULAR,),
                "Metric_Type": REQUESTS,
            },
            item_ids=("DOI", "Proprietary", "URI"),
        ),
    )
}
"""By Report_ID, in the order in which they are offered."""
