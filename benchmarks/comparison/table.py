"""Print the rows for people and for the documentation."""

from collections.abc import Iterator, Sequence

from comparison.results import CHECKOUT, PUBLIC, Results, Row, Side

_HEAD = (
    "stage",
    "public",
    "checkout",
    "ratio",
    "cpu",
    "limit",
    "of it",
    "cpu of worker+engine+broker, s",
    "most MB",
    "the limit is",
)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the table."""
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    for number, row in enumerate(cells):
        first, *middle, last = (
            cell.ljust(width) if column in (0, len(row) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join((first, *middle, last)).rstrip()
        if number == 0:
            yield "-" * (sum(widths) + 2 * len(widths) - 2)


def requests(results: Results) -> Iterator[str]:
    """Yield how long requests wait for their events."""
    for stage in ("emit, one a request", "emit, archive of 100"):
        for label in (PUBLIC, CHECKOUT):
            p50, p99 = (results.value(stage, label, key) for key in ("p50_ms", "p99_ms"))
            if p50 is not None and p99 is not None:
                yield f"{stage}, {label}: each request p50 {p50:.2f} ms, p99 {p99:.2f} ms"


def sizes(results: Results) -> Iterator[str]:
    """Yield how many bytes a raw event and a total take in the engine."""
    for what, found in results.facts.get("bytes", {}).items():
        parts = [f"{label} {measure['bytes_each']:.0f} ({measure['documents']:,})" for label, measure in found.items()]
        both = [found[label]["bytes_each"] for label in (PUBLIC, CHECKOUT) if label in found]
        ratio = f", {both[1] / both[0]:.2f} of it" if len(both) == 2 else ""
        yield f"bytes of a {what}, one segment, no replica: {', '.join(parts)}{ratio}"


def _cells(row: Row) -> tuple[str, ...]:
    public, checkout = row.sides.get(PUBLIC), row.sides.get(CHECKOUT)
    of_limit = None
    if checkout and checkout.value and row.limit:
        of_limit = checkout.value / row.limit if row.is_rate else row.limit / checkout.value
    both = [side for side in (public, checkout) if side]
    return (
        row.stage,
        _value(public, row.is_rate),
        _value(checkout, row.is_rate),
        _times(row.ratio),
        _times(row.cpu_ratio),
        _number(row.limit, row.is_rate),
        "" if of_limit is None else f"{of_limit:.0%}",
        " | ".join(map(_cpus, both)),
        " | ".join(f"{side.most_mb:.0f}" if side.most_mb else "-" for side in both),
        row.limit_name,
    )


def _value(side: Side | None, is_rate: bool) -> str:
    return _number(side.value, is_rate) if side else ""


def _number(value: float | None, is_rate: bool) -> str:
    if value is None:
        return ""
    if is_rate:
        return f"{value:,.0f}/s"
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}x"


def _cpus(side: Side) -> str:
    parts = (side.cpu, side.cpu_search, side.cpu_broker)
    return "+".join(f"{part:.2g}" for part in parts if part is not None)
