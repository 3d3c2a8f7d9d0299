"""The command line as a user meets it: what it prints, and one sentence for what is wrong."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sim.experiment.choices import CLOCKS, OPTIMIZERS, SAMPLINGS, SCHEDULES
from sim.problems import registry
from tests.tui.rights import as_anybody
from tui import __main__, cli
from tui.options import config_file

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    for name in [name for name in os.environ if name.startswith("GDSIM_")]:
        monkeypatch.delenv(name)


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command line that is refused."""
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("gdsim: ")
    assert line[-1] in ".?"
    return line


BAD_INPUT = {
    "little memory": (["--history-memory", "1"], "must be at least 8 megabytes"),
    "problem": (["linaer"], "did you mean 'linear'"),
    "command": (["lst"], "did you mean 'list'"),
    "model as a problem": (["mlp"], "choose it with --model mlp"),
    "problem without an end": (["run", "linaer"], "did you mean 'linear'"),
    "two problems": (["sine", "saddle"], "'saddle' is too much"),
    "option": (["--momentun", "0.9"], "did you mean --momentum"),
    "value missing": (["--lr"], "--lr requires"),
    "optimizer": (["--optimizer", "adm"], "Unknown --optimizer 'adm'; did you mean 'adam'"),
    "optimizer of a run": (["--run", "name=a,optimizer=adamww"], "did you mean 'adamw'"),
    "key of a run": (["--run", "name=a,batchsize=3"], "did you mean 'batch_size'"),
    "clock": (["--clock", "update"], "did you mean 'updates'"),
    "backend": (["--backend", "compile"], "did you mean 'compiled'"),
    "a model compiled": (["run", "--updates=1", "--model=cnn", "--backend=compiled"], "this model has Conv2d; use"),
    "batch beyond N": (["run", "--updates=1", "--run", "name=a,batch_size=443"], "choose 1 to 442"),
    "mini-batch beyond N": (["run", "--updates=1", "--mini-batch-size", "1000"], "choose 1 to 442"),
    "batch of none": (["--run", "name=a,batch_size=0"], "positive whole number or 'all', not 0"),
    "batch below none": (["--mini-batch-size=-3"], "positive whole number or 'all', not -3"),
    "endless numbers": (["--seed", "9" * 5000], "between -2^63 and 2^63, not '9999"),
    "infinite seed": (["--seed", "1e400"], "between -2^63 and 2^63, not '1e400'"),
    "examples beyond number": (["--model", "mlp", "--dataset=synthetic", "--examples=1e300"], "not '1e300'"),
    "updates beyond number": (["run", "--updates", "1e30"], "not '1e30'"),
    "schedule beyond number": (["--schedule", "cosine", "--schedule-updates", "1e20"], "not '1e20'"),
    "layers beyond number": (
        ["--model", "mlp", "--hidden", "64,1e30"],
        "Each size in --hidden, such as 64,64, must be",
    ),
    "rate beyond number": (["--lr", "1e-400"], "lr must be a positive finite number"),
    "mini-batch beyond all": (["run", "--updates=1", "--mini-batch-size", "1e18"], "choose 1 to 442"),
    "a crowd of workers": (["--model", "mlp", "--workers", "1000000"], "--workers must be 0 to 128, not 1000000"),
    "half a seed": (["--seed", "1.5"], "must be a whole number, not '1.5'"),
    "rate of zero": (["--lr", "0"], "lr must be a positive finite number"),
    "rate of zero without a screen": (["run", "--updates=1", "--lr", "0"], "lr must be a positive finite number"),
    "rate below zero": (["--lr", "-0.1"], "lr must be a positive finite number"),
    "infinite rate": (["--lr", "inf"], "lr must be a positive finite number"),
    "no number": (["--lr", "nan"], "lr must be a positive finite number"),
    "rate in words": (["--lr", "fast"], "must be a number, not 'fast'"),
    "start of one": (["--start", "1"], "two finite numbers"),
    "start of three": (["--start", "1,2,3"], "two finite numbers"),
    "infinite start": (["--start", "-inf,2"], "two finite numbers"),
    "start in words": (["--start=here,there"], "two finite numbers"),
    "signs that the terminal obeys": (["\x1b[2J\x07\n\u202e"], r"command '\x1b[2J\x07\n\u202e'"),
    "such signs in a file's name": (["--data=a\x1b]0;b\x07\n.csv"], r"no file a\x1b]0;b\x07\n.csv;"),
    "such signs in a run's name": (["--run", "name=a\x1b[2J"], r"printable text without ',' and '='; got 'a\x1b[2J'"),
    "missing file": (["--data", "/no/such.csv", "--features", "x", "--target", "y"], "/no/such.csv"),
    "columns of no file": (["--features", "x"], "--data"),
    "data where none go": (["sine", "--data", "points.csv"], "--data works with linear, logistic"),
    "ten runs": ([f"--run=name=r{number},batch_size=1" for number in range(10)], "1 to 9 runs, not 10"),
    "names twice": (["--run", "name=a", "--run", "name=a"], "Two runs are named 'a'"),
    "command last": (["--seed", "3", "run"], "gdsim run ..."),
    "length of no schedule": (["--schedule-updates", "10"], "--schedule-updates needs a schedule"),
    "scale of no columns": (["sine", "--scale", "none"], "sine has no columns to scale"),
    "data of two kinds": (
        ["--model", "mlp", "--data", "d.npz", "--dataset", "iris"],
        "--data and --dataset iris both name data",
    ),
    "workers of no loader": (["--model", "mlp", "--loader", "resident", "--workers", "3"], "belong to a DataLoader"),
    "columns of arrays": (["--model", "mlp", "--data", "d.npz", "--target", "y"], "arrays are X and y"),
    "half of the arrays": (["--model", "mlp", "--data", "X.npy"], "--data X.npy,y.npy; X.npy is one"),
    "layers of no mlp": (["--model", "cnn", "--hidden", "4"], "--hidden is for --model mlp"),
    "examples of real data": (["--model", "mlp", "--examples", "50"], "--examples is for --dataset synthetic"),
    "another task": (["--model", "mlp", "--dataset", "wine", "--task", "regression"], "wine is classification"),
    "nothing to train on": (
        ["--model", "mlp", "--dataset", "wine", "--test-fraction", "0.9999"],
        "leave none for training",
    ),
    "a layer of nothing": (["--model", "mlp", "--hidden", "0"], "such as 64,64; got '0'"),
    "no terminal": ([], "gdsim run"),
    "no limit": (["run"], "with --updates, --epochs or --seconds"),
    "two limits": (["run", "--updates", "3", "--seconds", "2"], "in one way only"),
    "limit of zero": (["run", "--updates", "0"], "--updates must be a positive finite number"),
    "half an update": (["run", "--updates", "1.5"], "whole number"),
    "infinite limit": (["run", "--epochs", "inf"], "--epochs must be a positive finite number"),
    "export of no kind": (["run", "--updates", "3", "--export", "race.xlsx"], "nown: .csv, .jsonl, .parquet"),
    "export nowhere": (["run", "--updates", "3", "--export", "/no/such/race.csv"], "Cannot write /no/such/race.csv"),
    "config missing": (["--config", "/no/such.toml"], "/no/such.toml cannot be read: No such file"),
    "device": (["--device", "gpu"], "known: auto, cpu, cuda"),
}


@pytest.mark.parametrize(("arguments", "part"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_one_sentence(arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert part in complaint(arguments, capsys)


def test_a_misspelt_environment_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GDSIM_SEEED", "3")
    assert "variable GDSIM_SEEED is no option of gdsim; did you mean 'GDSIM_SEED'" in complaint(
        ["config", "show"], capsys
    )
    monkeypatch.delenv("GDSIM_SEEED")
    monkeypatch.setenv("GDSIM_UPDATES", "5")  # only `gdsim run` takes it
    assert cli.main(["config", "show"]) == 0


BAD_FILES = {
    "syntax": ("seed = 1\nlr = = 2\n", "at line 2"),
    "key": ("learning_rate = 1\nmomentun = 1\n", "Unknown key 'learning_rate'"),
    "near key": ("momentun = 0.5\n", "did you mean 'momentum'"),
    "key of a run": ("[[runs]]\nname = 'a'\nbatch = 3\n", "did you mean 'batch_size'"),
    "one table": ("[runs]\nname = 'a'\n", "[[runs]]"),
    "comma in a name": ("[[runs]]\nname = 'a,b'\n", "without a comma"),
    "kind of value": ("lr = 'fast'\n", "must be a number, not 'fast'"),
    "choice": ("optimizer = 'adm'\n", "did you mean 'adam'"),
    "table for a value": ("[seed]\nvalue = 3\n", "seed in"),
    "lists deep in each other": ("lr = " + 100_000 * "[", "too deep"),
    "tables deep in each other": ("lr" + 100_000 * ".a" + " = 1", "too deep"),
    "number of digits": ("seed = " + 5000 * "9", "limit (4300 digits)"),
    "number of hexadecimal digits": ("seed = 0x" + 5000 * "f", "seed in"),
    "number beyond number": ("seed = 1e30", "must be a whole number"),
    "more than options need": ("#" * 1_000_001, "more than a megabyte"),
}


@pytest.mark.parametrize(("text", "part"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_one_sentence_that_names_it(
    text: str, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lesson.toml"
    path.write_text(text)
    sentence = complaint(["--config", str(path)], capsys)
    assert part in sentence
    assert str(path) in sentence


def test_a_file_without_an_end_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        assert f"{path} cannot be read: it is no regular file" in complaint(["--config", str(path)], capsys)
    assert f"{loop} cannot be read: Too many levels" in complaint(["--config", str(loop)], capsys)


def test_a_home_that_may_not_be_looked_into_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir(0)
    monkeypatch.setattr("tui.options.config_file.default_path", lambda: home / "gdsim.toml")
    with as_anybody():
        assert cli.main(["config", "show"]) == 0
    assert capsys.readouterr().err == ""


def test_a_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lesson.toml"
    path.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in complaint(["--config", str(path)], capsys)


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GDSIM_OPTIMIZER", "adm")
    assert "GDSIM_OPTIMIZER" in complaint([], capsys)


def test_an_unwritable_export_is_found_out_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "--data", "/no/such.csv", "--updates", "1", "--export", "/no/such/race.csv"]
    assert "/no/such/race.csv" in complaint(arguments, capsys)


def test_list_names_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    listed = dict(lines)
    known = {name: entry.sentence for name, entry in registry().items()}
    kinds = {name: kind.sentence for name, kind in (OPTIMIZERS | CLOCKS).items()}
    assert (known | kinds | SCHEDULES | SAMPLINGS).items() <= listed.items()


def test_config_path_and_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["config", "path"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == config_file.default_path()
    monkeypatch.setattr("tui.options.config_file.default_path", lambda: tmp_path / "gdsim.toml")
    (tmp_path / "gdsim.toml").write_text("momentum = 0.5\nseed = 1\n[[runs]]\nname = 'a'\n")
    monkeypatch.setenv("GDSIM_SEED", "2")
    assert cli.main(["config", "show", "sine", "--clock", "examples"]) == 0
    shown = {line.split()[0]: line.split(maxsplit=2)[1:] for line in capsys.readouterr().out.splitlines()}
    assert shown["problem"] == ["sine", "command line"]
    assert shown["clock"] == ["examples", "--clock"]
    assert shown["seed"] == ["2", "GDSIM_SEED"]
    assert shown["momentum"] == ["0.5", f"momentum in {tmp_path / 'gdsim.toml'}"]
    assert shown["run"] == ["name=a", f"runs in {tmp_path / 'gdsim.toml'}"]
    assert shown["lr"] == ["automatic", "default"]


def test_help_has_examples_and_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for part in ("gdsim run linear --updates 1000 --export race.csv", "--mini-batch-size", "--theme", "GDSIM_LR"):
        assert part in text
    assert cli.main(["run", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--epochs" in text
    assert "--theme" not in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_options_and_choices(shell: str) -> None:
    script = cli.app.generate_completion(shell=shell)
    assert "schedule-updates" in script
    assert "one-cycle" in script


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"gdsim": "1.2.3"}[name])
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "gdsim 1.2.3\n"

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert cli.main(["--version"]) == 0


def test_ctrl_c_while_modules_load_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    loading = ModuleType("tui.cli")
    monkeypatch.setattr(loading, "__getattr__", interrupted, raising=False)
    monkeypatch.setitem(sys.modules, "tui.cli", loading)
    assert __main__.main() == 130


def test_help_is_quick_to_come() -> None:
    """What would make it slow is not loaded: no torch, polars, textual, numpy or psutil."""
    code = "import sys; from tui.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "polars", "textual", "numpy", "tqdm", "psutil"} & set(done.stderr.split())


@pytest.mark.parametrize("names", [["stdout"], ["stderr"], ["stdin", "stdout", "stderr"]])
def test_closed_streams_are_like_the_null_device(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        monkeypatch.setattr(sys, name, None)
    path = tmp_path / "race.csv"
    assert cli.main(["list"]) == 0
    assert cli.main(["linaer"]) == 2
    assert cli.main([]) == 2  # asks the streams whether they are a terminal
    assert cli.main(["run", "--updates", "1", "--export", str(path)]) == 0
    assert len(path.read_text().splitlines()) == 1 + 6
    for name in names:
        getattr(sys, name).close()


def test_streams_closed_by_the_shell() -> None:
    command = f"exec {sys.executable} -m tui linaer <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, cwd=ROOT, check=False).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_where_nothing_can_be_said_the_exit_code_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 (closing it is an error, too)
    monkeypatch.setattr(sys, "stderr", full)
    assert cli.main(["linaer"]) == 2
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_a_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "was started in is gone" in complaint(["run", "--updates", "1"], capsys)
    assert "Cannot write race.csv" in complaint(["run", "--updates", "1", "--export", "race.csv"], capsys)
    assert cli.main(["--help"]) == 0


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = "import sys; from tui.cli import main; sys.exit(main(['list']))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_terminal_without_unicode_gets_plain_signs() -> None:
    code = "import sys; from tui.cli import main; sys.exit(main(['list']))"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", [["list"], ["config", "path"]])
def test_a_full_disk_is_said_in_a_line(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tui", *command],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "gdsim: Cannot write: No space left on device.\n"
