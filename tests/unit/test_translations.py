"""Texts for translation: the catalogue holds those that the code has."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "invenio_stats"
CATALOGUE = PACKAGE / "translations/messages.pot"
GERMAN = PACKAGE / "translations/de/LC_MESSAGES/messages.po"
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[a-z]")


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


def test_german_is_complete():
    """Every text has a German one that somebody has looked at."""
    pofile = pytest.importorskip("babel.messages.pofile")
    with CATALOGUE.open("rb") as file:
        texts = [message.id for message in pofile.read_po(file) if message.id]
    with GERMAN.open("rb") as file:
        german = {message.id: message for message in pofile.read_po(file, locale="de") if message.id}
    assert set(german) == set(texts)
    assert [text for text, message in german.items() if message.fuzzy or not all(_forms(message.string))] == []


def test_german_texts_have_the_values_of_the_english_ones():
    """Each placeholder, and no other: one that is missing is a value that nobody sees, another one is an error."""
    pofile = pytest.importorskip("babel.messages.pofile")
    with GERMAN.open("rb") as file:
        catalogue = pofile.read_po(file, locale="de")
    for message in catalogue:
        if message.id:
            assert not list(message.check(catalogue)), message.id
            wanted = {frozenset(PLACEHOLDER.findall(form)) for form in _forms(message.id)}
            assert {frozenset(PLACEHOLDER.findall(form)) for form in _forms(message.string)} == wanted, message.id


def _forms(text):
    return (text,) if isinstance(text, str) else tuple(text)


def test_no_text_is_in_an_f_string():
    """There the extraction passes over it, so that no catalogue would have it."""
    inside = re.compile(r"""\bf(["']).*\{\s*n?(?:_|gettext)\(""")
    for path in PACKAGE.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not inside.search(line), f"{path.relative_to(PACKAGE)}:{number}"


def test_what_programs_read_is_what_people_wrote():
    """The compiled catalogue: pybabel compile -d invenio_stats/translations."""
    mofile = pytest.importorskip("babel.messages.mofile")
    pofile = pytest.importorskip("babel.messages.pofile")
    written = read_catalogue(GERMAN, pofile.read_po)
    compiled = read_catalogue(GERMAN.with_suffix(".mo"), mofile.read_mo)
    assert compiled == written
