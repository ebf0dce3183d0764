"""Run the blocks of one page in their order, as a reader would try them.

What a page sets in capitals is configuration: the next block that needs an application runs in one that has it.
"""

import doctest
import json
import shlex
import sys
from collections.abc import Callable
from contextvars import copy_context
from types import ModuleType
from typing import Any

from flask import Flask

from tests.docs_support.answers import is_same_json, is_same_text, shown
from tests.docs_support.blocks import Block
from tests.docs_support.commands import Command, check_other, commands, groups

CreateApp = Callable[..., Flask]


class PageRun:
    """One page while it is tried."""

    def __init__(self, create_app: CreateApp, app_config: dict[str, Any]):
        """Make applications with this configuration and what the page adds."""
        self.create_app = create_app
        self.app_config = app_config
        self.namespace: dict[str, Any] = {"__name__": "__page__"}
        self.modules: list[str] = []
        self._app: Flask | None = None
        self._settings: dict[str, Any] = {}
        self._request: Block | None = None
        self._runners: dict[str, Callable[[Block], None]] = {
            "python": self._python,
            "pycon": self._pycon,
            "console": self._console,
            "http": self._http,
            "json": self._json,
            "text": lambda block: None,
        }

    def run(self, block: Block) -> None:
        """Run one block; AssertionError says where the page is wrong."""
        assert block.language in self._runners, (
            f"{block}: nobody runs {block.language!r}; use one of {[*self._runners]}"
        )
        self._runners[block.language](block)

    def close(self) -> None:
        """Forget the modules that the page has made."""
        for name in self.modules:
            sys.modules.pop(name, None)

    @property
    def app(self) -> Flask:
        """The application as the page has configured it so far."""
        settings = {key: value for key, value in self.namespace.items() if key.isupper()}
        if self._app is None or settings != self._settings:
            self._app = self.create_app(**{**self.app_config, **settings})
            self._settings = settings
        return self._app

    def _python(self, block: Block) -> None:
        code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
        caption = block.options.get("caption", "")
        namespace = self._module(caption) if caption.endswith(".py") else self.namespace
        if "no-app" in block.options or caption:
            exec(code, namespace)
            return
        with self.app.app_context():
            exec(code, namespace)

    def _module(self, path: str) -> dict[str, Any]:
        """Make a module, with its package, of a block that shows one."""
        names = path.removesuffix(".py").split("/")
        for length in range(1, len(names) + 1):
            name = ".".join(names[:length])
            if name not in sys.modules:
                sys.modules[name] = ModuleType(name)
                self.modules.append(name)
        return vars(sys.modules[".".join(names)])

    def _pycon(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self.namespace, str(block), str(block.page), block.line - 1
        )
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        said: list[str] = []
        with self.app.app_context():
            result = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append, clear_globs=False)
        self.namespace.update(test.globs)
        assert not result.failed, "".join(said)

    def _console(self, block: Block) -> None:
        found = list(commands(block.text))
        assert found, f"{block}: no line begins with '$ '"
        for command in found:
            self._command(block, command)

    def _command(self, block: Block, command: Command) -> None:
        words = shlex.split(command.line)
        if words[0] != "invenio":
            check_other(command.line)
            return
        group = groups()[words[1]]
        # Click does not close a context whose arguments were refused: the application's would stay for later commands.
        result = copy_context().run(
            self.app.test_cli_runner().invoke,
            group,
            words[2:],
            prog_name=f"invenio {words[1]}",
            env={"COLUMNS": "100"},
        )
        wanted = 2 if command.output.startswith("Usage:") else int(command.output.startswith("error:"))
        output = result.output.replace(self.app_config["SEARCH_INDEX_PREFIX"], "")
        assert result.exit_code == wanted, (
            f"{block}: {command.line} exits {result.exit_code}\n{output}{result.exception!r}"
        )
        assert not command.output or is_same_text(command.output, output), f"{block}: {command.line} prints\n{output}"

    def _http(self, block: Block) -> None:
        if not block.text.startswith("HTTP/"):
            self._request = block
            return
        assert self._request is not None, f"{block}: an answer without a request before it"
        method, path, headers, body = _message(self._request.text)
        response = self.app.test_client().open(path, method=method, headers=headers, data=body)
        _, status, expected_headers, expected = _message(block.text)
        found = response.get_data(as_text=True)
        assert int(status) == response.status_code, f"{block}: it is {response.status}\n{found}"
        for name, value in expected_headers.items():
            assert response.headers[name] == value, f"{block}: {name} is {response.headers[name]}"
        found = json.loads(found)
        assert is_same_json(json.loads(expected), found), f"{block}: the answer is\n{shown(found)}"

    def _json(self, block: Block) -> None:
        json.loads(block.text)


def _message(text: str) -> tuple[str, str, dict[str, str], str]:
    """Return the first two words, the headers and the body of a message."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    words = first.split()
    return words[0], words[1], dict(line.split(": ", 1) for line in lines), body
