"""Deposit one month, or all that are due, with an account."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.core.counter_deposit import Deposit, DepositAccount
from invenio_stats.counter.deposit.client import UsageReportsClient
from invenio_stats.counter.deposit.datasets import datasets_of
from invenio_stats.counter.deposit.run import OnPart, Result, deposit
from invenio_stats.counter.deposit.state import DepositState
from invenio_stats.counter.months import fetch_months
from invenio_stats.errors import DepositError
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.privacy.error_texts import without_text

logger = logging.getLogger(__name__)

_OF_THE_DOCUMENT = 422
"""Status with which the service refuses the document of one month; another month may be taken."""


def deposit_month(
    client: Any,
    month: str,
    account: DepositAccount,
    now: Callable[[], datetime],
    on_part: OnPart = lambda part: None,
) -> Result:
    """Deposit a closed month; DepositError if that was not possible."""
    state = DepositState(client, month, now)
    datasets = datasets_of(client, state.month, now())
    return deposit(state, datasets, UsageReportsClient(account), on_part)


def deposit_due_months(client: Any, account: DepositAccount, now: Callable[[], datetime]) -> dict[str, Any]:
    """Deposit all closed months of which the newest revision is not deposited, oldest first.

    Returns what was done by month, `{"error": type of the exception}` for one that failed, which is logged. If the
    service does not answer, or refuses the account, the other months are left to the next run.
    """
    done: dict[str, Any] = last_runs.run("tasks", "deposit_counter_months", lambda: _deposit_due(client, account, now))
    return done


def _deposit_due(client: Any, account: DepositAccount, now: Callable[[], datetime]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for month in fetch_months(client, now().date()).values():
        if Deposit.from_source(month.deposit).is_of(month.revision):
            continue
        try:
            results[month.month] = deposit_month(client, month.month, account, now)._asdict()
        except SoftTimeLimitExceeded:
            raise
        except DepositError as error:
            facts = {"month": month.month, "status": error.status, "reason": str(error)}
            logger.error("A month could not be deposited", extra=facts)
            results[month.month] = {"error": type(error).__name__}
            if error.status != _OF_THE_DOCUMENT:
                break
        except Exception as error:
            facts = {"month": month.month}
            logger.error("A month could not be deposited", exc_info=without_text(error), extra=facts)
            results[month.month] = {"error": type(error).__name__}
    return results
