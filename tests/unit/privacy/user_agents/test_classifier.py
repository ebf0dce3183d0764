"""People are counted, robots are recognised, and the operator's patterns override the lists."""

import hashlib
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.errors import ConfigurationError
from invenio_stats.privacy.user_agents import classifier as robots
from invenio_stats.privacy.user_agents.classifier import MAX_AGENTS_CACHED, Classifier, classify
from invenio_stats.privacy.user_agents.lists import builtin
from invenio_stats.privacy.user_agents.lists.matcher import Matcher, plain_word

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)
PEOPLE = {"browser", "unknown"}


@pytest.fixture(scope="module")
def crawlers():
    """Agents of crawlers, of a list that the classifier is not built from."""
    package = pytest.importorskip("crawleruseragents")
    return sorted({agent for entry in package.CRAWLER_USER_AGENTS_DATA for agent in entry["instances"]})


@pytest.fixture(scope="module")
def browsers():
    """Agents of people's browsers, seen in the wild."""
    pytest.importorskip("fake_useragent")
    lines = resources.files("fake_useragent").joinpath("data", "browsers.jsonl").read_text().splitlines()
    return sorted({json.loads(line)["useragent"] for line in lines})


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        pytest.param(FIREFOX, "browser", id="Firefox"),
        pytest.param(CHROME, "browser", id="Chrome"),
        pytest.param(
            "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32/37.9; U; en) Presto/2.12.423", "browser", id="Opera Mini"
        ),
        pytest.param("SAMSUNG-GT-S3802 Opera/9.80 (J2ME; U; en) Presto/2.12.423", "browser", id="a phone first"),
        pytest.param(None, "robot", id="none"),
        pytest.param("", "robot", id="empty"),
        pytest.param(" \t", "robot", id="blank"),
        pytest.param("-", "robot", id="one sign, as COUNTER's list says"),
        pytest.param(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "robot", id="Googlebot"
        ),
        pytest.param("Mozilla/5.0 (compatible; GOOGLEBOT/2.1)", "robot", id="in capitals"),
        pytest.param(f"{CHROME} Chrome-Lighthouse", "robot", id="only on the newer list"),
        pytest.param("FooReader/1.2 (somebody@example.org; Linux)", "robot", id="gives an e-mail address"),
        pytest.param("Mozilla/5.0 (compatible; Applebot/0.1)", "robot", id="a search engine"),
        pytest.param("Mozilla/5.0; compatible; GPTBot/1.2; +https://openai.com/gptbot", "ai", id="GPTBot"),
        pytest.param(f"{CHROME}; compatible; Claude-User/1.0", "ai", id="an assistant in a browser"),
        pytest.param("meta-externalagent/1.1 (+https://developers.facebook.com/docs)", "ai", id="in small letters"),
        pytest.param("CCBot/2.0 (https://commoncrawl.org/faq/)", "ai", id="a collection for training"),
        pytest.param("curl/8.5.0", "machine", id="curl"),
        pytest.param("Wget/1.21.4", "machine", id="wget"),
        pytest.param("python-requests/2.32.3", "machine", id="requests"),
        pytest.param("Python-urllib/3.12", "machine", id="capital that the list lacks"),
        pytest.param("Java/17.0.2", "machine", id="java"),
        pytest.param("Tablet Reader 2 (Somewhere; Model 3)", "unknown", id="an app that says nothing"),
        pytest.param("Werkzeug/3.1.3", "unknown", id="the test client of Flask"),
    ],
)
def test_an_agent_has_one_class(agent, kind):
    assert classify(agent) == kind


@pytest.mark.parametrize("name", sorted(builtin.AI_AGENTS))
def test_every_ai_agent_is_known_by_its_name_in_any_case(name):
    assert classify(f"Mozilla/5.0 (compatible; {name.title()}/1.0)") == "ai"


@pytest.mark.parametrize(
    "agent",
    [
        f"{FIREFOX} Novactor/1.0",
        f"{FIREFOX} NovaAction/2.0",
        f"{FIREFOX} Omgiliad/3.1",
        f"{FIREFOX} my-cohere-ai/1.0",
        f"{FIREFOX} Cohere-AIR/1.0",
        f"{FIREFOX} TerraCottage/1.0",
    ],
)
def test_a_browser_that_merely_contains_the_characters_is_a_browser(agent):
    """AI agents are whole words."""
    assert classify(agent) == "browser"


@pytest.mark.parametrize(
    "mark",
    ["chromeframe/30.0.1599.66", "GWX:DOWNLOADED", "msn OptimizedIE8;ENGB", "QQDownload 551"],
)
def test_tokens_of_old_browsers_make_no_robot(mark):
    assert classify(f"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; {mark})") == "browser"


def test_crawlers_of_a_list_it_was_not_built_from_are_found(crawlers):
    missed = [agent for agent in crawlers if classify(agent) in PEOPLE]
    assert len(missed) <= 0.05 * len(crawlers)


def test_browsers_are_not_flagged_beyond_what_counters_own_list_flags(browsers):
    flagged = [agent for agent in browsers if classify(agent) not in PEOPLE]
    by_counter = re.compile("|".join(_counter("robot.txt") + _counter("machine.txt")), re.IGNORECASE)
    assert len([agent for agent in flagged if not by_counter.search(agent)]) < 0.005 * len(browsers)


def test_the_operators_patterns_make_robots():
    classifier = Classifier(patterns=[r"^library kiosk\b"])
    assert classifier.classify("Library Kiosk 3 (Mozilla/5.0)") == "robot"
    assert classifier.classify(FIREFOX) == "browser"


def test_the_operators_exceptions_come_before_everything():
    classifier = Classifier(patterns=["kiosk"], exceptions=["^curl/", "cubot", r"^claudebot kiosk$", "^$"])
    for agent in ("curl/8.5.0", "Mozilla/5.0 (Linux; Android 12; CUBOT X70)", "ClaudeBot Kiosk", ""):
        assert classifier.classify(agent) == "browser"
    assert classifier.classify("kiosk") == "robot"


@pytest.mark.parametrize("setting", ["patterns", "exceptions"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(["fine", "bad("], r"\[1\]: 'bad\(' is not a regular expression", id="broken"),
        pytest.param([".*"], r"\[0\]: '\.\*' matches every user agent", id="everything"),
        pytest.param([""], r"\[0\]: '' matches every user agent", id="nothing"),
        pytest.param([7], r"\[0\] is 7\. Write", id="no text"),
        pytest.param("bot", r" is 'bot'\. Make it a list", id="one text"),
        pytest.param(None, r" is None\. Make it a list", id="no list"),
    ],
)
def test_a_setting_that_cannot_work_is_named_with_its_value(setting, value, words):
    with pytest.raises(ConfigurationError, match=f"^STATS_ROBOTS_{setting.upper()}{words}"):
        Classifier(**{setting: value})


def test_a_pattern_for_all_but_browsers_is_none_for_everything():
    assert Classifier(patterns=["^(?!mozilla/)"]).classify("Tablet Reader 2 (Somewhere)") == "robot"


def test_the_version_names_all_lists_and_changes_with_the_operators():
    plain = Classifier().version
    assert re.fullmatch(r"counter-[\w.]+\+is-bot-[\w.]+\+own-\d+", plain)
    assert plain == robots.LISTS_VERSION
    versions = [plain, *(Classifier(**settings).version for settings in ({"patterns": ["a"]}, {"exceptions": ["a"]}))]
    assert len(set(versions)) == 3
    assert all(version.startswith(plain) for version in versions)


def test_a_change_of_our_own_lists_raises_their_version():
    """When this fails: raise OWN_VERSION, then put the new pair here."""
    lists = (
        builtin.ROBOT_SIGNS,
        builtin.MACHINE_SIGNS,
        builtin.BROWSER_SIGNS,
        builtin.BROWSER_MARKS,
        builtin.TEST_CLIENT,
    )
    content = repr([sorted(builtin.AI_AGENTS), builtin.E_MAIL_MARK, lists])
    assert (builtin.BUILTIN_VERSION, hashlib.sha256(content.encode()).hexdigest()[:8]) == (1, "a246fc25")


def test_the_modules_other_names_are_not_made_up():
    with pytest.raises(AttributeError, match="LISTS_VERSIONS"):
        robots.LISTS_VERSIONS  # noqa: B018  asking is the test


def test_answers_are_remembered_and_the_memory_is_bounded():
    classifier = Classifier()
    for number in range(MAX_AGENTS_CACHED + 10):
        classifier.classify(f"curl/{number}")
    assert classifier._cached.cache_info().currsize == MAX_AGENTS_CACHED


def test_what_is_beyond_the_first_thousand_characters_is_not_looked_at():
    assert classify(FIREFOX + " " * 1000 + "curl/8") == "browser"


def test_an_agent_that_is_no_text_costs_no_event():
    assert classify(12345) == classify("12345")


def test_many_threads_get_the_same_answers(crawlers):
    classifier, agents = Classifier(), crawlers[:200]
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: tuple(map(classifier.classify, agents)), range(16)))
    assert answers == {tuple(map(classify, agents))}


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        CHROME * 70,
        "%" * 8192,
        "x" * 8192,
        "Mozilla/5.0 (" + "a." * 4096,
        "1.1" * 2730,
        "@a" * 4096,
        "; a" * 2730,
    ],
    ids=lambda agent: f"{agent[:5]}*{len(agent)}",
)
def test_no_agent_takes_long_to_look_up(agent):
    """It takes less than a millisecond (see the benchmark); a pattern that backtracks would take seconds."""
    classifier = Classifier()
    classifier.classify("the lists are loaded")
    assert min(_seconds(classifier._decide, agent[: robots.MAX_AGENT_CHARACTERS]) for _ in range(3)) < 0.2


def test_importing_loads_no_list():
    code = (
        "import sys, invenio_stats.privacy.user_agents.classifier; "
        "sys.exit(bool({'is_bot', 'counter_robots'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_matcher_says_what_one_long_expression_says(crawlers):
    """It is quicker, not different."""
    for patterns in (_counter("robot.txt"), _counter("machine.txt")):
        expression, matcher = re.compile("|".join(patterns), re.IGNORECASE), Matcher(patterns)
        assert matcher.refused == []
        for agent in crawlers:
            assert matcher.matches(agent.lower()) == bool(expression.search(agent)), agent


PATTERNS = ["^a(b|c)$", "^x|y z", r"\Sq\D", r"k\/v", "[^a]fish", r"(m)\1", "(?P<Name>T)u", "^[)|]w", r"\|\|", "J[A-C]"]


@given(st.text("abcABCxyzXYZ qQkK/vV1fishmMtTuUwW)|jJ", max_size=12))
def test_patterns_of_every_shape_keep_their_meaning(text):
    expected = any(re.search(pattern, text, re.IGNORECASE) for pattern in PATTERNS)
    assert Matcher(PATTERNS).matches(text.lower()) == expected


def test_what_re_cannot_read_is_handed_back():
    assert Matcher(["(?<!a|bc)d", "fine", r"(?P<x>\1(", "", "fine"]).refused == ["(?<!a|bc)d", r"(?P<x>\1("]


@pytest.mark.parametrize(
    ("pattern", "word"),
    [("Scooter", "scooter"), (r"a\-b\/C", "a-b/c"), (r"a\db", None), ("a.b", None), (r"a\.b", "a.b"), ("a|b", None)],
)
def test_a_pattern_for_one_text_is_a_plain_word(pattern, word):
    assert plain_word(pattern) == word


def _counter(file):
    return resources.files("counter_robots").joinpath("data", file).read_text(encoding="utf-8").splitlines()


def _seconds(function, argument):
    before = time.thread_time()
    function(argument)
    return time.thread_time() - before
