"""Tell who asks a question."""

from typing import Any

from flask import g, has_request_context

Identity = Any


def current_identity() -> Identity:
    """Return the identity of the current request."""
    return getattr(g, "identity", None) if has_request_context() else None
