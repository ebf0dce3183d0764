"""Print what was requested and what was counted."""

from typing import Any

from rich.console import Console
from rich.table import Table
from traffic.ledger import EVENT_TYPES, Ledger

from demo.check import SOURCES, Result
from demo.sources import Count

SHOWN = {"record": 6, "file": 6, "search": 4}
"""How many of the most used things are listed; all of them are checked."""

_UNCOUNTED = ("HEAD", "later", "outside", "refused", "missing", "not there", "sign-in", "robot", "machine")


def show(console: Console, result: Result, ledger: Ledger) -> None:
    """Print the three tables and the result."""
    console.print(_asked(result), _events(result), _counted(result))
    things = {kind: sum(1 for thing in result.expected if thing[0] == kind) for kind in EVENT_TYPES}
    checked = ", ".join(f"{count} {kind if count == 1 else _plural(kind)}" for kind, count in things.items())
    console.print(
        f"{len(ledger.observations)} requests. Checked: {checked}, each count and unique count "
        f"in {len(SOURCES)} places, the items of all totals, the volume of all files."
    )
    _show_answers(console, result)
    console.print("verify: {} totals compared, {} differences".format(*result.verified))
    if result.differences:
        console.print(f"[bold red]{len(result.differences)} differences:[/]")
        _list(console, result.differences)
    else:
        console.print("[bold green]Everything that was sent was counted as it should be.[/]")


def _list(console: Console, lines: list[str], most: int = 40) -> None:
    for line in lines[:most]:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if len(lines) > most:
        console.print(f"  ... and {len(lines) - most} more")


def _show_answers(console: Console, result: Result) -> None:
    """Print each question with the command that answers it, and what was compared with the ledger."""
    heading = ""
    for question, answer in result.answers:
        if question.text != heading:
            heading = question.text
            console.print(f"\n[bold]{heading}[/]")
        console.print(f"$ invenio stats query {' '.join(question.arguments)}", markup=False, soft_wrap=True)
        found = answer.get("error") or question.read(answer["answer"])
        is_right = found == question.expected
        text = _short(found) + ("" if is_right else f" ≠ {_short(question.expected)}")
        console.print(f"  {text}", markup=False, soft_wrap=True)
    console.print()


def _short(numbers: Any) -> str:
    """Write the numbers of an answer on one line: rows and parts apart by semicolons."""
    if isinstance(numbers, dict):
        return ", ".join(f"{name} {_short(value)}" for name, value in numbers.items()) or "-"
    if isinstance(numbers, list):
        is_row = not any(isinstance(part, dict | list) for part in numbers)
        return (" " if is_row else "; ").join(map(_short, numbers))
    return str(numbers)


def _asked(result: Result) -> Table:
    table = _table("What was asked", "Kind of request", "Sent", "Answered as it had to be", "Counts")
    for kind, (sent, right) in sorted(result.kinds.items(), key=lambda row: -row[1][0]):
        counts = "no" if any(word in kind for word in _UNCOUNTED) else "once" if kind == "double click" else "yes"
        table.add_row(kind, str(sent), _mark(right, sent), counts)
    return table


def _events(result: Result) -> Table:
    table = _table("Events stored, double clicks being one", "Event type", "People", "Robots", "Machines")
    for name, found in result.events.items():
        expected = result.expected_events[name]
        table.add_row(name, *(_mark(found[group], expected[group]) for group in ("people", "robots", "machines")))
    return table


def _counted(result: Result) -> Table:
    table = _table("What was counted: all (unique)", "Most used", "Expected", *SOURCES)
    for kind, most in SHOWN.items():
        things = sorted((thing for thing in result.expected if thing[0] == kind), key=result.expected.__getitem__)
        for thing in list(reversed(things))[:most]:
            expected = result.expected[thing]
            found = (counts.get(thing, Count()) for counts in result.found.values())
            name = f"{kind} {result.titles.get(thing, ' '.join(thing[1:]))}"
            table.add_row(name, str(expected), *(_mark(count, expected) for count in found))
        table.add_section()
        sums = [_sum(counts, kind) for counts in (result.expected, *result.found.values())]
        table.add_row(
            f"all {_plural(kind)}", str(sums[0]), *(_mark(count, sums[0]) for count in sums[1:]), style="bold"
        )
        table.add_section()
    return table


def _sum(counts: dict, kind: str) -> Count:
    found = [count for thing, count in counts.items() if thing[0] == kind]
    return Count(sum(count.count for count in found), sum(count.unique for count in found))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _mark(found: int | Count, expected: int | Count) -> str:
    """Write a number; a wrong one in red with what it should be."""
    return str(found) if found == expected else f"[bold red]{found} ≠ {expected}[/]"


def _plural(kind: str) -> str:
    return f"{kind}es" if kind == "search" else f"{kind}s"
