"""A training loop of one's own on the screen and in the shell: the example, and the one in the README."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sim.recorder import Recorder, landscapes, record
from sim.recording.reader import Recording
from tests.patience import PATIENCE
from tests.tui.recorded import Screen, make_replay, replayed
from tests.tui.screen import WIDE, settled, wait_for
from tui import cli
from tui.panels.curves import Curves
from tui.panels.lens import Lens

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """With a single thread, which small batches go fastest on, and landscapes in no time."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(landscapes, "_GRID", (12, 8))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


async def test_the_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.setattr("sys.argv", ["examples/own_loop.py"])
    runpy.run_path(str(ROOT / "examples/own_loop.py"))
    path = Path("own_loop.gdsim")
    assert cli.main(["info", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"][0]["update"] == 30 * 19
    assert found["state"] == "complete"
    assert found["clouds"] >= 1
    assert cli.main(["export", str(path), "own.csv"]) == 0
    assert cli.main(["run", "--resume", str(path), "--updates", "1000"]) == 2
    sentence = "A loop of your own was recorded here; only its own script, own_loop.py, runs it."
    assert sentence in capsys.readouterr().err
    async with replayed(path) as screen:
        await screen.pilot.press("end", "F", "w", "r")
        await settled(screen.pilot)
        assert screen.history.cursor == 570
        assert "own_loop.py" in screen.text("#status")
        assert screen.toasts().count(sentence) == 3
        assert "need an engine" not in screen.toasts()
        landscape = screen.session.look.landscape
        assert landscape is not None
        assert np.isfinite(landscape.values).any()
        lens, imagined = screen.app.query_one(Lens), screen.session.look.imagined
        assert imagined is not None
        assert imagined.cloud is not None
        assert imagined.cloud.sampled == 600
        assert lens.display
        # which updates can be looked at hangs on time; of another one than that at the cursor the title says so
        assert imagined.update == 570 or f"update {imagined.update}" in screen.text("#lens")
        await screen.pilot.press("u")
        assert not lens.display


async def test_a_loop_without_loss_and_data_has_no_possible_steps_and_says_why() -> None:
    model = nn.Linear(3, 2)
    with Recorder("mine.gdsim", model, torch.optim.Adam(model.parameters())) as recorder:
        recorder.update(1.0, 8)
    app = make_replay(Path("mine.gdsim"))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = Screen(app, pilot)
        await wait_for(pilot, lambda: app.session.history is not None)
        await screen.pilot.press("u")
        await wait_for(pilot, lambda: "a Recorder looks at them where it is given loss" in screen.toasts())
        assert not app.query_one(Lens).display


def test_the_readmes_loop() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    dataset, model = TensorDataset(torch.randn(40, 3), torch.arange(40) % 2), nn.Linear(3, 2)
    names = {"dataset": dataset, "model": model, "loss_of": nn.CrossEntropyLoss(), "loader": DataLoader(dataset, 8)}
    exec(block, names | {"optimizer": torch.optim.Adam(model.parameters())})
    assert len(Recording(Path("mine.gdsim")).news().rows) == 5


async def test_it_is_followed_while_it_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_FIRST", 0.0)
    monkeypatch.setattr(record, "_EVERY", 0.0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    optimizer = torch.optim.Rprop(model.parameters())
    losses = [4.0, 2.0]
    with Recorder("mine.gdsim", model, optimizer) as recorder:

        def update() -> None:
            recorder.update(losses.pop(), 8)
            assert recorder._record is not None
            writer = recorder._record._writer
            with writer._changed:
                assert writer._changed.wait_for(lambda: not writer._rows, timeout=PATIENCE)

        update()
        app = make_replay(Path("mine.gdsim"), playing=True)
        async with app.run_test(size=WIDE) as pilot:
            screen = Screen(app, pilot)
            await wait_for(pilot, lambda: app.session.history is not None and app.session.history.end == 1)
            app.redraw()
            assert "following live" in screen.text("#status")
            update()
            await screen.pass_time(0.3)
            assert screen.history.cursor == screen.history.end == 2
            assert "update 2 · 8 examples" in screen.text("#this-update")
            curves = app.query_one(Curves)
            assert "batch loss" in str(curves.border_title), "the only one that is known"
            assert curves._chart is not None
            (series,) = curves._chart.series
            assert (series.x.tolist(), series.y.tolist()) == ([0, 1], [2.0, 4.0]), "at the parameters before the update"
