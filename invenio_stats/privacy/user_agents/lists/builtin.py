"""Our own lists: AI agents by name, signs of browsers, and what real browsers carry that looks like a robot."""

BUILTIN_VERSION = 1
"""Raised whenever anything below changes; it is part of the lists' version that events carry."""

AI_AGENTS = frozenset(
    name.lower()
    for name in (
        # OpenAI, Anthropic, Perplexity, Mistral, Cohere
        *("GPTBot", "ChatGPT-User", "OAI-SearchBot", "OAI-AdsBot"),
        *("ClaudeBot", "Claude-User", "Claude-SearchBot", "Claude-Web", "Claude-Code", "anthropic-ai"),
        *("PerplexityBot", "Perplexity-User", "MistralAI-User", "MistralAI-Index"),
        *("cohere-ai", "cohere-training-data-crawler"),
        # Google, Apple, Microsoft, Meta, Amazon: what feeds their models and assistants, not their search engines
        *("Google-Extended", "GoogleOther", "GoogleOther-Image", "GoogleOther-Video", "Google-Agent"),
        *("Google-CloudVertexBot", "CloudVertexBot", "Google-NotebookLM", "NotebookLM", "Google-GeminiNotebook"),
        *("Gemini-Deep-Research", "GoogleAgent-Mariner", "GoogleAgent-URLContext", "Google-Gemini-CLI"),
        *("Applebot-Extended", "AzureAI-SearchBot"),
        *("meta-externalagent", "meta-externalfetcher", "meta-webindexer", "FacebookBot"),
        *("Amazonbot", "Amzn-SearchBot", "Amzn-User", "AmazonBuyForMe", "amazon-kendra", "amazon-QBusiness"),
        *("bedrockbot", "NovaAct", "Agent-NovaAct"),
        # other makers of models
        *("Bytespider", "TikTokSpider", "AI2Bot", "AI2Bot-Dolma", "AI2Bot-DeepResearchEval", "DeepSeekBot"),
        *("ChatGLM-Spider", "PanguBot", "SBIntuitionsBot", "WRTNBot", "Reflectionbot", "YandexAdditional"),
        *("YandexAdditionalBot", "Cotoyogi", "ICC-Crawler", "Factset_spyderbot", "ISSCyberRiskCrawler", "QuillBot"),
        # collections that models are trained on
        *("CCBot", "Diffbot", "omgili", "omgilibot", "Webzio-Extended", "ImagesiftBot", "img2dataset", "Timpibot"),
        *("LAIONDownloader", "laion-huggingface-processor", "aiHitBot", "Brightbot", "Thinkbot", "Crawl4AI"),
        *("ApifyBot", "ApifyWebsiteContentCrawler", "FirecrawlAgent", "Crawlspace", "FriendlyCrawler"),
        # search and assistants that answer with a model
        *("YouBot", "DuckAssistBot", "Andibot", "PhindBot", "LinerBot", "iAskBot", "iaskspider", "ExaSearchBot"),
        *("TavilyBot", "LinkupBot", "ShapBot", "Shap-User", "kagi-fetcher", "Manus-User", "TerraCotta", "TwinAgent"),
        *("Poggio-Citations", "KlaviyoAIBot", "QualifiedBot", "Anomura", "AddSearchBot", "AIWebIndex", "Channel3Bot"),
        *("Cloudflare-AutoRAG", "atlassian-bot"),
    )
)
"""Product names of agents that collect, answer or act for AI; compared as whole words, in small letters.

Search engines that also feed an assistant (Applebot, Bingbot, PetalBot) are robots and not here. Names that are
common words (Operator, Devin) are not here either: a browser may carry them.
"""

E_MAIL_MARK = "[e-mail]"
"""Stands in a reduced agent where an e-mail address was: people's browsers give none."""

ROBOT_SIGNS = (
    r"\[e-mail\]",
    r"^mozilla/\d\.\d \((?:compatible; ?)?[\w.-]+/\d[\d.]*\)$",
    r"^\w+/\d \([\w@]+\)$",
    r"^[\w -]+/\d+/\d+$",
)
MACHINE_SIGNS = (r"^java/\d", r"httpcomponents/\d")
"""What remains of a robot's or a tool's signs when its versions are cut to the major number.

The lists look for `1.0` there, and an agent and its reduced text are to be of one class.
"""

BROWSER_SIGNS = (
    r"^(?:mozilla|opera)/\d",
    r"\b(?:applewebkit|gecko|presto|trident|opera|opera mini|ucbrowser|netfront|obigo|dillo|links|w3m)[/ (]",
)
"""How browsers introduce themselves."""

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
"""What real browsers carry although a list of robots has a word of it; COUNTER's own list is asked before.

Each begins with a letter, so that looking for them costs little.
"""

TEST_CLIENT = "werkzeug/"
"""How the client of Flask's test suites begins: instances test with it that they count, and no robot comes as it."""
