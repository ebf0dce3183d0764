"""Agents of the workload: browsers of people, robots and machines that both lists know as such."""

import random

_SYSTEMS = {
    "Windows NT 10.0; Win64; x64": 46,
    "Macintosh; Intel Mac OS X 10_15_7": 20,
    "X11; Linux x86_64": 8,
    "X11; Ubuntu; Linux x86_64": 3,
    "Windows NT 6.1; WOW64": 3,
    "Linux; Android 13; SM-S911B": 6,
    "Linux; Android 10; K": 9,
    "iPhone; CPU iPhone OS 17_4 like Mac OS X": 9,
    "iPad; CPU OS 16_6 like Mac OS X": 3,
}
"""Each with its share among a hundred or so people."""

_DEVICES = ("SM-A", "SM-G", "moto g", "Redmi Note ", "CPH", "V2")

ROBOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) "
    "Chrome/124.0.6367.201 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.6367.201 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)",
    "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php) facebookbot",
    "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)",
)

MACHINES = (
    "Wget/1.21.3",
    "Wget/1.14 (linux-gnu)",
    "curl/7.88.1",
    "curl/8.5.0",
    "python-requests/2.31.0",
    "Python-urllib/3.10",
    "python-httpx/0.27.0",
    "libwww-perl/6.43",
    "PHP/7.4.33",
)


def browser(choose: random.Random) -> str:
    """Return a browser: a few are everywhere, and there is a long tail of devices that are like no other."""
    major = 126 - int(choose.expovariate(1 / 4.0))
    if choose.random() < 0.08:
        return _in_app(choose, major)
    system = choose.choices(list(_SYSTEMS), list(_SYSTEMS.values()))[0]
    if system.startswith("iP"):
        version = choose.choice(["15.6", "16.6", "17.3", "17.4"])
        return (
            f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            f"Version/{version} Mobile/15E148 Safari/604.1"
        )
    if "Android" not in system and choose.random() < 0.25:
        return f"Mozilla/5.0 ({system}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"
    return _chrome(choose, system, major)


def _chrome(choose: random.Random, system: str, major: int) -> str:
    is_mobile = "Mobile " if "Android" in system else ""
    engine = "AppleWebKit/537.36 (KHTML, like Gecko)"
    text = f"Mozilla/5.0 ({system}) {engine} Chrome/{major}.0.0.0 {is_mobile}Safari/537.36"
    if is_mobile or choose.random() < 0.8:
        return text
    return f"{text} Edg/{major}.0.{choose.randrange(1800, 2600)}.{choose.randrange(10, 99)}"


def _in_app(choose: random.Random, major: int) -> str:
    device = f"{choose.choice(_DEVICES)}{choose.randrange(100, 2999)}"
    build = f"TP1A.{choose.randrange(220101, 231231)}.{choose.randrange(1, 20):03d}"
    app = f"FBAV/4{choose.randrange(10, 70)}.0.0.{choose.randrange(1, 99)}.{choose.randrange(1, 120)}"
    return (
        f"Mozilla/5.0 (Linux; Android {choose.randrange(9, 15)}; {device} Build/{build}; wv) AppleWebKit/537.36 "
        f"(KHTML, like Gecko) Version/4.0 Chrome/{major}.0.{choose.randrange(4000, 6500)}.{choose.randrange(10, 200)} "
        f"Mobile Safari/537.36 [FB_IAB/FB4A;{app};]"
    )
