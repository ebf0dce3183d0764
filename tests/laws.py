"""How many examples a property test tries: the same ones in every run, unless it is asked to explore.

`./run-tests.sh --explore` loads the other profile: random examples, and many more. Each one that fails becomes a fixed
test.
"""

import os

from hypothesis import HealthCheck, settings

_COMMON = {
    "deadline": None,  # a slow machine is no failure
    "database": None,  # what failed before on this machine is not tried again: all machines try the same
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("fixed", derandomize=True, **_COMMON)
settings.register_profile("explore", derandomize=False, max_examples=3000, print_blob=True, **_COMMON)


def load_profile() -> None:
    """Choose the examples, before any test module is imported."""
    settings.load_profile("explore" if os.environ.get("EXPLORE_LAWS") else "fixed")


def examples(share: float) -> settings:
    """Return the decorator of a law that tries `share` times the usual number of examples, in either profile."""
    return settings(max_examples=max(1, round(settings.default.max_examples * share)))
