"""The operator's file of robots: what it may look like, what is refused, and when another one is noticed."""

import json
import os
import re
from time import process_time

import pytest

from invenio_stats.errors import ConfigurationError
from invenio_stats.privacy.user_agents.classifier import MAX_AGENT_CHARACTERS, Classifier
from invenio_stats.privacy.user_agents.lists import file as robots_file
from invenio_stats.privacy.user_agents.lists.backtracking import explain_cost
from invenio_stats.privacy.user_agents.lists.file import MAX_BYTES, RobotsFile, format_list, read_file
from invenio_stats.privacy.user_agents.lists.shipped import _counter

COUNTERS = [{"pattern": "bot", "last_changed": "2017-08-08"}, {"pattern": "^Apache\\-HttpClient\\/"}]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


@pytest.fixture
def write(tmp_path):
    """Return `write(content, name)`: the path of a file."""

    def write(content, name="robots.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("content", "patterns"),
    [
        pytest.param("bot\n\n# a comment\n ^kiosk/ \r\n", ("bot", "^kiosk/"), id="lines"),
        pytest.param("[a-z]bot\n[0-9]crawler", ("[a-z]bot", "[0-9]crawler"), id="lines that begin with a bracket"),
        pytest.param("\ufeffbot", ("bot",), id="byte order mark"),
        pytest.param(json.dumps(COUNTERS), ("bot", r"^Apache\-HttpClient\/"), id="COUNTER's list"),
        pytest.param(json.dumps(COUNTERS, indent=4), ("bot", r"^Apache\-HttpClient\/"), id="COUNTER's list, indented"),
    ],
)
def test_both_forms_are_read(write, content, patterns):
    assert read_file(write(content)) == patterns
    assert read_file(write(format_list(patterns))) == patterns


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        pytest.param("bot\nbad(", "r.txt", r"r.txt, line 2: 'bad\(' is not a regular .*Correct it", id="broken"),
        pytest.param("bot\n\n.*", "r.txt", r"r.txt, line 3: '\.\*' matches every user agent\. Write", id="everything"),
        pytest.param("(a+)+$", "r.txt", r"r.txt, line 1: '\(a\+\)\+\$' may take seconds .*Write short", id="slow"),
        pytest.param("x" * 501, "r.txt", r"r.txt, line 1: 'x+'\.\.\. has 501 characters. Write at most 500", id="long"),
        pytest.param(b"bot\n\xff", "r.txt", "r.txt, line 2 is not UTF-8. Save", id="encoding"),
        pytest.param("# nothing\n", "r.txt", "r.txt has no pattern. To use none, delete the file", id="no pattern"),
        pytest.param("[]", "r.json", "r.json has no pattern", id="empty list"),
        pytest.param('[{"pattern": "a"},\n{"pattern"', "r.json", r"r.json, line 2 is not JSON .*Write a", id="cut off"),
        pytest.param('{"pattern": "bot"}', "r.json", "r.json is a JSON dict. Write a list", id="no list"),
        pytest.param(
            '[{"pattern": "a"}, {"name": 1}]', "r.json", r"entry 2 is {'name': 1}. Write", id="no pattern key"
        ),
        pytest.param('[{"pattern": 7}]', "r.json", "entry 1 is 7. Write the regular expression as", id="number"),
        pytest.param("[" * 100_000, "r.json", "r.json", id="nested"),
        pytest.param(b"bot\n" * (MAX_BYTES // 4 + 1), "r.txt", f"more than {MAX_BYTES} bytes", id="large"),
    ],
)
def test_what_cannot_be_used_is_named_with_place_value_and_cure(write, content, name, words):
    with pytest.raises(ConfigurationError, match=words):
        read_file(write(content, name))


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(?:a|a)*b", "(a{1,40}){1,40}$", "a*b*c", r"^(\w+\.){3}x", "(a?){30}b", "(x|y+){60}", "a(?=(b+)+c)"],
)
@pytest.mark.parametrize("setting", ["patterns", "exceptions"])
def test_a_pattern_that_may_take_long_is_refused(setting, pattern):
    with pytest.raises(ConfigurationError, match="may take seconds"):
        Classifier(**{setting: [pattern]})


def test_usual_patterns_are_not():
    """COUNTER's lists, and what operators write."""
    own = [
        r"^\w{1,40}/\d{1,3}\.\d{1,3} \(.*\)",
        r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}",
        "kiosk.*library",
        "^(?!mozilla/)",
        "(?:ab)?c+",
    ]
    for pattern in (*_counter("robot.txt"), *_counter("machine.txt"), *own):
        assert explain_cost(pattern) is None, pattern


@pytest.mark.parametrize("pattern", ["a.*b", r"^\w+\d+$", r"(?:\d{1,3}\.){3}x", "(a?){12}b"])
def test_what_is_not_refused_takes_seconds_at_most(pattern):
    assert explain_cost(pattern) is None
    expression = re.compile(pattern, re.IGNORECASE)
    for part in ("a", "ab", "1", "1."):
        began = process_time()
        expression.search((part * MAX_AGENT_CHARACTERS)[:MAX_AGENT_CHARACTERS])
        assert process_time() - began < 5


def test_its_patterns_make_robots_and_are_named():
    classifier = Classifier(["kiosk"], [r"good tablet"], ["Tablet", "^Mozilla/5.0 .*Reader", "(?i)frame"])
    agents = {
        "Mozilla/5.0 (Linux; TABLET 3) Gecko/1": "Tablet",
        "Mozilla/5.0 (Linux; reader) Gecko/1": "^Mozilla/5.0 .*Reader",
        "Mozilla/5.0 (Linux; Frame) Gecko/1": "(?i)frame",
    }
    for agent, pattern in agents.items():
        assert classifier.classify(agent) == "robot"
        assert classifier.explain(agent) == ("STATS_ROBOTS_FILE", pattern)
    assert classifier.classify("Good Tablet 3") == "browser"
    assert classifier.explain("Kiosk Tablet").list_name == "STATS_ROBOTS_PATTERNS"
    assert classifier.classify(FIREFOX) == "browser"


def test_the_version_changes_with_the_file():
    versions = {Classifier(listed=listed).version for listed in ((), ["a"], ["b"], ["a", "b"])}
    assert len(versions) == 4
    assert Classifier(listed=["b", "a"]).version == Classifier(listed=["a", "b"]).version


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def test_another_file_is_noticed_after_a_minute_and_once(write):
    path, clock = write("bot"), Clock()
    file = RobotsFile(path, clock)
    assert file.patterns == ("bot",)
    write("other", "new")
    os.replace(path.with_name("new"), path)
    assert not file.is_replaced()
    clock.now = robots_file.SECONDS_BETWEEN_CHECKS
    assert file.is_replaced()
    clock.now *= 2
    assert not file.is_replaced()
    path.unlink()
    clock.now *= 2
    assert file.is_replaced()


def test_without_a_file_there_are_no_patterns(tmp_path):
    assert RobotsFile(tmp_path / "absent" / "robots.json").patterns == ()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\).*set STATS_ROBOTS_FILE"):
        RobotsFile(tmp_path)
