"""Dead letters older than the calendar: a mistake in the call, not a traceback."""

import pytest

from invenio_stats.cli import stats


@pytest.mark.parametrize("days", ["99999999999", "36501", "-1", "soon"])
def test_an_age_that_no_calendar_holds_is_refused(app, days):
    result = app.test_cli_runner().invoke(stats, ["dead-letters", "purge", "--older-than", days, "--yes"])
    assert result.exit_code == 2
    assert "--older-than" in result.output
