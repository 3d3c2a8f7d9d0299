"""The commands about where options come from: `gdsim config path`, `gdsim config show`."""

from dataclasses import asdict

from cyclopts import App, ArgumentCollection

from tui import plain_text
from tui.options import config_file
from tui.options.arguments import USUAL_MEMORY, HistoryMemory, Problem, Theme
from tui.options.options import Options

_UNSAID = {"data": "none", "features": "none", "target": "none", "model": "none", "run": "the default three"}


class Sources:
    """Remembers, for `gdsim config show`, where the value of each option was found."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def __call__(self, _app: App, _commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        self.found = {
            argument.field_info.name: argument.tokens[0].keyword or "command line"
            for argument in arguments
            if argument.tokens
        }


sources = Sources()
app = App(name="config", help="Where options come from.", help_epilogue="")


@app.command(help_epilogue="")
def path() -> int:
    """Print where gdsim looks for your own TOML file."""
    print(config_file.default_path())
    return 0


@app.command(usage="Usage: gdsim config show [PROBLEM] [OPTIONS]", help_epilogue="")
def show(
    problem: Problem = "linear",
    *,
    options: Options = Options(),  # noqa: B008
    theme: Theme = None,
    history_memory: HistoryMemory = USUAL_MEMORY,
) -> int:
    """Print the effective value of every option, and where it comes from."""
    values = {"problem": problem, **asdict(options), "theme": theme, "history_memory": history_memory}
    rows = [(name, _shown(name, value), sources.found.get(name, "default")) for name, value in values.items()]
    print(*plain_text.table(rows), sep="\n")
    return 0


def _shown(name: str, value: object) -> str:
    if value is None or value == ():
        return _UNSAID.get(name, "automatic")
    if isinstance(value, bool):
        return str(value).lower()
    return " | ".join(value) if isinstance(value, tuple) else str(value)
