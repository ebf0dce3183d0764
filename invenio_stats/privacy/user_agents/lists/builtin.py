"""List AI agents, patterns of robots, machines and browsers, and parts of browsers that look like robots."""

BUILTIN_VERSION = 1
"""Increased with every change below; it is part of the version of the lists that is stored in events."""

AI_AGENTS = frozenset(
    name.lower()
    for name in (
        # OpenAI, Anthropic, Perplexity, Mistral, Cohere
        *("GPTBot", "ChatGPT-User", "OAI-SearchBot", "OAI-AdsBot"),
        *("ClaudeBot", "Claude-User", "Claude-SearchBot", "Claude-Web", "Claude-Code", "anthropic-ai"),
        *("PerplexityBot", "Perplexity-User", "MistralAI-User", "MistralAI-Index"),
        *("cohere-ai", "cohere-training-data-crawler"),
        # Google, Apple, Microsoft, Meta, Amazon: agents of their models and assistants, not of their search engines
        *("Google-Extended", "GoogleOther", "GoogleOther-Image", "GoogleOther-Video", "Google-Agent"),
        *("Google-CloudVertexBot", "CloudVertexBot", "Google-NotebookLM", "NotebookLM", "Google-GeminiNotebook"),
        *("Gemini-Deep-Research", "GoogleAgent-Mariner", "GoogleAgent-URLContext", "Google-Gemini-CLI"),
        *("Applebot-Extended", "AzureAI-SearchBot"),
        *("meta-externalagent", "meta-externalfetcher", "meta-webindexer", "FacebookBot"),
        *("Amazonbot", "Amzn-SearchBot", "Amzn-User", "AmazonBuyForMe", "amazon-kendra", "amazon-QBusiness"),
        *("bedrockbot", "NovaAct", "Agent-NovaAct"),
        # other developers of models
        *("Bytespider", "TikTokSpider", "AI2Bot", "AI2Bot-Dolma", "AI2Bot-DeepResearchEval", "DeepSeekBot"),
        *("ChatGLM-Spider", "PanguBot", "SBIntuitionsBot", "WRTNBot", "Reflectionbot", "YandexAdditional"),
        *("YandexAdditionalBot", "Cotoyogi", "ICC-Crawler", "Factset_spyderbot", "ISSCyberRiskCrawler", "QuillBot"),
        # collectors of training data
        *("CCBot", "Diffbot", "omgili", "omgilibot", "Webzio-Extended", "ImagesiftBot", "img2dataset", "Timpibot"),
        *("LAIONDownloader", "laion-huggingface-processor", "aiHitBot", "Brightbot", "Thinkbot", "Crawl4AI"),
        *("ApifyBot", "ApifyWebsiteContentCrawler", "FirecrawlAgent", "Crawlspace", "FriendlyCrawler"),
        # search engines and assistants that answer with a model
        *("YouBot", "DuckAssistBot", "Andibot", "PhindBot", "LinerBot", "iAskBot", "iaskspider", "ExaSearchBot"),
        *("TavilyBot", "LinkupBot", "ShapBot", "Shap-User", "kagi-fetcher", "Manus-User", "TerraCotta", "TwinAgent"),
        *("Poggio-Citations", "KlaviyoAIBot", "QualifiedBot", "Anomura", "AddSearchBot", "AIWebIndex", "Channel3Bot"),
        *("Cloudflare-AutoRAG", "atlassian-bot"),
    )
)
"""Product names of agents that collect, answer or act for AI; compared as whole words in lower case.

Crawlers of search engines that also serve an assistant (Applebot, Bingbot, PetalBot) are robots and not in this list,
nor are names that are common words (Operator, Devin), because the user agent of a browser may contain them.
"""

E_MAIL_MARK = "[e-mail]"
"""Replaces an e-mail address in a reduced user agent; it marks robots, because browsers send no e-mail address."""

ROBOT_SIGNS = (
    r"\[e-mail\]",
    r"^mozilla/\d\.\d \((?:compatible; ?)?[\w.-]+/\d[\d.]*\)$",
    r"^\w+/\d \([\w@]+\)$",
    r"^[\w -]+/\d+/\d+$",
)
MACHINE_SIGNS = (r"^java/\d", r"httpcomponents/\d")
"""Patterns for robots and tools in reduced texts, whose versions are cut to the major number.

The other lists expect versions such as `1.0`; with these patterns a reduced text has the class of the original.
"""

BROWSER_SIGNS = (
    r"^(?:mozilla|opera)/\d",
    r"\b(?:applewebkit|gecko|presto|trident|opera|opera mini|ucbrowser|netfront|obigo|dillo|links|w3m)[/ (]",
)
"""Patterns of the user agents of browsers."""

BROWSER_MARKS = (
    r"chromeframe(?:/[\d.]+)?",
    r"gwx:downloaded\b",
    r"msn optimized(?:ie8)?\b",
    r"speedmode; proxy\b",
    r"qqdownload\b",
    r"edition utorrent\b",
    r"qq-url-manager\b",
    r"embedded web browser from: http://bsalsa\.com/?",
    r"alphaserver",
)
"""Parts of browsers' user agents that match is-bot's list; they are removed before that list is used.

COUNTER's list is matched before, with these parts in place. Each pattern begins with a letter, which makes the search
fast.
"""

TEST_CLIENT = "werkzeug/"
"""Start of the user agent of Flask's test client: instances test their counting with it, and no robot uses it."""
