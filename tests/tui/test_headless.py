"""Runs without a screen: with the real engine, and with scripted ones for what goes wrong."""

import csv
import errno
import io
import math
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sim.experiment.choices import OPTIMIZERS
from sim.experiment.config import Experiment, Limit
from sim.experiment.errors import ConfigError
from sim.experiment.problem import ProblemConfig
from sim.experiment.resolved import Facts, resolve
from sim.problems import build_formula
from sim.problems.card import Card, card_of
from sim.protocol.answers import Advanced, Answer, Failed, Opened, PlaneNews, Trail, Trouble
from sim.protocol.commands import Advance, Command, Open
from sim.protocol.trace import NO_ROWS, ROW, Rows, Status
from tui import cli, headless
from tui.draw.numbers import decimal
from tui.export import ExportError
from tui.headless import descend, run_headless
from tui.options.asked import prepare
from tui.options.options import Options
from tui.session.link import InlineLink
from tui.spool import Spool

LIMIT = Limit("updates", 10)


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tui.options.config_file.default_path", lambda: tmp_path / "none" / "gdsim.toml")


@pytest.fixture(scope="module")
def card() -> Card:
    return card_of(ProblemConfig())


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(limit=LIMIT)


def rows_at(update: int, *, loss: float = 0.5, status: Status = Status.RUNNING) -> Rows:
    """One row of each of three runs, all at the same update."""
    rows = np.zeros(3, dtype=ROW)
    rows["run"], rows["update"], rows["loss"], rows["status"] = (0, 1, 2), update, loss, status
    return rows


def advanced(rows: Rows, *, finished: bool, trouble: Trouble | None = None) -> Advanced:
    """An answer of the engine; how far the clock went, and where the runs are, does not matter here."""
    return Advanced(rows, 1.0, finished, NOWHERE, OPENED.experiment.lineages, () if trouble is None else (trouble,))


NOTHING = Trail(np.empty(0, np.int64), np.empty((0, 2)), np.empty(0), (0.0, 0.0), 0.0)
NOWHERE = PlaneNews(0, "identity", "the two parameters", 1.0, False, (NOTHING,) * 3)
FACTS = Facts(442, 2, dict.fromkeys(OPTIMIZERS, 0.1))
OPENED = Opened(resolve(Experiment(limit=LIMIT), FACTS, "cpu"), rows_at(0), "cpu", 1e-6, NOWHERE)


def engine(answers: Iterable[Answer | Callable[[], Answer]]) -> Callable[[Command], Answer]:
    """An engine that gives these answers to `Advance`, one after the other."""
    script: Iterator[Answer | Callable[[], Answer]] = iter(answers)

    def ask(command: Command) -> Answer:
        if isinstance(command, Open):
            return OPENED
        assert isinstance(command, Advance)
        answer = next(script)
        return answer() if callable(answer) else answer

    return ask


def _ctrl_c_while_busy() -> Answer:
    signal.raise_signal(signal.SIGINT)
    return advanced(rows_at(1, loss=math.nan), finished=False)


def test_ctrl_c_keeps_what_there_is(
    experiment: Experiment, card: Card, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    path = tmp_path / "race.csv"
    assert run_headless(experiment, card, path, engine([_ctrl_c_while_busy])) == 130
    assert len(path.read_text().splitlines()) == 1 + 6
    assert "interrupted" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before


class Connection(io.StringIO):
    """A terminal, until it breaks off."""

    there = True

    def isatty(self) -> bool:
        """It says that it is one."""
        return True

    def write(self, text: str) -> int:
        """Nothing can be written to it then."""
        if not self.there:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(text)


@pytest.mark.parametrize("ignored", [False, True], ids=["alone", "by nohup"])
def test_a_connection_that_breaks_off_keeps_what_there_is(
    experiment: Experiment, card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: bool
) -> None:
    connection, path = Connection(), tmp_path / "race.csv"
    monkeypatch.setattr(sys, "stderr", connection)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)

    def break_off() -> Answer:
        connection.there = False
        signal.raise_signal(signal.SIGHUP)
        return advanced(rows_at(1), finished=False, trouble=Trouble(1, "No room left on the device."))

    try:
        code = run_headless(experiment, card, path, engine([break_off, advanced(rows_at(2), finished=True)]))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert code == (2 if ignored else 128 + signal.SIGHUP)
    assert len(path.read_text().splitlines()) == 1 + (9 if ignored else 6)


def test_a_second_ctrl_c_ends_a_long_update(experiment: Experiment, tmp_path: Path) -> None:
    def twice() -> Answer:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second one interrupts")

    outcome = descend(experiment, engine([advanced(rows_at(1), finished=False), twice]), Spool(tmp_path))
    assert outcome.stopped_by == signal.SIGINT
    assert [rows["update"].tolist() for rows in outcome.pieces()] == [[0, 1]] * 3


def test_a_run_that_fails_says_why_and_the_others_go_on(
    experiment: Experiment, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = advanced(rows_at(1), finished=False, trouble=Trouble(1, "No room left on the device."))
    assert run_headless(experiment, card, None, engine([failing, advanced(rows_at(2), finished=True)])) == 2
    captured = capsys.readouterr()
    assert captured.err == "No room left on the device.\n"
    assert [line.split()[4] for line in captured.out.splitlines()[4:]] == ["2", "2", "2"]


def test_many_updates_are_compiled_which_is_said_and_gives_the_same_bytes_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exports = []
    for name in ("one.csv", "two.csv"):
        run = ["run", "saddle", "--updates=20000", "--run=name=a,batch_size=1", f"--export={tmp_path / name}"]
        assert cli.main(run) == 0
        assert "· seed 0 · compiled on cpu" in capsys.readouterr().out
        exports.append(pl.read_csv(tmp_path / name).drop("seconds"))
    assert len(exports[0]) == 20_001
    assert exports[0].write_csv() == exports[1].write_csv()


def test_what_was_not_compiled_after_all_is_said(
    experiment: Experiment, card: Card, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(command: Command) -> Answer:
        return (
            replace(OPENED, note="No compiler.") if isinstance(command, Open) else advanced(rows_at(1), finished=True)
        )

    assert run_headless(experiment, card, None, ask) == 0
    assert capsys.readouterr().err == "No compiler.\n"


def test_an_engine_that_fails_midway_still_leaves_the_export(
    experiment: Experiment, card: Card, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "race.csv"
    assert run_headless(experiment, card, path, engine([Failed("Out of memory.")])) == 2
    assert capsys.readouterr().err == "Out of memory.\n"
    assert len(path.read_text().splitlines()) == 1 + 3


def test_an_experiment_that_cannot_be_opened(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match="No CUDA here"):
        descend(experiment, lambda _: Failed("No CUDA here.", config=True))


def test_the_summary_comes_also_when_the_export_fails(
    experiment: Experiment, card: Card, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExportError, match="rows were not saved"):
        run_headless(experiment, card, tmp_path / "gone" / "race.csv", engine([advanced(NO_ROWS, finished=True)]))
    assert "stochastic" in capsys.readouterr().out


def test_the_summary_in_full(experiment: Experiment, card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    last = rows_at(7, loss=math.inf, status=Status.DIVERGED)
    last["examples"], last["epoch"] = 3094, 7.0
    assert run_headless(experiment, card, None, engine([advanced(last, finished=True)])) == 0
    title, facts, _, head, batch, *others = capsys.readouterr().out.splitlines()
    assert title.startswith(card.title)
    assert facts == "442 examples · each run for 10 updates · seed 0 · torch on cpu"
    assert head.split()[-4:] == ["examples", "seconds", "loss", "status"]
    assert batch.startswith("batch ")
    assert batch.endswith("∞  diverged at update 7")
    assert len({line.index("diverged") for line in (batch, *others)}) == 1
    assert "3,094" in batch


def _export(path: Path, *arguments: str) -> list[dict[str, str]]:
    assert cli.main(["run", *arguments, "--export", str(path)]) == 0
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_real_run_exports_every_update(tmp_path: Path, capsys: pytest.CaptureFixture[str], device: str) -> None:
    arguments = ["linear", "--updates", "20", "--loss-every", "7", "--seed", "1", "--device", device]
    rows = _export(tmp_path / "a.csv", *arguments)
    captured = capsys.readouterr()
    assert captured.err == ""  # no progress bar where stderr is no terminal
    assert f"63 rows in {tmp_path / 'a.csv'}" in captured.out
    for name, size in (("batch", 442), ("mini-batch", 32), ("stochastic", 1)):
        own = [row for row in rows if row["run"] == name]
        assert [int(row["update"]) for row in own] == list(range(21))
        assert [row["update"] for row in own if row["loss"]] == ["0", "7", "14", "20"]
        assert own[1]["examples"] == str(size)
        assert [own[0][column] for column in ("batch_loss", "grad_norm", "lr")] == ["", "", ""]
    again = _export(tmp_path / "b.csv", *arguments)
    assert [row | {"seconds": ""} for row in again] == [row | {"seconds": ""} for row in rows]


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_many_seeds_are_exported_one_after_the_other_as_each_alone_is(
    tmp_path: Path, extension: str, capsys: pytest.CaptureFixture[str]
) -> None:
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}[extension]
    asked = ("run", "saddle", "--updates", "40", "--mini-batch-size", "8")
    assert cli.main([*asked, "--seed", "5", "--seeds", "3", "--export", str(tmp_path / f"all.{extension}")]) == 0
    assert "369 rows in" in capsys.readouterr().out
    frame = read(tmp_path / f"all.{extension}")
    assert frame.columns[0] == "seed"
    for seed in (5, 6, 7):
        path = tmp_path / f"{seed}.{extension}"
        assert cli.main([*asked, "--seed", str(seed), "--backend", "compiled", "--export", str(path)]) == 0
        assert frame.filter(pl.col("seed") == seed).drop("seed", "seconds").equals(read(path).drop("seconds"))


def test_the_summary_of_many_seeds_has_medians_bands_and_outcomes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "race.csv"
    assert cli.main(["run", "saddle", "--updates=150", "--seeds=9", f"--export={path}", "--lr=0.05"]) == 0
    _, facts, _, head, *lines = capsys.readouterr().out.splitlines()
    assert facts == "256 examples · each run for 150 updates · seeds 0 to 8 · compiled on cpu"
    assert head.split()[-5:] == ["median", "loss", "10%", "90%", "status"]
    last = pl.read_csv(path).filter(pl.col("update") == 150)
    for line, name in zip(lines, ("batch", "mini-batch", "stochastic"), strict=False):
        losses = last.filter(pl.col("run") == name)["loss"].to_numpy()
        shown = line.split()[8:11]
        assert shown == [decimal(share) for share in np.quantile(losses, (0.5, 0.1, 0.9))]
    heads = last.filter(pl.col("run") == "stochastic")["y"]
    left, above = heads.filter(heads.abs() > 0.5), heads.filter(heads > 0.5)
    assert len(above) < len(left)
    assert lines[-3] == (
        f"stochastic  left the saddle: {len(left)} of 9; above: {len(above)}, below: {len(left) - len(above)}"
    )


def test_what_many_seeds_do_in_some_seconds_is_not_exported_nor_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", "saddle", "--seeds=2", "--seconds=0.1"]
    assert cli.main([*asked, f"--export={tmp_path / 'race.csv'}"]) == 2
    assert "use --updates or --epochs" in capsys.readouterr().err
    assert cli.main([*asked, f"--record={tmp_path / 'race.gdsim'}"]) == 2
    assert "leave out --seeds, or --record" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_plain_gradient_descent_by_hand(tmp_path: Path, device: str) -> None:
    """The batch run's exported path against gradient descent on the least squares, written out in numpy."""
    run = ("--run", "name=batch,batch_size=all", "--lr", "0.25", "--device", device)
    rows = _export(tmp_path / "a.csv", "--updates", "25", *run)
    formula = build_formula(ProblemConfig())
    x, y = formula.inputs.reshape(-1), formula.targets
    point = np.array(formula.start)
    for row in rows[1:]:
        error = point[0] * x + point[1] - y
        assert float(row["batch_loss"]) == pytest.approx(np.mean(error**2), rel=1e-10)
        point = point - 0.25 * 2 * np.array([np.mean(error * x), np.mean(error)])
        np.testing.assert_allclose([float(row["x"]), float(row["y"])], point, rtol=1e-10)


@pytest.mark.parametrize(
    ("option", "value", "column"), [("--epochs", "0.5", "epoch"), ("--seconds", "0.01", "seconds")]
)
def test_other_limits(tmp_path: Path, option: str, value: str, column: str, device: str) -> None:
    rows = _export(tmp_path / "a.csv", option, value, "--run", "name=a,batch_size=32", "--device", device)
    readings = [float(row[column]) for row in rows]
    assert readings[-2] < float(value) <= readings[-1]


def test_a_models_export_does_not_depend_on_when_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    frames = []
    for budget in (0.0, 60.0):
        monkeypatch.setattr(headless, "_BUDGET", budget)
        path = tmp_path / f"{budget}.csv"
        experiment, card = prepare("linear", Options(model="mlp", dataset="iris", device=device))
        experiment = replace(experiment, limit=Limit("updates", 60))
        assert run_headless(experiment, card, path, InlineLink().ask) == 0
        frames.append(pl.read_csv(path).drop("seconds"))
    assert frames[0].equals(frames[1])
    assert frames[0]["distance"].null_count() == 0


def test_a_run_that_failed_says_so_in_its_last_row(tmp_path: Path, device: str) -> None:
    (tmp_path / "own.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "def model():\n    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))\n\n\n"
        "def data():\n    return torch.randn(41, 3), torch.arange(41) % 2\n"
    )
    options = Options(model=str(tmp_path / "own.py"), run=("batch_size=8",), test_fraction=0.0, device=device)
    experiment, card = prepare("linear", options)
    experiment = replace(experiment, limit=Limit("updates", 30))
    path = tmp_path / "trace.csv"
    assert run_headless(experiment, card, path, InlineLink().ask) == 2
    last = pl.read_csv(path).row(-1, named=True)
    assert (last["update"], last["status"]) == (5, "failed")  # 5 times 8 examples, and a single one
    assert last["loss"] > 0


def test_changes_that_were_planned_for_later_than_the_end_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """By updates, each moment has one update of each run: ten of them end at moment 10."""
    made = ("moment=9,run=batch,lr=0.1", "moment=10,clock=examples")
    late = ("moment=11,clock=seconds", "moment=1200,fork=batch,update=3,name=late")
    asked = [f"--change={one}" for one in (*made, *late)]
    assert cli.main(["run", "linear", "--updates=10", "--clock=updates", *asked]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "The change at moment 11 was not made: the runs ended at moment 10.",
        "The change at moment 1,200 was not made: the runs ended at moment 10.",
    ]


def test_the_summary_says_the_rate_that_only_the_engine_knew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    (tmp_path / "own.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef model():\n    return nn.Linear(2, 1)\n\n\n"
        "def data():\n    return torch.randn(20, 2), torch.randn(20, 1)\n"
    )
    assert cli.main(["run", "--model", str(tmp_path / "own.py"), "--updates", "3", "--device", device]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if " sgd " in line]
    assert [line[:4] for line in lines] == [
        ["batch", "all", "sgd", "0.02000"],
        ["mini-batch", "8", "sgd", "0.02000"],
        ["stochastic", "1", "sgd", "0.02000"],
    ]
