"""Run the demo once, from an empty folder to the result."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from traffic.driver import Driver
from traffic.ledger import WINDOW
from traffic.plan import Plan

from demo import serving
from demo.check import Result, compare
from demo.questions import questions
from demo.sources import Engine
from demo.stage import Stage
from demo.tables import show
from demo.use import Use

SECONDS = 2 * WINDOW
"""Over how long the visits are spread: until the visitors who come twice may come again."""


class Performance:
    """One run."""

    def __init__(self, folder: Path, console: Console, seed: int, broker_url: str | None, serve: bool = False):
        """Keep everything in the folder; messages go through files there unless a broker is named.

        With `serve`, there is a year of use before, and the instance stays up afterwards.
        """
        self.console = console
        self.seed = seed
        self.serve = serve
        self.stage = Stage(folder, seed, broker_url, has_history=serve)
        self.times: dict[str, float] = {}

    def run(self, requests: int, as_json: bool = False) -> int:
        """Run it and print the result; return 0 when all was counted, else 1."""
        with ExitStack() as stack:
            with self._phase("set-up", "a search engine, an instance with records and files, a worker with its beat"):
                stack.enter_context(self.stage.running())
            catalogue = self.stage.catalogue
            driver = self._drive(catalogue, requests)
            driver.ledger.add_past(catalogue["past"])
            with self._phase("drain", "the worker processes and aggregates what still waits"):
                status = self.stage.drain()
            with self._phase("check", "the ledger against raw events, totals and the REST API"):
                result = compare(driver.ledger, Engine(self.stage.engine), self.stage.url, catalogue, status)
            with self._phase("questions", "what people ask, by `invenio stats query`"):
                asked = questions(Use(driver.ledger, catalogue, datetime.now(timezone.utc)))
                result.add_answers(asked, self.stage.ask([question.arguments for question in asked]))
            with self._phase("verify", "totals against a recount of the raw events, by `invenio stats verify`"):
                result.add_verification(self.stage.verify())
            self._print(result, driver, as_json)
            if self.serve:
                self.console.print(serving.describe(self.stage), soft_wrap=True)
                serving.send_traffic(self.stage, self.seed)
        return 1 if result.differences else 0

    def _drive(self, catalogue: dict[str, Any], requests: int) -> Driver:
        plan = Plan(catalogue, self.seed, requests, SECONDS)
        people = len({visit.visitor for visit in plan.visits})
        with self._phase("traffic", f"{people} visitors, some {plan.requests} requests"):
            columns = (TextColumn("  requests"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
                task = bar.add_task("requests", total=plan.requests)
                driver = Driver(self.stage.address, plan.visits, on_request=lambda: bar.advance(task))
                driver.run(self.stage.processes.check)
        return driver

    @contextmanager
    def _phase(self, name: str, what: str) -> Iterator[None]:
        self.console.print(f"[bold]{name}[/]: {what} ...", soft_wrap=True)
        began = time.monotonic()
        yield
        self.times[name] = time.monotonic() - began

    def _print(self, result: Result, driver: Driver, as_json: bool) -> None:
        if as_json:
            times = {name: round(seconds, 1) for name, seconds in self.times.items()}
            json.dump({"seed": self.seed, "seconds": times, **result.to_dict()}, sys.stdout, indent=1)
            sys.stdout.write("\n")
            return
        self.console.print()
        show(self.console, result, driver.ledger)
        if result.differences:
            self._explain(driver)
        times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.times.items())
        self.console.print(f"Time: {times}. Seed: {self.seed}.", style="dim")

    def _explain(self, driver: Driver) -> None:
        if driver.straddled:
            self.console.print(
                f"{driver.straddled} double clicks were stretched over the edge of a {WINDOW}-second cell: "
                "this machine was too busy. Run the demo again."
            )
        for name in ("instance", "worker"):
            complaints = self.stage.processes.complaints(name)
            self.console.print(
                f"Errors in the log of the {name}:" if complaints else f"No errors in the log of the {name}."
            )
            for line in complaints:
                self.console.print(f"    {line}", markup=False, soft_wrap=True)
