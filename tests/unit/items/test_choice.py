"""The settings name who is asked about records; the default fits the instance's records."""

import pytest
from flask import Flask

from invenio_stats.errors import ConfigurationError
from invenio_stats.items.access import ANONYMOUS
from invenio_stats.items.choice import choose_access, choose_metadata
from invenio_stats.items.metadata import nothing_known
from invenio_stats.items.plain_access import PlainAccess
from invenio_stats.items.plain_metadata import PlainMetadata
from invenio_stats.items.rdm_metadata import RDMMetadata


def app_with(*extensions):
    app = Flask("choice")
    app.extensions |= dict.fromkeys(extensions)
    return app


class Managed(PlainAccess):
    """Communities of which everybody is a manager."""

    def manages_community(self, identity, community_id):
        return True


@pytest.mark.parametrize(
    ("extensions", "source"),
    [(["invenio-records", "invenio-rdm-records"], RDMMetadata), (["invenio-records"], PlainMetadata)],
)
def test_the_default_is_what_fits_the_records(extensions, source):
    assert isinstance(choose_metadata(app_with(*extensions), "STATS_ITEM_METADATA", None), source)


def test_without_records_nothing_is_known():
    assert choose_metadata(app_with(), "STATS_ITEM_METADATA", None) is nothing_known
    assert choose_access(app_with(), "STATS_ACCESS", None).readable_items(ANONYMOUS, ["r1"]) == set()


@pytest.mark.parametrize("value", [Managed(), Managed, f"{__name__}:Managed"], ids=["object", "class", "import string"])
def test_an_object_a_class_or_an_import_string_is_asked(value):
    assert choose_access(app_with(), "STATS_ACCESS", value).manages_community(ANONYMOUS, "physics")


@pytest.mark.parametrize("value", [PlainMetadata, nothing_known, "invenio_stats.items.metadata:nothing_known"])
def test_metadata_come_from_a_class_or_a_function(value):
    assert callable(choose_metadata(app_with(), "STATS_ITEM_METADATA", value))


@pytest.mark.parametrize(
    ("choose", "value", "said"),
    [
        (choose_access, object(), "lacks readable_items, community"),
        (choose_access, "nowhere.access:Access", "cannot be imported"),
        (choose_metadata, {"r1": "title"}, "set it to a function"),
        (choose_metadata, "nowhere.metadata:describe", "cannot be imported"),
    ],
)
def test_what_cannot_be_asked_stops_the_application(choose, value, said):
    with pytest.raises(ConfigurationError, match=said):
        choose(app_with(), "STATS_ACCESS", value)
