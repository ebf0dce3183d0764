"""Words that this package once had for itself stay out of its names; prose is free."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parent.parent
CODE = [ROOT / folder for folder in ("invenio_stats", "benchmarks", "examples")]
TESTS = ROOT / "tests"

OLD_WORDS = re.compile(
    r"(un)?seal(s|ed|er|ers|ing)?|apart|asides?|bur(y|ied|ies|ying)|holding|verdicts?|visit(s|ed|ing)?|carr(y|ied|ies|ying)"
    r"|making|born|collectors?|wire|letters?",
    re.IGNORECASE,
)
ALLOWED = re.compile(r"dead[_ -]?letters?|DeadLetters?|DEAD_LETTERS", re.IGNORECASE)
TRAFFIC = {"visit", "visits"}
"""In simulated traffic a visit is what it is in web statistics: a session of one visitor."""
WITH_TRAFFIC = ("examples", "tests/compat/rdm", "tests/rdm", "tests/services", "tests/unit/examples")
"""Folders that simulate traffic."""
VAGUE = {"one", "place"}
"""A variable with such a name could hold anything."""
WORD_AND_PHRASE = re.compile(r"(?:The )?(\w+(?: \w+)?): ")
"""The beginning of a docstring that is no sentence: 'Doctor: ...'."""


def words(name: str) -> list[str]:
    """Return the words of a name, whether it is written with underscores, hyphens or capitals."""
    plain = ALLOWED.sub(" ", name)
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", plain)


def old_words(name: str) -> list[str]:
    """Return those of a name's words that are not to be used any more."""
    return [word for word in words(name) if OLD_WORDS.fullmatch(word)]


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a module defines or uses, with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield line, node.id
        elif isinstance(node, ast.Attribute):
            yield line, node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield line, node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield line, node.name
        elif isinstance(node, ast.alias):
            yield line, node.asname or node.name


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a module binds: variables, arguments, functions and classes, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def allowed(path: Path) -> set[str]:
    """Return the old words that mean what they say in a file."""
    return TRAFFIC if str(path.relative_to(ROOT)).startswith(WITH_TRAFFIC) else set()


def repeats_the_file_name(path: Path, docstring: str) -> bool:
    """Return True for a docstring such as 'Doctor: ...' in doctor.py or 'The spool: ...' in test_spool.py."""
    found = WORD_AND_PHRASE.match(docstring.partition("\n")[0])
    if found is None:
        return False
    stem = path.parent.name if path.stem == "__init__" else path.stem
    return {stemmed(word) for word in words(found[1])} <= {stemmed(word) for word in words(stem)}


def stemmed(word: str) -> str:
    """Return the beginning of a word, which 'queue' and 'queues' have in common."""
    return word.lower()[:5].rstrip("s")


def log_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what a module logs: the text, and the names of its facts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and re.fullmatch(r"logger\.\w+", ast.unparse(node.func)):
            for text in ast.walk(node):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield node.lineno, text.value


def modules(*folders: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Yield each module of the folders: of the package, the benchmarks and the demo if none is given."""
    for folder in folders or CODE:
        for path in sorted(folder.rglob("*.py")):
            yield path, ast.parse(path.read_text())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("UnsealedEventError", ["Unsealed"]),
        ("stats-apart-file-download", ["apart"]),
        ("_as_letter", ["letter"]),
        ("dead_letters", []),
        ("STATS_DEAD_LETTERS_DAYS", []),
        ("DeadLetterFilter", []),
        ("visitor_id", []),
        ("visit_all", ["visit"]),
        ("garbage_collection", []),
    ],
)
def test_an_old_word_is_found_as_a_word(name, found):
    assert old_words(name) == found


def test_no_identifier_has_an_old_word():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in modules()
        for line, name in identifiers(tree)
        if {word.lower() for word in old_words(name)} - allowed(path)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_name_of_a_test_a_fixture_or_a_variable_has_an_old_word():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in modules(TESTS)
        if path != Path(__file__)
        for line, name in bound_names(tree)
        if {word.lower() for word in old_words(name)} - allowed(path)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_variable_has_a_name_that_could_hold_anything():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path, tree in modules(*CODE, TESTS)
        for line, name in bound_names(tree)
        if name in VAGUE
    ]
    assert not wrong, "\n".join(wrong)


def test_a_binding_is_found_in_every_form():
    tree = ast.parse("one = 1\nfor place in x: pass\ny = [one for one in x]\ndef f(place): self.one = 2\nprint(one)")
    assert sorted(name for _, name in bound_names(tree) if name in VAGUE) == ["one", "one", "one", "place", "place"]


def test_module_docstrings_are_sentences():
    """A reader sees the file name already."""
    wrong = [
        f"{path.relative_to(ROOT)}: {docstring.splitlines()[0]}"
        for path, tree in modules(*CODE, TESTS)
        if (docstring := ast.get_docstring(tree)) and repeats_the_file_name(path, docstring)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "docstring", "repeats"),
    [
        ("doctor.py", "Doctor: what is wrong.", True),
        ("test_spool.py", "The spool: what it holds.", True),
        ("ingest_counters.py", "Ingest counters: what became of events.", True),
        ("queries/__init__.py", "Queries: check, search, answer.", True),
        ("queries/__init__.py", "Answer queries: check, search, answer.", False),
        ("spool.py", "Store messages while the broker is away: in a file.", False),
        ("spool.py", "Store messages.", False),
    ],
)
def test_a_repeated_file_name_is_found(file, docstring, repeats):
    assert repeats_the_file_name(Path("invenio_stats", file), docstring) is repeats


def test_no_file_has_an_old_word():
    wrong = [str(path.relative_to(ROOT)) for path, _tree in modules() if old_words(path.stem)]
    assert not wrong


def test_no_log_text_has_an_old_word():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path, tree in modules()
        if "invenio_stats" in path.parts
        for line, text in log_texts(tree)
        if old_words(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_setting_index_or_command_has_an_old_word():
    from invenio_stats import config
    from invenio_stats.cli import stats
    from invenio_stats.core import names

    def commands(group: click.Group) -> Iterator[str]:
        for name, command in group.commands.items():
            yield name
            yield from (option for parameter in command.params for option in parameter.opts)
            if isinstance(command, click.Group):
                yield from commands(command)

    settings = [name for name in vars(config) if name.startswith("STATS_")]
    indices = [value for value in vars(names).values() if isinstance(value, str) and value.startswith("stats-")]
    known = [*settings, *indices, names.automated_alias("x"), *commands(stats)]
    assert len(known) > 50
    assert not [name for name in known if old_words(name)]
