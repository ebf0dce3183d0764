"""Define how much work a run does."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Mode:
    """Sizes of the stages."""

    emit: int = 1000
    """Requests with one event."""
    archive: int = 20
    """Requests with a hundred."""
    events: int = 20_000
    """Events through the queue."""
    records: int = 1000
    rounds: int = 3
    warm: int = 4000
    """Events that each side does again and again before all others."""
    warm_seconds: float = 15
    """For how long: the engine compiles what it does often, and takes four times as long before."""
    aggregated: tuple[tuple[int, int], ...] = ((20_000, 4_000), (20_000, 100), (100_000, 20_000))
    """Events and records of each aggregation; the second has many events in each total."""
    days: int = 30
    kept: int = 30_000
    """Events whose bytes are measured, and those of their totals."""
    questions: int = 60
    imports: int = 5
    seconds: float = 600
    """No new round begins when it would end after that."""
    is_quick: bool = False
    most_public: int | None = None
    """Sizes beyond it are measured with the checkout alone."""
    processed: tuple[int, ...] = ()
    """Further numbers of events through the queue."""
    seed: int = 7


DEFAULT = Mode()

QUICK = Mode(
    emit=200,
    archive=3,
    events=2000,
    records=400,
    rounds=2,
    warm=500,
    warm_seconds=1,
    aggregated=((3000, 500),),
    days=5,
    kept=3000,
    questions=15,
    imports=1,
    seconds=45,
    is_quick=True,
)

SWEEP = replace(
    DEFAULT,
    rounds=1,
    processed=(20_000, 100_000, 300_000, 1_000_000),
    aggregated=((20_000, 1_000), (20_000, 20_000), (100_000, 20_000), (300_000, 20_000), (1_000_000, 20_000)),
    seconds=float("inf"),
    most_public=100_000,
)
"""Growth: the same stages with more and more events."""

PROFILED = replace(DEFAULT, rounds=1, imports=1, aggregated=((20_000, 4_000),), seconds=float("inf"))
