"""The tests of the documentation are as good as what they find and compare."""

import pytest

from tests.docs_support.answers import is_same_json, is_same_text
from tests.docs_support.blocks import blocks
from tests.docs_support.commands import check_other, commands

PAGE = """Text

.. code-block:: python
   :caption: a.py

   if x:
       y

   z

.. invisible-code-block: json

   {}
"""


def test_a_block_has_its_line_its_options_and_its_text(tmp_path):
    page = tmp_path / "page.rst"
    page.write_text(PAGE)
    first, second = blocks(page)
    assert (first.line, first.language, first.text) == (6, "python", "if x:\n    y\n\nz\n")
    assert first.options == {"caption": "a.py"}
    assert (second.line, second.language, second.text, second.options) == (13, "json", "{}\n", {})


def test_a_wrong_answer_is_noticed():
    assert is_same_json({"a": ["x ...", 1]}, {"a": ["x y", 1]})
    assert not is_same_json({"a": 1}, {"a": 1, "b": 2})
    assert not is_same_json({"a": ["x"]}, {"a": ["x", "y"]})
    assert is_same_text("1 stored\n...", "1 stored\nand more")
    assert not is_same_text("1 stored", "2 stored")


def test_a_command_has_its_output():
    first, second = commands("$ invenio stats \\\n    status   # how it goes\nfine\n$ pip install invenio-stats\n")
    assert (first.line.split(), first.output) == (["invenio", "stats", "status"], "fine")
    assert (second.line, second.output) == ("pip install invenio-stats", "")


@pytest.mark.parametrize(
    "line", ["rm -r x", "pip install invenio-stats", "pip install .[nothing]", "./run-tests.sh --no-such-option"]
)
def test_a_command_that_nobody_knows_is_noticed(line):
    with pytest.raises(AssertionError):
        check_other(line)
