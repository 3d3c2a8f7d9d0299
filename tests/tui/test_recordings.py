"""`gdsim run --record`, `gdsim info` and `gdsim export`: with the real engine, and with one that is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from sim.experiment.errors import ConfigError
from sim.recording.reader import Recording
from tests.patience import PATIENCE
from tui import cli

ROOT = Path(__file__).parents[2]
VERSION_1 = ROOT / "tests/sim/recording/version-1.gdsim"
VERSION_2 = ROOT / "tests/sim/recording/version-2.gdsim"


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)


CHANGED = (
    *("--change", "moment=40,clock=examples", "--change", "moment=60,run=batch,lr=0.05"),
    *("--change", "moment=70,fork=mini-batch,update=30,name=small,batch_size=8"),
    *("--change", "moment=90,fork=small,update=20,name=smaller,lr=0.5"),
)
RACES = {
    "problem": ("sine", "--updates", "80", *CHANGED),
    "diverging": ("linear", "--updates", "60", "--lr", "40"),
    "model": ("--model", "mlp", "--dataset", "iris", "--updates", "80", "--hidden", "8", *CHANGED),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_export_has_the_bytes_that_the_run_would_have_written(race: tuple[str, ...], suffix: str) -> None:
    assert cli.main(["run", *race, "--record", "race.gdsim", "--export", f"race.{suffix}"]) == 0
    assert cli.main(["export", "race.gdsim", f"again.{suffix}"]) == 0
    assert Path(f"again.{suffix}").read_bytes() == Path(f"race.{suffix}").read_bytes()


@pytest.mark.parametrize("path", [VERSION_1, VERSION_2], ids=lambda path: path.stem)
def test_a_recording_of_each_version_gives_the_same_export_for_good(path: Path) -> None:
    assert cli.main(["export", str(path), "again.csv"]) == 0
    assert Path("again.csv").read_bytes() == path.with_suffix(".csv").read_bytes()


def test_what_is_inside_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(VERSION_1)]) == 0
    out = capsys.readouterr().out
    assert "complete" in out
    assert "change      moment 8, run batch, lr 0.05" in out
    assert [line.split()[0] for line in out.splitlines()[-4:]] == ["batch", "mini-batch", "stochastic", "small"]


def test_what_is_inside_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(VERSION_1), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    exported = pl.read_csv(VERSION_1.with_suffix(".csv"))
    assert found["rows"] == len(exported)
    assert [run["name"] for run in found["runs"]] == ["batch", "mini-batch", "stochastic", "small"]
    assert [run["examples"] for run in found["runs"]] == [
        exported.filter(run=run["name"])["examples"].max() for run in found["runs"]
    ]
    assert (found["state"], found["schema"], found["asked"]["problem"]) == ("complete", 1, "sine")


def test_a_program_reads_what_came_of_the_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runs = ("--run", "name=calm,batch_size=all", "--run", "name=hasty,batch_size=1,lr=1e200")
    command = ["run", "linear", *runs, "--updates=60", "--record=race.gdsim", "--export=race.csv", "--json"]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    last = pl.read_csv("race.csv").group_by("run", maintain_order=True).last()
    for column in ("update", "examples", "epoch", "seconds", "status"):
        assert [run[column] for run in found["runs"]] == last[column].to_list()
    calm, hasty = found["runs"]
    assert calm["loss"] == last["loss"][0]
    assert (hasty["loss"], hasty["status"]) == (None, "diverged")
    assert (found["export"], found["rows"]) == ("race.csv", last["update"].sum() + 2)
    assert not found["interrupted"]
    assert cli.main(["info", "race.gdsim", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == found["runs"]
    assert cli.main(["run", "--resume=race.gdsim", "--updates=70", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["update"] == 70


def test_a_run_that_was_removed_is_not_said_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    changes = ("--change", "moment=7,remove=batch", "--change", "moment=11,remove=stochastic")
    assert cli.main(["run", "linear", "--updates", "10", "--record", "race.gdsim", *changes]) == 0
    assert cli.main(["info", "race.gdsim"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ends = [line.split("  ")[-1] for line in lines if " sgd " in line]
    assert ends == ["removed at update 7", "running", "running"] * 2, "without a screen, and in the recording"
    assert cli.main(["info", "race.gdsim", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [run["status"] for run in runs] == ["removed", "running", "running"]


def run_in_a_process(path: Path, *options: str) -> "subprocess.Popen[bytes]":
    run = ["run", "linear", "--backend=torch", "--updates=1000000", "--record", str(path), *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tui", *run]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_moment(path: Path, moment: int, process: "subprocess.Popen[bytes]") -> None:
    """Read along until it has come so far."""
    deadline, come, recording = time.monotonic() + PATIENCE, -1, None
    while come < moment:
        assert time.monotonic() < deadline, "waited in vain"
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            raise AssertionError("it ended by itself")
        try:
            recording = recording or Recording(path)
        except ConfigError:  # not there yet
            continue
        rows = recording.news().rows
        come = int(rows["moment"][-1]) if len(rows) else come
    assert recording is not None
    assert recording.state == "being written"


def test_a_run_that_is_killed_leaves_what_it_had(tmp_path: Path) -> None:
    path, moment = tmp_path / "race.gdsim", 400
    process = run_in_a_process(path)
    try:
        wait_for_moment(path, moment, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert Recording(path).state == "broken off", "at once"
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in tmp_path.glob("race.gdsim*"):  # with its log, as it was left
        shutil.copy(file, moved)
    assert cli.main(["export", str(moved / "race.gdsim"), "killed.csv"]) == 0
    killed = pl.read_csv("killed.csv")
    made = killed["update"].max()
    assert made >= moment
    for run in ("batch", "mini-batch", "stochastic"):
        assert killed.filter(run=run)["update"].to_list() == list(range(killed.filter(run=run).height))
    assert cli.main(["run", "linear", "--backend=torch", f"--updates={moment}", "--export", "whole.csv"]) == 0
    plain = ["run", "update", "x", "y", "batch_loss", "loss", "grad_norm"]
    whole = pl.read_csv("whole.csv").select(plain)
    assert killed.filter(pl.col("update") <= moment).select(plain).equals(whole)


def test_a_run_that_is_terminated_exports_all_that_it_made(tmp_path: Path) -> None:
    process = run_in_a_process(tmp_path / "race.gdsim", "--export", "ended.parquet")
    try:
        wait_for_moment(tmp_path / "race.gdsim", 400, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    assert not list(tmp_path.glob(".gdsim*")), "no part of a file"
    ended = pl.read_parquet("ended.parquet")
    made = ended["update"].max()
    assert made >= 400
    assert cli.main(["run", "linear", "--backend=torch", f"--updates={made}", "--export", "whole.parquet"]) == 0
    whole = pl.read_parquet("whole.parquet")
    of_all = ["update", "examples", "x", "y", "batch_loss", "grad_norm"]
    for run in ("batch", "mini-batch", "stochastic"):
        ours = ended.filter(run=run).select(of_all)
        assert ours.equals(whole.filter(run=run).select(of_all).head(len(ours)))


BAD_INPUT = {
    "none to replay": (["info", "gone.gdsim"], "There is no recording gone.gdsim."),
    "no recording": (["export", "text.gdsim", "race.csv"], "text.gdsim is no recording."),
    "unknown format": (
        ["export", str(VERSION_1), "race.xlsx"],
        "The name race.xlsx does not say which format",
    ),
    "somebody's file": (["run", "--updates=1", "--record", "text.gdsim"], "text.gdsim is there already"),
    "no terminal": (["replay", str(VERSION_1)], "The screen needs a terminal"),
    "no recording's name": (["run", "--updates=1", "--record", "linear"], "ends in .gdsim"),
}


@pytest.mark.parametrize(("arguments", "words"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.gdsim").write_text("somebody's own " * 100)
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert words in line
    assert captured.out == ""


def test_a_disk_that_fails_does_not_end_the_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.recording.writer.write_answer", fail)
    assert cli.main(["run", "--updates=20", "--record", "race.gdsim", "--export", "race.csv"]) == 1
    assert capsys.readouterr().err == (
        "gdsim: The recording race.gdsim ended early, the runs did not: no space left on device.\n"
    )
    assert pl.read_csv("race.csv")["update"].max() == 20
