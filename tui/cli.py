"""The command line: `gdsim`, `gdsim run`, `gdsim list`, and the commands that others have."""

import errno
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    Group,
    Parameter,
    UnusedCliTokensError,
)

from sim.experiment.choices import (
    BACKENDS,
    CLOCKS,
    DATASETS,
    MODELS,
    NETWORKS,
    OPTIMIZERS,
    PLANES,
    SAMPLINGS,
    SCALES,
    SCHEDULES,
)
from sim.experiment.errors import ConfigError, choose, suggest
from sim.experiment.own_files import named_file
from sim.loading import loading
from tui import config_commands, plain_text, recording_commands, run_command
from tui.options import config_file, environment
from tui.options.arguments import USUAL_MEMORY, HistoryMemory, Problem, Theme, in_bytes, problem_names
from tui.options.end import End
from tui.options.options import Options
from tui.shell import BAD_INPUT, INTERRUPTED, NOT_SAVED, complain, has_terminal, open_streams, require_terminal

if TYPE_CHECKING:
    from sim.experiment.config import Experiment
    from sim.problems.card import Card

_COMMANDS = ("run", "replay", "resume", "info", "export", "list", "config")
_HELP = "Gradient descent in the terminal: batch, stochastic and mini-batch side by side."
_USAGE = """\
Usage: gdsim [PROBLEM] [OPTIONS]
       gdsim run|replay|resume|info|export|list|config ..."""
_EXAMPLES = """\
Examples:

  gdsim                                three descents race down one valley
  gdsim sine --seed 3                  another problem, another order
  gdsim --start -1,2 --lr 0.05         where to begin, and how fast
  gdsim --run name=big,batch_size=128 --run name=adam,optimizer=adam,lr=0.1
  gdsim --data points.csv --features x --target y
  gdsim --model mlp --clock examples
  gdsim run linear --updates 1000 --export race.csv
  gdsim --record race.gdsim            and later: gdsim replay race.gdsim

Options come from the command line, else from the environment (GDSIM_LR=0.1),
else from a TOML file (gdsim config path). gdsim list says what there is."""
_OUTPUT = Group("Output", sort_key=6)
Record = Annotated[
    Path | None, Parameter(help="Record all of it in FILE.gdsim; see gdsim replay.", group=_OUTPUT, metavar="FILE")
]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # a quarter of the time to the help

    try:
        return f"gdsim {version('gdsim')}"
    except PackageNotFoundError:
        return "gdsim, run from its source without being installed"


app = App(
    name="gdsim",
    help=_HELP,
    usage=_USAGE,
    help_format="plaintext",
    help_epilogue=_EXAMPLES,
    version=_version,
    config=(environment.check, environment.fill_in, config_file.fill_in, config_commands.sources),
    suppress_keyboard_interrupt=False,
)
app.command("tui.completion:install", name="--install-completion", help="Install completion for your shell.")
app.command(config_commands.app)


@app.default
def screen(
    problem: Problem = "linear",
    *,
    options: Options = Options(),  # noqa: B008
    theme: Theme = None,
    history_memory: HistoryMemory = USUAL_MEMORY,
    record: Record = None,
) -> int:
    """Watch the runs on a screen."""
    memory = in_bytes(history_memory)
    if not has_terminal():
        _prepare(problem, options)
        require_terminal("use `gdsim run` for runs without a screen")
    _require_known(problem)
    from tui.session.engine_process import EngineProcess

    engine = EngineProcess()  # it loads torch while the screen loads what it needs
    with loading():
        from tui.curtain import curtain

    with curtain(theme):
        experiment, card = _prepare(problem, options)
        if record is not None:
            _require_one_seed(experiment)
            from sim.recording.writer import check as check_recording

            check_recording(record)
        with loading():
            from tui.showing import run_app

        return run_app(experiment, card, engine, theme=theme, record=record, memory=memory)


@app.command(usage="Usage: gdsim run [PROBLEM] [OPTIONS]", help_epilogue="")
def run(
    problem: Problem = "linear",
    *,
    options: Options = Options(),  # noqa: B008
    end: End = End(),  # noqa: B008
    export: Annotated[Path | None, Parameter(group=_OUTPUT, metavar="FILE")] = None,
    record: Record = None,
    resume: Annotated[Path | None, Parameter(group=_OUTPUT, metavar="FILE")] = None,
    json: Annotated[bool, Parameter(group=_OUTPUT, negative=())] = False,
) -> int:
    """Run without a screen: a summary on stdout, each update in a file.

    Args:
        export: Write a row for each update and run to FILE.csv, FILE.jsonl or FILE.parquet.
        resume: Go on where FILE.gdsim ends, and in it; it says all that the other options would.
        json: Print the summary as a JSON object.
    """
    from tui.export import check

    if export is not None:
        check(export)
    if resume is not None:
        _refuse_beside_resume()
        return run_command.go_on(resume, end.limit, export, json=json)
    if record is not None:
        from sim.recording.writer import check as check_recording

        check_recording(record)
    experiment, card = _prepare(problem, options)
    if end.limit is None:
        raise ConfigError("Say where the runs end, with --updates, --epochs or --seconds.")
    if record is not None:
        _require_one_seed(experiment)
    if export is not None and experiment.seeds > 1 and end.limit.unit == "seconds":
        raise ConfigError("What many seeds do in some seconds cannot be exported; use --updates or --epochs.")
    return run_command.run(replace(experiment, limit=end.limit), card, export, record, json=json)


def _refuse_beside_resume() -> None:
    """Refuse what the recording says."""
    given = [
        name
        for name, source in config_commands.sources.found.items()
        if source == "command line" or source.startswith("-")
    ]
    beside = [name for name in given if name not in ("resume", "export", "json", "updates", "epochs", "seconds")]
    if beside:
        option = "the problem" if beside[0] == "problem" else f"--{beside[0].replace('_', '-')}"
        raise ConfigError(f"The recording that is resumed says all about its runs; leave out {option}.")


for _command, _words in recording_commands.COMMANDS.items():
    app.command(_command, usage=f"Usage: gdsim {_words}", help_epilogue="")


@app.command(name="list", help_epilogue="")
def list_() -> int:
    """List the problems, models, optimizers and so on."""
    from sim.problems import registry

    problems = {name: entry.sentence for name, entry in registry().items()}
    chapters: tuple[tuple[str, Iterable[tuple[str, str]]], ...] = (
        ("Problems", problems.items()),
        ("Models (--model)", MODELS.items()),
        ("Data for models (--dataset)", DATASETS.items()),
        ("Planes for models (--plane)", PLANES.items()),
        ("Optimizers (--optimizer)", {name: kind.sentence for name, kind in OPTIMIZERS.items()}.items()),
        ("Schedules of the learning rate (--schedule)", SCHEDULES.items()),
        ("Samplings (--sampling)", SAMPLINGS.items()),
        ("Clocks (--clock)", {name: kind.sentence for name, kind in CLOCKS.items()}.items()),
        ("Scales of the inputs (--scale)", SCALES.items()),
        ("Backends (--backend)", BACKENDS.items()),
    )
    width = max(len(name) for _, entries in chapters for name, _ in entries)
    for title, entries in chapters:
        print(title, *plain_text.table([(f"  {name:{width}}", sentence) for name, sentence in entries]), "", sep="\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line (by default the process's own) and return the exit code.

    0: done. 1: something could not be saved, or nobody reads the output. 2: bad input, or a run that failed; one
    sentence on stderr says what. 130: Ctrl-C. 143, 129: SIGTERM, SIGHUP, but on a screen that stands, which they close
    in order.
    """
    open_streams()
    try:
        code = app(
            sys.argv[1:] if arguments is None else arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return complain(_sentence(error), BAD_INPUT)
    except ConfigError as error:
        return complain(str(error), BAD_INPUT)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO):
            raise
        # so that the interpreter's own last flush finds somewhere to write to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_SAVED if error.errno == errno.EPIPE else complain(f"Cannot write: {error.strerror}.", NOT_SAVED)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code or 0


def _require_one_seed(experiment: "Experiment") -> None:
    if experiment.seeds > 1:
        raise ConfigError("A recording is of one seed; leave out --seeds, or --record.")


def _require_known(problem: str) -> None:
    if problem in app and not problem.startswith("-"):
        raise ConfigError(f"{problem} is a command and comes first, before all options: gdsim {problem} ...")
    if problem in NETWORKS:
        raise ConfigError(f"{problem} is a model, not a problem: choose it with --model {problem}.")
    if named_file(problem, "") is None:
        choose(problem, [*problem_names(), *_COMMANDS], "problem or command")


def _prepare(problem: str, options: Options) -> "tuple[Experiment, Card]":
    _require_known(problem)
    try:
        Path.cwd()
    except OSError:
        raise ConfigError("The folder that gdsim was started in is gone; go to another one.") from None
    from tui.options.asked import prepare

    return prepare(problem, options)


def _sentence(error: CycloptsError) -> str:
    """What cyclopts has to say about the command line, in one line and in the words of our own errors."""
    match error:
        case UnusedCliTokensError(unused_tokens=[first, *_]):
            return f"One problem at most, and then options that begin with --; {first!r} is too much."
        case CoercionError(token=token, target_type=kind) if token and get_origin(kind) is Literal:
            return f"Unknown {token.keyword} {token.value!r}; {suggest(token.value, get_args(kind))}"
        case _:
            return " ".join(str(error).split()).replace(". Did you mean", "; did you mean")
