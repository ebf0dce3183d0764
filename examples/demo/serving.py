"""Keep the instance up with some traffic, and say where the pages are and who may log in."""

import time
from itertools import count

from traffic.driver import Driver
from traffic.plan import Plan, plan_flood

from demo.stage import Stage

ROUND_SECONDS = 600.0
ROUND_REQUESTS = 600
"""About one request a second, as long as somebody looks."""
THREADS = 2


def describe(stage: Stage) -> str:
    """Return where the pages are, how to log in, and how to run commands."""
    url, catalogue = stage.url, stage.catalogue
    uploader, password = catalogue["users"][0]["email"], catalogue["password"]
    log_in = f"curl -s -o /dev/null -c cookies -d email={uploader} -d 'password={password}' {url}/api/login"
    lines = [
        "",
        f"Statistics of the repository: [bold]{url}/stats/[/]",
        f"The library is at {url}/ until Ctrl-C, with a year of use, and with traffic that goes on slowly.",
        f"Log in at {url}/login/ with the password '{password}' and the email address of",
        f"    an uploader: {uploader}, who sees {url}/stats/me",
        *(f"    {_introduce(person, url)}" for person in catalogue["people"]),
        "A visitor does not log in. With curl, for example as the uploader:",
        f"    {log_in}",
        f"    curl -b cookies {url}/stats/me",
        "Other pages: /stats/records/1 (a record with versions), /stats/communities/biology, /stats/lists/records.",
        "The search engine is at http://{}:{}/. To run commands of the instance in another shell:".format(
            *stage.engine
        ),
        f"    {stage.command_file()} stats status",
        f"COUNTER reports are at {url}/stats/reports, their API below {url}/api/counter/r51, once months are closed:",
        f"    {stage.command_file()} stats counter close --yes",
    ]
    return "\n".join(lines)


def _introduce(person: dict[str, str], url: str) -> str:
    path = "/users/1" if person["role"] == "administrator" else "/communities/physics, with its uploaders"
    article = "an" if person["role"][0] in "aeiou" else "a"
    return f"{article} {person['role']}: {person['email']}, who sees {url}/stats{path}"


def send_traffic(stage: Stage, seed: int, seconds: float = ROUND_SECONDS, requests: int = ROUND_REQUESTS) -> None:
    """Have visitors come until something stops it: Ctrl-C, or a process that has ended.

    In each round, a robot asks for all pages at once.
    """
    catalogue = stage.catalogue
    for round_seed in count(seed + 1):
        began = time.monotonic()
        visits = [*Plan(catalogue, round_seed, requests, seconds).visits, plan_flood(catalogue, seconds / 2)]
        Driver(stage.address, visits, threads=THREADS).run(stage.processes.check)
        while time.monotonic() < began + seconds:  # the last visit comes before the end
            stage.processes.check()
            time.sleep(0.5)
