"""What stops the start, with the place, the value and the cure."""

import pytest

from invenio_stats import InvenioStats
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
