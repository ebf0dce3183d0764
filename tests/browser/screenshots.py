"""Take the pictures of pages for the documentation: `python -m tests.browser.screenshots FOLDER`."""

import sys
from pathlib import Path
from typing import NamedTuple

from osmem_server import OsmemServer
from playwright.sync_api import sync_playwright

from tests.browser.conftest import find_chromium
from tests.browser.looking import Look
from tests.browser.server import serve
from tests.flow.pages.addresses import PAGES


class Picture(NamedTuple):
    """A picture of a page: of its first screen, or of all of it."""

    address: str
    width: int = 1280
    scheme: str = "light"
    is_whole: bool = False

    @property
    def name(self):
        """Return the name of its file."""
        return f"{self.address}-{self.width}-{self.scheme}{'-whole' if self.is_whole else ''}.png"


PICTURES = [
    Picture("repository"),
    Picture("repository", is_whole=True),
    Picture("repository", scheme="dark"),
    Picture("repository", 320),
    Picture("repository", 320, "dark"),
    Picture("record", is_whole=True),
    Picture("record", 320, "dark"),
    Picture("community-manager", is_whole=True),
    Picture("me"),
]


def main(folder):
    """Write the pictures into a folder."""
    addresses = {address.name: address for address in PAGES}
    engine = OsmemServer.start(japanese=False)
    try:
        with serve(engine.url) as server, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=find_chromium())
            for picture in PICTURES:
                with Look.at(addresses[picture.address], chromium, server) as look:
                    look.resize(picture.width, picture.scheme)
                    look.page.screenshot(path=folder / picture.name, full_page=picture.is_whole)
            chromium.close()
    finally:
        engine.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
