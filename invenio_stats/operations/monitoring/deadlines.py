"""Ask several services at the same time, and wait for a few seconds at most."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from threading import Thread
from time import monotonic
from typing import Any, NamedTuple

from flask import Flask, current_app

_KEY = "invenio-stats-questions"

Questions = Mapping[str, Callable[[], Any]]
"""What one service is asked, by name, one after the other."""
_Answers = dict[str, "Future[Any]"]

PATIENCE_SECONDS = 600.0
"""After which a question that is not answered is asked anew: its connection may be dead, and the service well."""


class Unknown(NamedTuple):
    """The answer to a question that nobody can answer now."""

    reason: str
    """`timeout`, or the type of an error; its text may hold a password."""


class _Asked(NamedTuple):
    answers: _Answers
    moment: float

    def is_over(self) -> bool:
        """Return True if nobody waits for these answers any more."""
        return all(answer.done() for answer in self.answers.values()) or monotonic() - self.moment > PATIENCE_SECONDS


def ask_all(services: Mapping[str, Questions], seconds: float) -> dict[str, Any]:
    """Return the answers by question; Unknown if one fails, or is not there after these seconds.

    A service that still has a question is not asked again for ten minutes: if it hangs, that keeps one thread of a
    process, and one more each ten minutes.
    """
    app = current_app._get_current_object()
    asked: dict[str, _Asked] = app.extensions.setdefault(_KEY, {})
    answers: _Answers = {}
    for service, questions in services.items():
        last = asked.get(service)
        if last is None or last.is_over():
            asked[service] = last = _Asked(_ask(app, questions), monotonic())
        answers |= last.answers
    done, _waiting = wait(answers.values(), timeout=seconds)
    return {name: _read(answer) if answer in done else Unknown("timeout") for name, answer in answers.items()}


def _ask(app: Flask, questions: Questions) -> _Answers:
    answers: _Answers = {name: Future() for name in questions}

    def run() -> None:
        with app.app_context():
            for name, question in questions.items():
                try:
                    answers[name].set_result(question())
                except Exception as error:  # each client fails in its own way
                    answers[name].set_exception(error)

    Thread(target=run, daemon=True).start()  # does not keep the process from ending
    return answers


def _read(answer: "Future[Any]") -> Any:
    error = answer.exception()
    return answer.result() if error is None else Unknown(type(error).__name__)
