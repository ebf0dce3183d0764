"""Ask whether the database of records answers."""

from invenio_stats.proxies import current_stats


def check_database() -> None:
    """Send the database a statement about records, if there is one; SQLAlchemy's error if it does not answer."""
    if not current_stats.access.has_holdings:
        return
    # An application without a database does not have these modules.
    from invenio_db import db
    from sqlalchemy import select

    with db.engine.connect() as connection:
        connection.execute(select(current_stats.access.holdings().records.c.record).limit(1))
