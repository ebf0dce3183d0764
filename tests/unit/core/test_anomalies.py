"""An unusual day has the same name whenever it is found, and keeps what is known of it."""

from datetime import datetime, timezone

import pytest

from invenio_stats.core.anomalies import Anomaly

NOW = datetime(2026, 5, 7, 2, 30, 0, 5, tzinfo=timezone.utc)
ANOMALY = Anomaly("2026-05-06", "item", "abc12-xyz34", 5_000, 11.5, NOW)


def test_its_name_tells_the_day_and_does_not_depend_on_the_numbers():
    assert ANOMALY.id.startswith("2026-05-06-")
    assert ANOMALY._replace(number=1, found=NOW.replace(year=2027)).id == ANOMALY.id


@pytest.mark.parametrize("other", [{"period": "2026-05-07"}, {"what": "country"}, {"value": "abc12-xyz35"}])
def test_others_have_other_names(other):
    assert ANOMALY._replace(**other).id != ANOMALY.id


@pytest.mark.parametrize("anomaly", [ANOMALY, ANOMALY.decide("kept", "It was in the news.", NOW)])
def test_what_is_stored_is_read_again(anomaly):
    moments = {"found": NOW.replace(microsecond=0), "decided": anomaly.decided and NOW.replace(microsecond=0)}
    assert Anomaly.from_source(anomaly.as_source()) == anomaly._replace(**moments)


def test_a_field_of_a_later_release_is_no_obstacle():
    assert Anomaly.from_source({**ANOMALY.as_source(), "colour": "red"}).id == ANOMALY.id


@pytest.mark.parametrize(("period", "is_day"), [("2026-05-06", True), ("2026-05", False)])
def test_days_and_months(period, is_day):
    assert ANOMALY._replace(period=period).is_day is is_day
