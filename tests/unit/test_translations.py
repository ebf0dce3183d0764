"""Texts for translation: the catalogue holds those that the code has."""

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "invenio_stats"
CATALOGUE = PACKAGE / "translations/messages.pot"
GERMAN = PACKAGE / "translations/de/LC_MESSAGES/messages.po"


def test_the_catalogue_is_up_to_date():
    """Generated from the code: babel.ini says how."""
    extract = pytest.importorskip("babel.messages.extract")
    pofile = pytest.importorskip("babel.messages.pofile")
    found = extract.extract_from_dir(PACKAGE, [("**.py", "python"), ("**/templates/**.html", "jinja2")])
    texts = {message for _, _, message, _, _ in found}
    with CATALOGUE.open() as file:
        held = {message.id for message in pofile.read_po(file) if message.id}
    assert held == texts, "collect the texts anew: the command is in babel.ini"


def read_catalogue(path, read):
    """Return the texts of a catalogue by message: several if there is a plural."""
    with path.open("rb") as file:
        return {tuple(message.id): tuple(message.string) for message in read(file) if message.id}


def test_the_pages_are_german_too():
    """Every text of the pages has a German one, with the same values in it."""
    extract = pytest.importorskip("babel.messages.extract")
    pofile = pytest.importorskip("babel.messages.pofile")
    found = extract.extract_from_dir(PACKAGE / "pages", [("**.py", "python"), ("**/templates/**.html", "jinja2")])
    with GERMAN.open("rb") as file:
        catalogue = pofile.read_po(file, locale="de")
    held = {message.id for message in catalogue if message.id and message.string}
    assert {message for _, _, message, _, _ in found} <= held
    assert not [(message.id, list(message.check(catalogue))) for message in catalogue if list(message.check(catalogue))]


def test_what_programs_read_is_what_people_wrote():
    """The compiled catalogue: pybabel compile -d invenio_stats/translations."""
    mofile = pytest.importorskip("babel.messages.mofile")
    pofile = pytest.importorskip("babel.messages.pofile")
    written = read_catalogue(GERMAN, pofile.read_po)
    compiled = read_catalogue(GERMAN.with_suffix(".mo"), mofile.read_mo)
    assert compiled == written
