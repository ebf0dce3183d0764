"""Describe items: titles, authors, identifiers and whatever else a list or a report says of a record."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.privacy.error_texts import traceback_of

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
"""Maximal number of ids in one question to `STATS_ITEM_METADATA` or `STATS_ACCESS`."""


class Author(NamedTuple):
    """An author, with an identifier if one is known: `orcid` in four blocks, `isni` as 16 characters."""

    name: str
    orcid: str | None = None
    isni: str | None = None


class Container(NamedTuple):
    """What an item was published in (COUNTER's parent): a journal, book or conference, never the parent of versions."""

    title: str
    data_type: str
    """Journal, Book, Conference, Newspaper_or_Newsletter or Reference_Work."""
    issn: str | None = None
    isbn: str | None = None
    doi: str | None = None


class ItemMetadata(NamedTuple):
    """What is known of an item; None or () stands for what is not."""

    title: str
    publisher: str | None = None
    publisher_ids: tuple[str, ...] = ()
    """Each as `SCHEME:value`, with the schemes ROR, ISNI and those of the platform itself."""
    authors: tuple[Author, ...] = ()
    doi: str | None = None
    isbn: str | None = None
    issn: str | None = None
    uri: str | None = None
    publication_date: str | None = None
    """`yyyy-mm-dd`; None if less than the day is known."""
    article_version: str | None = None
    """COUNTER's: AO, SMUR, AM, P, VoR, CVoR or EVoR."""
    data_type: str = "Unspecified"
    """COUNTER's, such as Article or Dataset: docs/counter has all of them."""
    yop: str | None = None
    """Year of publication, four digits."""
    container: Container | None = None
    url: str | None = None
    """Address of the item's page."""
    type_label: str | None = None
    """The repository's own name of the type, for readers."""
    access_status: str | None = None
    version: str | None = None
    """The label of the version, for example `v2` or `1.0.3`."""


MetadataSource = Callable[[list[str]], Mapping[str, ItemMetadata]]
"""`STATS_ITEM_METADATA`: `(item_ids)` -> {item_id: ItemMetadata}, without the items that are not known.

Asked for at most 500 items at once. It is not asked who wants to know: `STATS_ACCESS` decides that before.
"""


def nothing_known(item_ids: list[str]) -> Mapping[str, ItemMetadata]:
    """Describe no item: the source if the records of the instance are neither plain ones nor InvenioRDM's."""
    return {}


def describe_items(source: MetadataSource, item_ids: Iterable[str]) -> dict[str, ItemMetadata]:
    """Return what the source knows of any number of items, asked in batches.

    A batch for which the source fails is logged, and its items are not known; nor are those without a title.
    """
    found: dict[str, ItemMetadata] = {}
    for batch in batches(item_ids):
        try:
            known = source(batch)
            found |= {item_id: known[item_id] for item_id in batch if _has_title(known.get(item_id))}
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            logger.error(
                "Error describing items",
                exc_info=traceback_of(error),
                extra={"items": len(batch), "error": type(error).__name__},
            )
    return found


def _has_title(metadata: ItemMetadata | None) -> bool:
    return metadata is not None and metadata.title is not None


def batches(ids: Iterable[str]) -> Iterable[list[str]]:
    """Yield lists of at most BATCH_SIZE different ids, in the order given."""
    different = list(dict.fromkeys(ids))
    for start in range(0, len(different), BATCH_SIZE):
        yield different[start : start + BATCH_SIZE]
