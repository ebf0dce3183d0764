"""Describe the platform of COUNTER reports, and write its own ids."""

from typing import NamedTuple


class Platform(NamedTuple):
    """The repository as COUNTER reports name it."""

    name: str
    platform_id: str
    """Namespace of the repository's own ids: at most 17 of `A-Za-z0-9_./`, beginning with a letter."""
    created_by: str
    registry_record: str = ""
    """Address in COUNTER's registry; "" if the platform is not registered."""
    first_month: str | None = None
    """The first month that reports are made of, if it is set."""
    has_countries: bool = False
    """True if reports may show Country_Code to those who are allowed to see it."""

    def own_id(self, value: str) -> str:
        """Return an id of the repository's own as a Proprietary value."""
        return f"{self.platform_id}:{value}"
