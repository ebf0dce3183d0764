"""How many planted floods the rule for unusual days finds: `python benchmarks/anomalies.py [--seeds N] [--scale S]`.

Two years of seeded traffic: weekends, holidays, a summer, records that are launched (some with the help of a site that
never sent anybody, most of them read in one country) and robots that come in waves. Into it floods are planted, of
items, countries, hosts and classes of agents, whose day has 10 to 100 times the median of the same weekdays and at
least 100 uses more, and which last from two hours to five days. Nothing is stored: the rule is given the numbers that
totals would have. A flood is found if one of its days is. An alarm is false if at most half of the day's uses are a
flood's.
"""

import argparse
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from statistics import median
from typing import NamedTuple

from invenio_stats.core.unusual_days import ADDEND, FACTOR, HISTORY, Series, What, is_new, judge
from invenio_stats.core.weekdays import same_weekdays

BEGIN, DAYS = date(2024, 9, 2), 730
DAYS_BETWEEN_LAUNCHES, DAYS_BETWEEN_FLOODS = 5, 12
MONTHS_JUDGED = (DAYS - HISTORY.days) / 30.44
KINDS: tuple[What, ...] = ("item", "country", "referrer", "agent_class")
AUTOMATED = {"robot": 900, "ai": 300, "machine": 120}
"""Events of a usual day, by class."""
_HOLIDAYS = {(12, 24), (12, 25), (12, 26), (12, 31), (1, 1), (5, 1), (10, 3), (4, 18), (4, 21), (4, 3), (4, 6)}
_COUNTRIES = [f"C{number:02}" for number in range(60)]
_HOSTS = ["", "internal", *(f"h{number:02}.example" for number in range(60))]

Subject = tuple[What, str]
Uses = dict[date, Counter[Subject]]


@dataclass
class Traffic:
    """The uses of each day by what they are counted by."""

    uses: Uses = field(default_factory=lambda: defaultdict(Counter))
    of_new_items: Uses = field(default_factory=lambda: defaultdict(Counter))
    of_floods: Uses = field(default_factory=lambda: defaultdict(Counter))
    first: dict[Subject, date] = field(default_factory=dict)
    """Of items and classes: their first use."""


class Flood(NamedTuple):
    """Uses that are no usage."""

    subject: Subject
    days: Sequence[date]
    hours: float
    factor: float


class Result(NamedTuple):
    """What the rule says of the traffic of one seed."""

    floods: list[Flood]
    found: list[Flood]
    alarms: Counter[What]
    false: list[tuple[date, Subject]]


def simulate(seed: int, scale: float = 1.0) -> tuple[Traffic, list[Flood]]:
    """Return two years of traffic, and the floods in it; `scale` multiplies the uses of old items."""
    chance, traffic = random.Random(seed), Traffic()
    days = [BEGIN + timedelta(days=number) for number in range(DAYS)]
    old = {f"i{rank}": 500 * scale / (rank + 2) for rank in range(150)}
    launches = [(day, number) for number, day in enumerate(days) if number % DAYS_BETWEEN_LAUNCHES == 3]
    launched = {f"n{number}": _Launch(chance, day, number) for day, number in launches}
    countries, hosts = _Mix(_COUNTRIES, 1.3), _Mix(_HOSTS, 1.4)
    waves = dict.fromkeys(AUTOMATED, 0.0)
    for day in days:
        season = _season(day) * chance.lognormvariate(0, 0.2)
        for item, mean in old.items():
            _use(chance, traffic, day, item, mean * season * chance.lognormvariate(0, 0.3), countries, hosts)
        for item, launch in launched.items():
            if day >= launch.day:
                _use(chance, traffic, day, item, launch.mean(day) * season, launch.countries, launch.hosts)
        for known, mean in AUTOMATED.items():
            waves[known] = 0.8 * waves[known] + chance.gauss(0, 0.3)
            traffic.uses[day]["agent_class", known] = _poisson(chance, mean * math.exp(waves[known]))
    for subject in (("agent_class", known) for known in (*AUTOMATED, "people")):
        traffic.first[subject] = BEGIN
    return traffic, list(_plant(chance, traffic, days))


class _Mix:
    """Values, a few of which are most frequent."""

    def __init__(self, values: Sequence[str], slope: float, favourite: str | None = None, share: float = 0.0):
        weights = [1 / (rank + 1) ** slope for rank in range(len(values))]
        self.values = [*values] if favourite is None else [*values, favourite]
        if favourite is not None:
            weights.append(sum(weights) * share / (1 - share))
        self.weights = weights

    def draw(self, chance: random.Random, number: int) -> list[str]:
        return chance.choices(self.values, self.weights, k=number)


class _Launch:
    """A new record: its first day has the most uses, and after some weeks it is like others."""

    def __init__(self, chance: random.Random, day: date, number: int):
        self.day = day
        self.peak = min(3_000.0, chance.lognormvariate(5, 1))
        self.rest = chance.uniform(0, 12)
        self.half = chance.uniform(1, 6)
        self.countries = _Mix(_COUNTRIES, 1.3, chance.choice(_COUNTRIES), chance.uniform(0.1, 0.8))
        host = f"news{number}.example" if chance.random() < 0.4 else chance.choice(_HOSTS)
        self.hosts = _Mix(_HOSTS, 1.4, host, chance.uniform(0.2, 0.8))

    def mean(self, day: date) -> float:
        return self.rest + self.peak * 0.5 ** ((day - self.day).days / self.half)


def _season(day: date) -> float:
    holiday = 0.3 if (day.month, day.day) in _HOLIDAYS or (day.month, day.day) > (12, 26) else 1.0
    return holiday * (0.5 if day.weekday() > 4 else 1.0) * (0.6 if day.month in (7, 8) else 1.0)


def _use(
    chance: random.Random, traffic: Traffic, day: date, item: str, mean: float, countries: _Mix, hosts: _Mix
) -> None:
    number = _poisson(chance, mean)
    if not number:
        return
    first = traffic.first.setdefault(("item", item), day)
    parts: Counter[Subject] = Counter({("agent_class", "people"): number})
    parts.update(("country", value) for value in countries.draw(chance, number))
    parts.update(("referrer", value) for value in hosts.draw(chance, number))
    traffic.uses[day]["item", item] += number
    traffic.uses[day].update(parts)
    if is_new(first, day):
        traffic.of_new_items[day].update(parts)


def _poisson(chance: random.Random, mean: float) -> int:
    if mean > 40:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, number = math.exp(-mean), chance.random(), 0
    while product > limit:
        product, number = product * chance.random(), number + 1
    return number


def _plant(chance: random.Random, traffic: Traffic, days: Sequence[date]) -> Iterator[Flood]:
    """Add floods of each kind in turn, and yield them."""
    starts = range(HISTORY.days + 3, DAYS - 6, DAYS_BETWEEN_FLOODS)
    medians = {day: _medians(traffic, day) for day in days if day >= BEGIN + HISTORY}
    for number, start in enumerate(starts):
        first, kind = days[start], KINDS[number % len(KINDS)]
        factor = math.exp(chance.uniform(math.log(FACTOR), math.log(100)))
        begin = _midnight(first) + timedelta(hours=chance.uniform(0, 24))
        hours = math.exp(chance.uniform(math.log(2), math.log(5 * 24)))
        shares = _shares(begin, hours)
        wanted = [
            subject
            for subject, usual in sorted(medians[max(shares, key=shares.__getitem__)].items())
            if subject[0] == kind and usual >= 1 and (factor - 1) * usual >= ADDEND and factor * usual < 100_000
        ]
        if wanted:
            flood = Flood(chance.choice(wanted), sorted(shares), hours, factor)
            _add(chance, traffic, flood, shares, medians)
            yield flood


def _medians(traffic: Traffic, day: date) -> dict[Subject, float]:
    """Return the medians of the same weekdays before, of all that was used on the first of these and is not new."""
    before = [traffic.uses[known] for known in same_weekdays(day)]
    wanted = [subject for subject in before[0] if not is_new(traffic.first.get(subject, BEGIN), day)]
    return {subject: median(uses[subject] for uses in before) for subject in wanted}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


def _shares(begin: datetime, hours: float) -> dict[date, float]:
    """Return the days of a flood, each with its hours as a share of those of the fullest day."""
    end, found, edge = begin + timedelta(hours=hours), {}, begin
    while edge < end:
        midnight = _midnight(edge.date() + timedelta(days=1))
        found[edge.date()] = (min(end, midnight) - edge).total_seconds()
        edge = midnight
    return {day: seconds / max(found.values()) for day, seconds in found.items()}


def _add(
    chance: random.Random,
    traffic: Traffic,
    flood: Flood,
    shares: dict[date, float],
    medians: dict[date, dict[Subject, float]],
) -> None:
    """Fill the days up to what the flood makes of them; it has one country, and no or one host, unless these are it."""
    kind, value = flood.subject
    country, host = chance.choice(_COUNTRIES), chance.choice(("", chance.choice(_HOSTS)))
    for day, share in shares.items():
        number = math.ceil(flood.factor * share * medians[day].get(flood.subject, 0))
        number -= traffic.uses[day][flood.subject]
        if number <= 0:
            continue
        parts: Counter[Subject] = Counter({flood.subject: number})
        if value not in AUTOMATED:
            parts["agent_class", "people"] = number
        if kind == "item":
            parts["country", country], parts["referrer", host] = number, number
        elif kind == "country":
            parts["referrer", host] = number
        elif kind == "referrer":
            parts["country", country] = number
        traffic.uses[day].update(parts)
        traffic.of_floods[day].update(parts)


def evaluate(traffic: Traffic, floods: Sequence[Flood], knows_launches: bool = True) -> Result:
    """Judge all days that have eight weeks before them; without knowledge of launches, as if no item were ever new."""
    alarms: list[tuple[date, Subject]] = []
    counted = set(traffic.uses)
    for number in range(HISTORY.days, DAYS):
        day = BEGIN + timedelta(days=number)
        new = traffic.of_new_items[day] if knows_launches else Counter[Subject]()
        for series in _series(traffic, day):
            series = series if knows_launches else series._replace(first=BEGIN)
            subject = series.what, series.value
            if judge(series, day, counted, lambda found, new=new: new[found.what, found.value]) is not None:
                alarms.append((day, subject))
    true = {(day, subject) for day, subject in alarms if _is_true(traffic, day, subject)}
    found = [flood for flood in floods if any((day, flood.subject) in true for day in flood.days)]
    return Result(list(floods), found, Counter(kind for _, (kind, _) in alarms), [a for a in alarms if a not in true])


def _series(traffic: Traffic, day: date) -> Iterator[Series]:
    for (what, value), number in traffic.uses[day].items():
        if number >= ADDEND:
            subject = what, value
            before = {known: traffic.uses[known][subject] for known in same_weekdays(day)}
            yield Series(what, value, number, before, traffic.first.get(subject, BEGIN))


def _is_true(traffic: Traffic, day: date, subject: Subject) -> bool:
    return traffic.of_floods[day][subject] > traffic.uses[day][subject] / 2


def write_table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a table of recall and precision."""
    rows = [("of", "floods", "found", "recall", "alarms", "false", "precision")]
    for kind in (*KINDS, None):
        floods, found = (_of_kind([flood for part in parts for flood in part], kind) for parts in _both(results))
        alarms = sum(result.alarms.total() if kind is None else result.alarms[kind] for result in results)
        false = sum(kind in (None, subject[0]) for result in results for _, subject in result.false)
        numbers = (len(floods), len(found), _share(len(found), len(floods)), alarms, false)
        rows.append((kind or "all", *map(str, numbers), _share(alarms - false, alarms)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    yield from (rule, lines[0], rule, *lines[1:], rule)


def _both(results: Sequence[Result]) -> tuple[list[list[Flood]], list[list[Flood]]]:
    return [result.floods for result in results], [result.found for result in results]


def _of_kind(floods: Iterable[Flood], kind: What | None) -> list[Flood]:
    return [flood for flood in floods if kind in (None, flood.subject[0])]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def false_in_three_months(results: Sequence[Result]) -> float:
    """Return the false alarms in three months, on average."""
    return 3 * sum(len(result.false) for result in results) / (MONTHS_JUDGED * len(results))


def main() -> None:
    """Simulate, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="repetitions of the two years, each with its own seed")
    parser.add_argument("--scale", type=float, default=1.0, help="factor for the uses of old items")
    parser.add_argument("--verbose", action="store_true", help="also list false alarms and floods that were missed")
    options = parser.parse_args()
    results, ignorant = [], []
    for seed in range(1, options.seeds + 1):
        traffic, floods = simulate(seed, options.scale)
        results.append(evaluate(traffic, floods))
        ignorant.append(evaluate(traffic, floods, knows_launches=False))
    print("\n".join(write_table(results)))
    print(f"False alarms in three months: {false_in_three_months(results):.2f}")
    print(f"If launches of records were not told from floods: {false_in_three_months(ignorant):.2f}")
    if options.verbose:
        for result in results:
            for day, subject in result.false:
                print("false", day, *subject)
            for flood in result.floods:
                if flood not in result.found:
                    print("missed", flood)


if __name__ == "__main__":
    main()
