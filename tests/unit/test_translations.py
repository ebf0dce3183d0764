"""Texts for translation: the catalogue holds those that the code has."""

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "invenio_stats"
CATALOGUE = PACKAGE / "translations/messages.pot"


def test_the_catalogue_is_up_to_date():
    """Generated from the code: babel.ini says how."""
    extract = pytest.importorskip("babel.messages.extract")
    pofile = pytest.importorskip("babel.messages.pofile")
    found = extract.extract_from_dir(PACKAGE, [("**.py", "python"), ("**/templates/**.html", "jinja2")])
    texts = {message for _, _, message, _, _ in found}
    with CATALOGUE.open() as file:
        held = {message.id for message in pofile.read_po(file) if message.id}
    assert held == texts, "collect the texts anew: the command is in babel.ini"
