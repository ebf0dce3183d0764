"""What indexes records again with their numbers: a task that keeps its place, and four queries for each record."""

import datetime

from celery import shared_task
from invenio_search import current_search_client
from invenio_search.engine import dsl
from invenio_search.utils import prefix_index

from invenio_stats import current_stats
from invenio_stats.bookmark import BookmarkAPI


@shared_task
def records_to_reindex(indices=("stats-record-view", "stats-file-download"), refresh_time=60):
    """Return the parents whose totals have changed since the last call, for their records to be indexed again."""
    bookmark = BookmarkAPI(current_search_client, "stats_reindex", "day")
    began = datetime.datetime.now(datetime.timezone.utc).isoformat()
    since = bookmark.get_bookmark(refresh_time=refresh_time)
    changed = dsl.Search(
        using=current_search_client, index=",".join(f"{prefix_index(index)}*" for index in indices)
    ).params(ignore_unavailable=True)
    if since is not None:
        changed = changed.filter("range", updated_timestamp={"gte": since})
    parents = {total.parent_recid for total in changed.source(includes=["parent_recid"]).scan()}
    bookmark.set_bookmark(began)
    return parents


def numbers_of(record) -> dict:
    """Return what is indexed with a record: four queries."""
    answers = {}
    for name, key, value in (
        ("record-view", "recid", record["id"]),
        ("record-download", "recid", record["id"]),
        ("record-view-all-versions", "parent_recid", record.parent.pid.pid_value),
        ("record-download-all-versions", "parent_recid", record.parent.pid.pid_value),
    ):
        answers[name] = current_stats.get_query(name).run(**{key: value})
    return answers
