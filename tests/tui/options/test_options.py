"""Options to experiments and back, and the three sources that options come from."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest

from sim.experiment.choices import OPTIMIZERS
from sim.experiment.config import Experiment, Limit, RunConfig, default_runs
from sim.experiment.document import from_document, to_document
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Point
from sim.experiment.journal import ClockChange
from sim.experiment.problem import ModelConfig, ProblemConfig
from sim.experiment.resolved import Facts, resolve_run
from tui import cli
from tui.options.asked import parse_run, prepare
from tui.options.command_line import command_line
from tui.options.keys import RUN_KEYS
from tui.options.options import DEFAULTS, Options
from tui.options.values import whole
from tui.settings import CHOSEN, TYPED


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tui.options.config_file.default_path", lambda: tmp_path / "none" / "gdsim.toml")


def parse(arguments: Sequence[str]) -> Experiment:
    """The experiment that a command line asks for, through the real parser."""
    command, bound, _ = cli.app.parse_args(list(arguments), exit_on_error=False, print_error=False)
    values = dict(bound.arguments)
    limit = values["end"].limit if "end" in values else None
    assert (limit is not None) == (command is cli.run)
    experiment, _ = prepare(values.get("problem", "linear"), values.get("options", Options()))
    return replace(experiment, limit=limit)


def test_defaults_are_three_descents_with_the_problems_own_rate_and_start() -> None:
    assert parse([]) == Experiment()


def test_options_of_the_runs_hold_for_all_three() -> None:
    runs = parse(["--lr", "0.125", "--momentum=0.5", "--nesterov", "--mini-batch-size", "64", "--drop-last"]).runs
    assert [run.name for run in runs] == ["batch", "mini-batch", "stochastic"]
    assert [run.batch_size for run in runs] == ["all", 64, 1]
    assert {(run.lr, run.momentum, run.nesterov, run.drop_last) for run in runs} == {(0.125, 0.5, True, True)}


def test_options_of_the_runs_fill_what_a_run_leaves_out() -> None:
    arguments = ["--lr=0.5", "--mini-batch-size=16", "--run", "name=a,lr=0.25", "--run", "name=b,batch-size=all"]
    assert parse(arguments).runs == (RunConfig("a", 16, lr=0.25), RunConfig("b", "all", lr=0.5))


@pytest.mark.parametrize("arguments", [["--start", "-1,2"], ["--start=-1,2"], ["sine", "--start", "-1, 2e0"]])
def test_a_start_may_be_negative(arguments: list[str]) -> None:
    assert parse(arguments).start == Point(-1.0, 2.0)


def test_whole_numbers_are_not_rounded() -> None:
    assert parse(["--seed", "1e3"]).seed == 1000
    assert parse(["--seed", str(2**63 - 1)]).seed == 2**63 - 1


@pytest.mark.parametrize("text", ["1e3", "1_000", " 1000.0 ", "+1000", "10000e-1"])
def test_a_whole_number_may_be_written_in_many_ways(text: str) -> None:
    assert whole(text) == 1000


def test_a_whole_number_is_exact_and_has_an_end() -> None:
    assert whole(f"{2**62 + 1}.0") == 2**62 + 1
    for text in (str(2**63), "-1e19", "1e999999999", "9" * 5000, "inf"):
        with pytest.raises(ValueError, match="between -2\\^63 and 2\\^63"):
            whole(text)
    for text in ("1.5", "1e-999999999", "nan", "snan", "0x10", "", "ten"):
        with pytest.raises(ValueError, match="must be a whole number, not"):
            whole(text)


def test_command_line_before_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "lesson.toml"
    file.write_text('problem = "sine"\nlr = 0.5\nmomentum = 0.25\nmini-batch-size = 8\nnesterov = true\nstart=[-1, 2]')
    monkeypatch.setenv("GDSIM_CONFIG", str(file))
    monkeypatch.setenv("GDSIM_MOMENTUM", "0.5")
    monkeypatch.setenv("GDSIM_MINI_BATCH_SIZE", "16")
    experiment = parse(["--mini-batch-size", "64"])
    assert (experiment.problem, experiment.start) == (ProblemConfig("sine"), Point(-1, 2))
    assert experiment.runs[1] == RunConfig("mini-batch", 64, lr=0.5, momentum=0.5, nesterov=True)


def test_the_file_in_its_usual_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gdsim.toml"
    file.write_text("seed = 5\ntheme = 'nord'\n")
    monkeypatch.setattr("tui.options.config_file.default_path", lambda: file)
    assert parse(["run", "--updates", "10"]).seed == 5  # and a theme, meant for the screen, is no mistake here


def test_runs_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "runs.toml"
    file.write_text(
        '[[runs]]\nname = "big one"\nbatch_size = "all"\nlr = 0.5\n'
        '[[runs]]\nname = "nag"\nbatch-size = 4\nlr = 1\nmomentum = 0.9\nnesterov = true\n'
    )
    first = RunConfig("big one", "all", lr=0.5)
    assert parse(["--config", str(file)]).runs == (first, RunConfig("nag", 4, lr=1.0, momentum=0.9, nesterov=True))
    assert [run.name for run in parse(["--config", str(file), "--run", "name=only"]).runs] == ["only"]


def test_runs_in_the_environment_are_parted_by_semicolons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDSIM_RUN", "name=big one,batch_size=all;name=b,batch_size=2")
    assert [(run.name, run.batch_size) for run in parse([]).runs] == [("big one", "all"), ("b", 2)]


def test_data_of_a_file_lie_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "points.csv").write_text("x,y\n1,2\n2,3\n3,5\n")
    (tmp_path / "lesson.toml").write_text('data = "points.csv"\nfeatures = ["x"]\ntarget = "y"\n')
    monkeypatch.chdir("/")
    assert parse(["--config", str(tmp_path / "lesson.toml")]).problem.features == ("x",)


UNUSUAL = RunConfig(
    name="unusual",
    batch_size=8,
    lr=0.5,
    optimizer="rmsprop",
    momentum=0.25,
    nesterov=False,
    sampling="replacement",
    drop_last=True,
    schedule="cosine",
    schedule_updates=30,
    loss_every=7,
)
NESTEROV = replace(UNUSUAL, optimizer="sgd", nesterov=True)
"""Between them no setting of a run is as by default."""

EXPERIMENTS = {
    "default": Experiment(),
    "problem, seed, clock": Experiment(ProblemConfig("sine"), seed=3, clock="examples", device="cpu"),
    "start": Experiment(start=Point(-1.0, 0.1 + 0.2)),
    "backend": Experiment(backend="compiled"),
    "shared rate": Experiment(runs=tuple(RunConfig(run.name, run.batch_size, lr=1e-07) for run in default_runs(64))),
    "nesterov": Experiment(
        runs=tuple(RunConfig(run.name, run.batch_size, momentum=0.9, nesterov=True) for run in default_runs())
    ),
    "own runs": Experiment(
        runs=(
            RunConfig("a b's", "all", lr=0.05),
            RunConfig("$HOME", 128, optimizer="adam", schedule="one-cycle", schedule_updates=50),
            RunConfig("c", 3, optimizer="rmsprop", momentum=0.25, sampling="replacement", drop_last=True),
        )
    ),
    "own rate each": Experiment(
        runs=tuple(RunConfig(run.name, run.batch_size, lr=2.0**-index) for index, run in enumerate(default_runs()))
    ),
    "loss every": Experiment(runs=tuple(RunConfig(run.name, run.batch_size, loss_every=7) for run in default_runs())),
    "unusual runs": Experiment(runs=(UNUSUAL, replace(NESTEROV, name="nesterov"))),
    "unusual for all": Experiment(
        runs=tuple(replace(NESTEROV, name=run.name, batch_size=run.batch_size) for run in default_runs(8))
    ),
    "a model on another plane": Experiment(ModelConfig(hidden=(8, 4), dataset="wine"), plane="heads"),
    "a change of clock": Experiment(changes=(ClockChange(50, "examples"), ClockChange(70, "seconds"))),
    "limit": Experiment(limit=Limit("updates", 100)),
    "epochs": Experiment(limit=Limit("epochs", 2.5)),
}


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS.keys())
def test_a_command_line_gives_the_experiment_again(experiment: Experiment) -> None:
    words = shlex.split(command_line(experiment))
    assert words[0] == "gdsim"
    assert parse(words[1:]) == experiment


@pytest.mark.parametrize("setting", [field.name for field in fields(RunConfig)])
def test_a_setting_of_a_run_can_be_said_everywhere(setting: str) -> None:
    """Beside this, that it comes through as it was said is asserted of all experiments above."""
    usual = {field.name: field.default for field in fields(RunConfig)}[setting]
    assert {getattr(UNUSUAL, setting), getattr(NESTEROV, setting)} != {usual}, "give UNUSUAL another value of it"
    assert setting in RUN_KEYS, "add it to RUN_KEYS of tui/options/options.py"
    if setting not in ("name", "batch_size"):
        assert setting in DEFAULTS, "add it to Options of tui/options/options.py"
    if setting not in ("name", "loss_every"):
        assert setting in {*TYPED, *CHOSEN}, "add it to TYPED or CHOSEN of tui/settings.py"
    facts = Facts(100, 2, dict.fromkeys(OPTIMIZERS, 0.1))
    for run in (UNUSUAL, NESTEROV):
        assert getattr(resolve_run(run, facts), setting) == getattr(run, setting), "add it to Run of resolved.py"
        assert from_document(to_document(Experiment(runs=(run,)))).runs == (run,), "add it to _KINDS of document.py"


def test_a_command_line_with_the_users_data(tmp_path: Path) -> None:
    data = tmp_path / "my data.csv"
    data.write_text('"a,b",c d\n1,2\n2,3\n3,5\n')
    problem = ProblemConfig("linear", data=str(data), features=("a,b",), target="c d", scale="standard")
    experiment = Experiment(problem, runs=default_runs(1))
    assert parse(shlex.split(command_line(experiment))[1:]) == experiment


def test_a_file_whose_name_is_no_text_has_no_command_line() -> None:
    with pytest.raises(ConfigError, match="whose name is not UTF-8"):
        command_line(Experiment(ProblemConfig("linear", data=os.fsdecode(b"m\xffne.csv"))))


def test_a_command_line_says_only_what_differs() -> None:
    assert command_line(Experiment(seed=3)) == "gdsim linear --seed=3"
    assert command_line(Experiment(limit=Limit("updates", 100))) == "gdsim run linear --updates=100"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("nme=a", "did you mean 'name'"),
        ("name=a,momentun=0.9", "did you mean 'momentum'"),
        ("a", "key=value"),
        ("", "key=value"),
        ("name=a,lr=fast", "lr must be a number, not 'fast'"),
        ("name=a,batch_size=many", "a positive whole number or 'all', not 'many'"),
        ("name=a,schedule_updates=1.5", "whole number"),
        ("name=a,nesterov=perhaps", "true or false"),
        ("name=a,lr=1,lr=2", "lr twice"),
    ],
)
def test_a_run_that_says_nonsense(text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        parse_run(text)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        (("moment=50",), "one of clock, run, fork and remove"),
        (("moment=50,clock=second",), "did you mean 'seconds'"),
        (("moment=-1,clock=seconds",), "0 or more"),
        (("moment=many,clock=seconds",), "whole number"),
        (("moment=9,clock=seconds", "moment=9,clock=updates"), "in the order of their moments"),
    ],
)
def test_a_change_that_says_nonsense(changes: tuple[str, ...], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        prepare("linear", Options(change=changes))
