"""Keep the session of a visitor out of answers that proxies may keep."""

from flask import session


def leave_session_out() -> None:
    """Send no cookie of the session with the answer: a cache might give one visitor's session to others.

    Invenio's session changes, and is sent, with each request, whether the visitor did anything or not.
    """
    session.modified = False
