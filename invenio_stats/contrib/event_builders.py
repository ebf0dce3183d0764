"""Build the events of the shipped types and the ids of the items they are about."""

from typing import Any

from invenio_stats.core.events import Event, leads_to_content
from invenio_stats.processors import build_file_unique_id, build_record_unique_id
from invenio_stats.utils import stamp

__all__ = (
    "build_file_unique_id",
    "build_record_unique_id",
    "build_search_unique_id",
    "file_download_event_builder",
    "record_view_event_builder",
    "search_event_builder",
)


def file_download_event_builder(event: Event, sender_app: Any, obj: Any = None, **kwargs: Any) -> Event:
    """Fill the event of a file download; a redirect that answers it leads to the file itself."""
    event.update(
        bucket_id=str(obj.bucket_id),
        file_id=str(obj.file_id),
        file_key=obj.key,
        size=obj.file.size,
        **stamp(),
    )
    return leads_to_content(event)


def record_view_event_builder(
    event: Event, sender_app: Any, pid: Any = None, record: Any = None, **kwargs: Any
) -> Event:
    """Fill the event of a view of a record's page."""
    event.update(
        record_id=str(record.id),
        pid_type=pid.pid_type,
        pid_value=str(pid.pid_value),
        **stamp(),
    )
    return event


def search_event_builder(event: Event, sender_app: Any, search_page: str = "search", **kwargs: Any) -> Event:
    """Fill the event of a search that a person executes on the site; it does not contain what was searched for.

    `search_page` tells the search pages of a site apart, for example those of records and of communities.
    """
    event.update(search_page=search_page, **stamp())
    return event


def build_search_unique_id(doc: Event) -> Event:
    """Set `unique_id`, which differs for any two searches: double clicks of searches are not removed."""
    doc["unique_id"] = doc["event_id"]
    return doc
