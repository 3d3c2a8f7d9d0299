"""Options from environment variables."""

import inspect
from collections.abc import Callable

import pytest
from cyclopts import App, ArgumentCollection

from tui import cli
from tui.options import environment


@pytest.mark.parametrize("command", [cli.screen, cli.run])
def test_what_a_command_takes_may_come_from_there(command: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"options", "end"}
    for name in set(inspect.signature(command).parameters) - groups - {"resume"}:
        monkeypatch.setenv(f"GDSIM_{name.upper()}", "x")
    environment.check(App(), (), ArgumentCollection())
