"""Outcomes of runs: what leaves the process, or is copied, stays as it was."""

import copy
import pickle

import pytest

from invenio_stats.processing.batch_runner import Outcome


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        *(
            pytest.param(
                lambda outcome, protocol=protocol: pickle.loads(pickle.dumps(outcome, protocol)), id=f"{protocol=}"
            )
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_a_copy_of_an_outcome_is_the_same_outcome(duplicate):
    outcome = duplicate(Outcome(5, 2, duplicates=1, double_clicks=3, dropped={"robot": 4}, postponed=1))
    assert outcome == (5, 2)
    assert isinstance(outcome, Outcome)
    assert vars(outcome) == {"duplicates": 1, "double_clicks": 3, "dropped": {"robot": 4}, "postponed": 1}
