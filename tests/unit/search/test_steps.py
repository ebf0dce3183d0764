"""Procedures share their requests: as many as the longest one has steps, and an error stays with its own."""

from contextlib import suppress

import pytest

from invenio_stats.search.client import SearchRequest
from invenio_stats.search.steps import fetch_all, run, together


class Engine:
    """Answers each search with its index; one of them with an error."""

    class Refused(Exception):
        """The error of one search."""

    def __init__(self):
        self.asked = []

    def drive(self, procedure):
        """Do what `run` does, without a search engine."""
        requests = next(procedure, None)
        with suppress(StopIteration):
            while True:
                self.asked.append([request.index for request in requests])
                requests = procedure.send([self.search] * len(requests))

    def search(self, request):
        if request.index == "refused":
            raise self.Refused
        return {"of": request.index}


def procedure(results, name, *steps):
    """Ask for the indices of each step, and note what was found."""
    found = []
    for indices in steps:
        responses = yield from fetch_all([SearchRequest(None, index, {}) for index in indices])
        found += [response["of"] for response in responses]
    results[name] = found
    return found


def test_as_many_requests_as_the_longest_procedure_has_steps():
    results, engine = {}, Engine()
    parts = [
        procedure(results, "first", ["a"], ["b", "c"], ["d"]),
        procedure(results, "none"),
        procedure(results, "second", ["e", "f"], [], ["g"]),
    ]
    engine.drive(together(parts))
    assert engine.asked == [["a", "e", "f"], ["b", "c", "g"], ["d"]]
    assert results == {"first": ["a", "b", "c", "d"], "none": [], "second": ["e", "f", "g"]}


def test_results_are_in_the_order_of_the_procedures():
    assert run(together([procedure({}, "empty"), together([]), together([procedure({}, "also")])])) == [[], [], [[]]]


def test_an_error_reaches_only_the_procedure_that_asked():
    results, engine = {}, Engine()

    def forgiving():
        try:
            yield from procedure(results, "never", ["refused"])
        except Engine.Refused:
            yield from procedure(results, "instead", ["b"])

    engine.drive(together([forgiving(), procedure(results, "other", ["a"], ["c"])]))
    assert engine.asked == [["refused", "a"], ["b", "c"]]
    assert results == {"instead": ["b"], "other": ["a", "c"]}


def test_an_error_that_nobody_handles_is_raised():
    with pytest.raises(Engine.Refused):
        Engine().drive(together([procedure({}, "first", ["a"]), procedure({}, "second", ["refused"])]))
