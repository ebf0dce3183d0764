"""The documentation builds, describes everything that exists, and its examples work."""

import ast
import re
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import click
import pytest

from tests.docs_support.blocks import blocks
from tests.docs_support.pages import PageRun

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.rst", *sorted(DOCS.glob("*.rst"))]
MAX_TOP_LEVEL_ENTRIES = 37
"""Files and folders at the top of the package: more are not taken in at a glance."""

WORDS = (
    *("automated traffic", "bookmark", "builder", "catalog", "cell", "compaction", "dead letter", "doctor", "emitter"),
    *("first complete day", "ghost", "indexer", "item", "lease", "modifier", "outbox", "preprocessor", "pseudonymize"),
    *("quarantine", "recount", "room", "salt", "spool", "stamp", "station", "superseded", "total", "visitor key"),
)
"""Words that this project uses in a sense of its own."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The documentation as text: what a reader sees, with what Sphinx takes from the code; built without a warning."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "text", DOCS, folder]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_text() for path in folder.glob("*.txt")}


def missing(names, text):
    """Return the names that do not stand in the text as whole words."""
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]


def settings():
    """Return every setting with the text below it."""
    statements = ast.parse((ROOT / "invenio_stats/config.py").read_text()).body
    for statement, following in zip(statements, [*statements[1:], None], strict=True):
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if names and names[0].startswith("STATS_"):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            yield names[0], following.value.value if is_text else ""


def commands(group, above=()):
    """Yield every command below a group, as it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


def test_every_setting_is_described(built):
    """An operator finds each one with its default and its effect."""
    found = dict(settings())
    assert "STATS_EVENTS" in found
    assert not missing(found, built["configuration"])
    assert not [name for name, text in found.items() if len(text.split()) < 5]


def test_every_command_and_option_is_described(built):
    from invenio_stats.cli import stats

    found = dict(commands(stats, ("invenio", "stats")))
    assert len(found) >= 5
    assert not missing(found, built["commands"])
    options = {
        name
        for command in found.values()
        for parameter in command.params
        for name in parameter.opts
        if name[:2] == "--"
    }
    assert not missing(options, built["commands"])


def test_the_page_of_commands_begins_with_a_table_of_all():
    """An operator finds the command by what it does, in one line each."""
    from invenio_stats.cli import stats

    rows = re.findall(
        r"^   \* - ``(.+)``\n     - (.+)\n(?!      )", (DOCS / "commands.rst").read_text(), flags=re.MULTILINE
    )
    assert sorted(name for name, _ in rows) == sorted(name for name, _ in commands(stats, ("invenio", "stats")))
    assert all(effect.endswith(".") for _, effect in rows)


def mentioned_commands(text):
    """Yield the words after ``invenio stats`` in each literal of a text, also if the literal spans two lines."""
    for literal in re.findall(r"``([^`]+)``|^ +\$ ([^|#\n]+)", text, flags=re.MULTILINE):
        words = "".join(literal).split()
        if words[:2] == ["invenio", "stats"]:
            yield words[2:]


def test_every_command_that_a_page_mentions_exists():
    """Commands are renamed; pages and the changelog follow."""
    from invenio_stats.cli import stats

    wrong, count = [], 0
    for page in [*PAGES, ROOT / "CHANGES.rst", ROOT / "CONTRIBUTING.rst", ROOT / "SECURITY.rst"]:
        for words in mentioned_commands(page.read_text()):
            count += 1
            group = stats
            for word in words:
                if not isinstance(group, click.Group):
                    break
                group = group.commands.get(word)
            if group is None:
                wrong.append(f"{page.name}: invenio stats {' '.join(words)}")
    assert count > 50
    assert not wrong


def test_a_command_across_two_lines_is_found():
    assert list(mentioned_commands("run ``invenio stats\n  ingest`` now")) == [["ingest"]]


@pytest.mark.parametrize(
    "setting",
    [
        "EVENTS_CONFIG",
        "SEARCH_EVENTS",
        "AGGREGATIONS_CONFIG",
        "USAGE_AGGREGATIONS",
        "QUERIES_CONFIG",
        "USAGE_QUERIES",
        "HOLDINGS_QUERIES",
    ],
)
def test_everything_that_is_shipped_is_described(built, setting):
    from invenio_stats.contrib import config

    assert not missing(getattr(config, setting), "".join(built.values()))


def test_every_shipped_query_has_an_example_that_is_tried():
    from invenio_stats.contrib import config

    asked = re.compile(r"^\$ invenio stats query (\S+)|\"stat\": \"([a-z-]+)\"|/api/stats/([a-z-]+)", re.MULTILINE)
    texts = "\n".join(block.text for page in PAGES for block in blocks(page) if block.language in ("console", "http"))
    found = {name for names in asked.findall(texts) for name in names}
    shipped = {*config.QUERIES_CONFIG, *config.USAGE_QUERIES, *config.HOLDINGS_QUERIES}
    assert not shipped - found


def test_every_error_is_described(built):
    from invenio_stats import errors

    own = [
        name for name, error in vars(errors).items() if isinstance(error, type) and error.__module__ == errors.__name__
    ]
    assert own
    assert not missing(own, built["errors"])


def public_names():
    """Yield module and name of all that the page of the public API promises."""
    text = (DOCS / "public-api.rst").read_text()
    rows = re.compile(r"^   \* - ``(invenio_stats[\w.]*)``\n     - ((?:.+\n)+?)(?=   \*|\n)", re.MULTILINE)
    for module, names in rows.findall(text):
        yield from ((module, name) for name in re.findall(r"``(\w+)``", names))


def test_everything_public_is_there():
    """What other packages are told to rely on can be imported."""
    found = list(public_names())
    assert ("invenio_stats.aggregations", "StatAggregator") in found
    assert len({module for module, _ in found}) >= 20
    assert not [(module, name) for module, name in found if not hasattr(import_module(module), name)]


def test_methods_that_a_subclass_may_replace_are_there():
    from invenio_stats import aggregations, processors, queries

    text = (DOCS / "public-api.rst").read_text()
    methods = re.findall(r"``(EventsIndexer|StatAggregator|Query|TermsQuery|DateHistogramQuery)\.(\w+)``", text)
    assert ("StatAggregator", "_upper_limit") in methods
    classes = {**vars(queries), **vars(processors), **vars(aggregations)}
    assert not [(name, method) for name, method in methods if not callable(getattr(classes[name], method, None))]


def logged():
    """Yield every text that the package logs as a warning or an error, also those that a function is given."""
    calls = re.compile(r"logger\.(warning|error|exception)|_only_logged")
    for path in (ROOT / "invenio_stats").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and calls.fullmatch(ast.unparse(node.func)):
                if ast.unparse(node.args[0]) == "message":  # in the function itself
                    continue
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}: the text is not constant"
                yield node.args[0].value.partition(": %s")[0].partition(": add %s")[0]


def test_every_text_of_the_log_is_explained(built):
    """Whoever finds one in the log looks it up."""
    texts = list(logged())
    assert {"Error building event", "Waiting events could not be counted"} <= {*texts}
    assert not [text for text in texts if text not in built["errors"]]


def test_every_field_of_an_event_is_described(built):
    """The message on the queue and the stored document are an interface, too."""
    from invenio_stats.core.mappings import EVENT_FIELDS, TOTAL_FIELDS

    assert not missing([*EVENT_FIELDS, *TOTAL_FIELDS], built["how-it-works"])


def test_every_word_of_ours_is_explained():
    """A reader from elsewhere looks up what the code calls things."""
    text = (DOCS / "index.rst").read_text().partition("Glossary\n--------\n")[2]
    explained = dict(re.findall(r"^([a-z][a-z ,]+)\n   (\S.+)$", text, flags=re.MULTILINE))
    assert not [word for word in WORDS if word not in explained]
    assert all(len(first_line.split()) >= 5 for first_line in explained.values())


def tree_of_the_package():
    """Return the top-level entries in the picture of the package, as they are written there."""
    text = (DOCS / "how-it-works.rst").read_text()
    picture = text.partition("   invenio_stats/\n")[2].partition("\n\n")[0]
    return re.findall(r"^   [├└]── (\S+)", picture, flags=re.MULTILINE)


def test_the_tree_shows_what_lies_at_the_top_of_the_package():
    """A newcomer finds every file and folder there, and none that is gone."""
    package = ROOT / "invenio_stats"
    entries = [path.name + "/" * path.is_dir() for path in package.iterdir() if path.name != "__pycache__"]
    assert sorted(tree_of_the_package()) == sorted(entries)
    assert len(entries) <= MAX_TOP_LEVEL_ENTRIES


def test_paths_on_the_page_of_the_layout_exist():
    """Files move; whoever moves one corrects the page."""
    package = ROOT / "invenio_stats"
    folders = "|".join(path.name for path in package.iterdir() if path.is_dir())
    text = (DOCS / "how-it-works.rst").read_text()
    found = re.findall(rf"(?<![\w/<-])(?:invenio_stats/)?((?:{folders})/[a-z_]+(?:/[a-z_]+)*)", text)
    assert "queries/batch" in found
    assert not [path for path in found if not (package / path).is_dir() and not (package / f"{path}.py").is_file()]


def test_the_files_of_the_largest_rooms_are_listed():
    """A new file gets its line in the table of rooms; a file that moves leaves it."""
    text = (DOCS / "how-it-works.rst").read_text()
    table = text.partition("The files of the rooms with the most rules:")[2].partition("Where do I add")[0]
    rows = re.findall(r"^``([a-z/]+)/``((?:.*\n)(?:^ {20}.*\n)*)", table, flags=re.MULTILINE)
    listed = {room: set(re.findall(r"``(\w+)``", files)) for room, files in rows}
    assert len(listed) == 7
    for room, names in listed.items():
        assert names == {path.stem for path in (ROOT / "invenio_stats" / room).glob("*.py")} - {"__init__"}, room


def test_a_label_stands_above_the_section_that_it_names():
    """A link with such a label leads there: each word of a label is one of its section."""
    wrong, count = [], 0
    for page in PAGES:
        _, *labels_and_texts = re.split(r"^\.\. _([a-z-]+):\n\n", page.read_text(), flags=re.MULTILINE)
        for label, text in zip(labels_and_texts[::2], labels_and_texts[1::2], strict=True):
            section = re.match(r"(.+\n[-~]{3,}\n)?(.*\n(?!.+\n[-~]{3,}\n))*", text)[0].lower()
            count += 1
            wrong += [f"{page.name}: {label}" for word in label.split("-") if word.removesuffix("s")[:5] not in section]
    assert count > 25
    assert not wrong


def test_every_row_of_a_table_has_a_second_cell():
    """A line that breaks at the left margin begins a new row, with a piece of a sentence in its first cell."""
    wrong, count = [], 0
    for page in [*PAGES, ROOT / "SECURITY.rst"]:
        table = 0  # the width of the first column; 0 outside of tables
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            if re.fullmatch(r"=+( +=+)+", line):
                table = line.index(" ")
                count += 1
            elif not line.strip():
                table = 0
            elif table and line[:1].strip() and not line[table:].strip():
                wrong.append(f"{page.name}:{number}: {line}")
    assert count > 60
    assert not wrong


def test_events_and_tasks_are_given_the_same_broker():
    """An instance whose Celery still has the default broker sends its tasks nowhere."""
    pages = [*PAGES, ROOT / "examples/minimal/README.rst"]
    texts = [(page.name, block.text) for page in pages for block in blocks(page)]
    exports = [(name, text) for name, text in texts if "export INVENIO_BROKER_URL=" in text]
    assert len(exports) >= 2
    assert not [name for name, text in exports if "export INVENIO_CELERY_BROKER_URL=$INVENIO_BROKER_URL" not in text]


def test_every_page_is_tried():
    """Code that nobody runs is not shown: no literal block without a language."""
    bare = [
        f"{page.name}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), start=1)
        if line.rstrip().endswith("::") and not line.lstrip().startswith(".. ")
    ]
    assert not bare


@pytest.fixture
def page_run(create_app, app_config, index_prefix, request, tmp_path, monkeypatch):
    """One page's run, on an empty engine and empty queues, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    prefix = f"{index_prefix}docs-"
    celery = {"CELERY_TASK_ALWAYS_EAGER": True, "CELERY_RESULT_BACKEND": "cache+memory://"}
    run = PageRun(create_app, {**app_config, **celery, "SEARCH_INDEX_PREFIX": prefix})
    yield run
    with run.app.app_context():
        from invenio_queues.proxies import current_queues

        from tests.fixtures.services import empty

        empty(app_config["BROKER_URL"], current_queues.queues.values())
        client = run.app.extensions["invenio-search"].client
        client.indices.delete(index=f"{prefix}*", ignore=[404])
        client.indices.delete_template(name=f"{prefix}*", ignore=[404])
        client.indices.delete_index_template(name=f"{prefix}*", ignore=[404])
    run.close()


@pytest.mark.expect_logged_errors  # pages show what goes wrong, too
@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES if list(blocks(page))])
def test_what_a_page_shows_works(page, page_run):
    """Every example, command and request of a page, in the order in which a reader meets them."""
    for block in blocks(page):
        page_run.run(block)


def test_the_readme_renders_where_packages_are_listed():
    """A package index takes plain reStructuredText only; the description is the README with the changes."""
    from docutils.core import publish_string

    text = (ROOT / "README.rst").read_text() + "\n" + (ROOT / "CHANGES.rst").read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of docutils' own parts
        publish_string(text, settings_overrides={"report_level": 2, "halt_level": 2, "raw_enabled": False})


def test_the_readme_leads_to_pages_that_exist():
    targets = re.findall(r"<((?:docs|examples)/[^>]+|[A-Z]+\.rst)>`_", (ROOT / "README.rst").read_text())
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]
