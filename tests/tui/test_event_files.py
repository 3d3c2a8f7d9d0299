"""`gdsim export --tensorboard`: event files, read back by TensorBoard itself."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sim.experiment.errors import ConfigError
from sim.protocol.trace import NO_ROWS
from tui import cli, event_files

VERSION_1 = Path(__file__).parents[1] / "sim/recording/version-1.gdsim"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where event files go."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "events"


def test_tensorboard_reads_every_measure_of_every_run(folder: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert cli.main(["export", str(VERSION_1), str(folder), "--tensorboard"]) == 0
    expected = pl.read_csv(VERSION_1.with_suffix(".csv"))
    assert sorted(one.name for one in folder.iterdir()) == sorted(expected["run"].unique())
    for run in folder.iterdir():
        events = accumulator.EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
        rows = expected.filter(run=run.name)
        for measure in ("loss", "batch_loss", "grad_norm", "lr"):
            known = rows.drop_nulls(measure)
            scalars = events.Scalars(measure)
            assert [one.step for one in scalars] == known["update"].to_list()
            np.testing.assert_array_equal([one.value for one in scalars], known[measure].to_numpy().astype(np.float32))


def test_nothing_is_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboard")
    command = ["export", str(VERSION_1), str(folder), "--tensorboard"]
    assert [cli.main(command), cli.main(command)] == [0, 2]
    assert capsys.readouterr().err.endswith("batch is there already; name another folder.\n")
    assert cli.main(["export", str(VERSION_1), str(VERSION_1), "--tensorboard"]) == 2
    assert "is a file; name a folder for the event files." in capsys.readouterr().err
    assert cli.main(["export", str(VERSION_1), str(VERSION_1 / "events"), "--tensorboard"]) == 1
    assert capsys.readouterr().err.endswith("Not a directory.\n")


def test_no_name_leads_out_of_the_folder(folder: Path) -> None:
    pytest.importorskip("tensorboard")
    event_files.write_events([NO_ROWS], ["..", "../../a", "a b"], 0.0, folder)
    assert sorted(one.name for one in folder.iterdir()) == ["%2E.", "%2E.%2F..%2Fa", "a b"]


def test_what_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'gdsim\[tensorboard\]'"):
        event_files.check(folder)
