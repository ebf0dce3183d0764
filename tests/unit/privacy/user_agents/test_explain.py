"""Who asks why a user agent is automated learns the list and the pattern."""

import pytest

from invenio_stats.privacy.user_agents.classifier import Classifier
from invenio_stats.privacy.user_agents.lists import builtin
from invenio_stats.privacy.user_agents.lists.matcher import Matcher
from invenio_stats.privacy.user_agents.reduction import reduce_agent

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
SAMPLES = (
    *("Googlebot/2.1 (+http://www.google.com/bot.html)", "curl/8.5.0", "python-requests/2.31", "Wget/1.21"),
    *("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "Mozilla/5.0 (compatible; bingbot/2.0)"),
    *("", BROWSER, "Mozilla/5.0 (Linux; Android 10; CUBOT) Chrome/120.0 Mobile Safari/537.36", "Something else"),
    *("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "java/17", "x [e-mail]"),
)


@pytest.mark.parametrize(
    ("agent", "match"),
    [
        ("Mozilla/5.0 (compatible; GPTBot/1.2)", ("invenio-stats", "gptbot")),
        ("Researcher/1 [e-mail]", ("invenio-stats", r"\[e-mail\]")),
        ("", ("COUNTER", None)),
        (BROWSER, None),
        ("My Scanner 3", ("STATS_ROBOTS_PATTERNS", "my scanner")),
        ("Good Library Bot", None),
    ],
)
def test_an_agent_is_explained(agent, match):
    classifier = Classifier(patterns=["my scanner"], exceptions=["good library"])
    assert classifier.explain(agent) == match


@pytest.mark.parametrize("agent", SAMPLES)
@pytest.mark.parametrize("prepare", [str, reduce_agent])
def test_an_explanation_is_there_if_and_only_if_it_is_automated(agent, prepare):
    """By the same lists in the same order, also for the reduced text that the catalog has."""
    classifier, text = Classifier(), prepare(agent)
    match = classifier.explain(text)
    assert (match is not None) == (classifier.classify(text) in ("robot", "ai", "machine"))
    if match is not None and text:
        assert match.list_name in ("COUNTER", "is-bot", "invenio-stats")
        assert match.pattern


@pytest.mark.parametrize("agent", SAMPLES)
def test_a_pattern_is_found_if_and_only_if_any_matches(agent):
    """Whether it is a word, stands at the start, or refers to a part of itself."""
    matcher = Matcher([*builtin.ROBOT_SIGNS, "bot", "^curl", r"(o)\1", "GOOGLE", r"AhrefsBot\/", "[Ww]get"])
    assert (matcher.find(agent.lower()) is not None) == matcher.matches(agent.lower())
