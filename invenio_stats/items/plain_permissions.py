"""Ask a permission of an instance about somebody."""

from typing import Any

from invenio_stats.items.access import Identity, current_identity


def permits(permission: Any, identity: Identity) -> bool:
    """Return whether a permission is given to an identity; None is given to everybody."""
    if permission is None:
        return True
    if hasattr(permission, "allows"):
        return bool(permission.allows(identity))
    # Such a permission knows the current user only.
    return identity is current_identity() and bool(permission.can())
