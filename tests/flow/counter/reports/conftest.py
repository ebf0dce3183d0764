"""A repository with COUNTER reports, and its customers."""

import pytest

COUNTER_SETTINGS = {
    "STATS_COUNTER_PLATFORM": "Example Repository",
    "STATS_COUNTER_PLATFORM_ID": "example",
    "STATS_COUNTER_COUNTRIES": True,
    "STATS_COUNTER_CUSTOMERS": [
        {"customer_id": "c1", "name": "One University", "institution_id": {"ROR": ["00hx57361"], "ISIL": ["DE-1"]}},
        {"customer_id": "c2", "name": "Two University"},
        {"customer_id": "both", "name": "A Consortium", "members": ["c1", "c2"]},
    ],
}


@pytest.fixture(scope="module")
def app_config(app_config):
    """Settings that switch the reports on."""
    return {**app_config, **COUNTER_SETTINGS}
