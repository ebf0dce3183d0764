"""An application with pages, and a small repository that they show."""

import pytest
from flask_babel import refresh

from invenio_stats.items import CheckedAccess
from tests.fixtures.markup import read
from tests.flow.pages import site


@pytest.fixture(scope="module")
def create_app():
    return site.create_app


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return site.settings(SEARCH_HOSTS=[engine_url], SEARCH_INDEX_PREFIX=index_prefix, **cache_config)


@pytest.fixture(scope="module")
def library():
    return site.Library()


@pytest.fixture(autouse=True)
def known(app, library):
    state = app.extensions["invenio-stats"]
    state.access, state.item_metadata = CheckedAccess(library), library.describe


@pytest.fixture
def get(client):
    """Return a function that opens a page as a user, and gives the response."""

    def open_page(address, user=None, **headers):
        refresh()  # the context of the application, which all tests of a module share, keeps the language
        return client.get(address, headers={**({"X-User": user} if user else {}), **headers})

    return open_page


@pytest.fixture
def page(get):
    """Return a function that opens a page as a user, and gives its elements."""

    def open_page(address, user=None, status=200, **headers):
        response = get(address, user, **headers)
        assert response.status_code == status, response.text[:2000]
        return read(response.text)

    return open_page


@pytest.fixture(scope="module")
def seeded(app, index_prefix):
    """Two years of usage, for all tests of a module."""
    client = app.extensions["invenio-search"].client
    site.seed(client, index_prefix)
    app.extensions.pop("invenio-stats-completeness", None)
    yield client
    client.indices.delete(index=f"{index_prefix}*", ignore=[404])
