"""What stops the start, with the place, the value and the cure."""

import pytest

from invenio_stats import InvenioStats
from invenio_stats.declare import event_type
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app


@pytest.mark.parametrize("exchange", ["events", None, {"name": "events"}])
def test_an_exchange_that_is_none(app, monkeypatch, exchange):
    monkeypatch.setitem(app.config, "STATS_MQ_EXCHANGE", exchange)
    with pytest.raises(ConfigurationError, match=r"STATS_MQ_EXCHANGE is .*kombu.Exchange\('events', type='direct'\)"):
        finalize_app(app)


def test_a_signal_that_is_none(app, monkeypatch):
    """Receivers are connected before everything else is checked."""
    entry = {"cls": "invenio_stats.processors:EventsIndexer", "signal": lambda: None}
    monkeypatch.setitem(app.config, "STATS_EVENTS", {"opened": entry})
    with pytest.raises(ConfigurationError, match=r"STATS_EVENTS\['opened'\]\['signal'\] is .*, which is no signal"):
        InvenioStats().init_app(app)


def test_a_declared_type_whose_events_would_be_counted_as_those_of_another(app, monkeypatch):
    """The index templates of record views match its indices, too."""
    declared = event_type("record-view-embedded", builders=[lambda event, app: event], unique_id="{pid_value}")
    for setting in ("events", "aggregations", "queries"):
        key = f"STATS_{setting.upper()}"
        monkeypatch.setitem(app.config, key, {**app.config[key], **getattr(declared, setting)})
    with pytest.raises(ConfigurationError, match=r"STATS_EVENTS\['record-view-embedded'\].*those of 'record-view' too"):
        finalize_app(app)
