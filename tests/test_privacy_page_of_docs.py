"""docs/privacy.rst names every place in which the package keeps something."""

from pathlib import Path

import pytest

from invenio_stats.core import names

TEXT = (Path(__file__).parent.parent / "docs/privacy.rst").read_text()
STORED = TEXT.partition("Stored data\n-----------\n")[2].partition(".. _objection:")[0]
COUNTER = (names.COUNTER_USAGE, names.COUNTER_MONTHS, names.COUNTER_ITEMS, names.COUNTER_REQUESTORS)
FOLDERS = ("STATS_SPOOL_DIR", "STATS_COUNTER_DIR")


@pytest.mark.parametrize("name", [*names.OWN, *COUNTER, names.SEARCHES, *FOLDERS])
def test_every_place_is_in_the_table(name):
    assert f"``{name}``" in STORED
