"""Usage statistics for Invenio: counted by COUNTER's rules, kept private, never lost."""

from invenio_stats.ext import InvenioStats
from invenio_stats.proxies import current_stats

__version__ = "7.10.0"

__all__ = ("InvenioStats", "__version__", "current_stats")
