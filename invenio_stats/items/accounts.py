"""Name the users of invenio-accounts."""

from collections.abc import Sequence


def names_of_users(user_ids: Sequence[str]) -> dict[str, str]:
    """Return full names, else user names, in one statement; a user with neither has no name here."""
    from invenio_accounts.models import User

    numbers = [int(user_id) for user_id in user_ids if user_id.isdecimal()]
    names = {}
    for user in User.query.filter(User.id.in_(numbers)):
        name = (user.user_profile or {}).get("full_name") or user.username
        if name:
            names[str(user.id)] = name
    return names
