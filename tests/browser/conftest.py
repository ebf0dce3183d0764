"""A headless Chromium, and the instance that it looks at."""

import os
import shutil
from contextlib import ExitStack

import pytest

from tests.browser.looking import Look
from tests.fixtures.services import without_service

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_chromium():
    """Return the path of the system's Chromium; `CHROMIUM` names another one. None if there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


@pytest.fixture(scope="session")
def chromium():
    """The browser."""
    program = find_chromium()
    if not program:
        without_service("no Chromium: install it (Debian: apt-get install chromium), or name it in CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        without_service("no playwright: pip install -e '.[browser]'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(chromium, engine_url):
    """The instance."""
    from tests.browser.server import serve

    with serve(engine_url) as served:
        yield served


@pytest.fixture
def look(chromium, server):
    """Return `look(address, **options)`: it opens a page, as its visitor, in a window without a past."""
    with ExitStack() as closing:
        yield lambda address, **options: closing.enter_context(Look.at(address, chromium, server, **options))
