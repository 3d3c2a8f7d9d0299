"""How soon the screen shows another moment: of a long race, and of a recording of one.

Three runs of `linear`, compiled, a million updates each, at batch sizes that are soon made, on a screen of 120 x 40
cells that nobody sees: first as the screen itself played them, as fast as possible; then as `gdsim run` recorded them,
replayed, while the rest of the file is still being read. The milliseconds from a click on the timeline, at random, to
the frame that answers it, of the processor, so that whatever else the machine does is left out; and those of a clock
until the very moment that was asked for is there with all its numbers, since the engine or the disk has to answer.
"""

import asyncio
import gc
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import numpy as np
from rich.console import RenderableType
from textual.screen import Screen

from benchmarks.turns import Line, line
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.problem import ProblemConfig
from sim.problems.card import card_of
from sim.recording.reader import Recording
from tui.app import GdsimApp
from tui.panels.seeking import Sought
from tui.replaying import ReplayApp
from tui.session.history import History
from tui.session.link import ProcessLink
from tui.session.playback import Playback

THREADS = (1,)
ROOT = Path(__file__).parents[1]
UPDATES, SEEKS, SEED = 1_000_000, 200, 0
BATCH_SIZES = 1, 4, 16
SIZE = 120, 40
PERCENT, ANSWERED = 99, 100.0
_PATIENCE = 10.0  # seconds that a moment is waited for at most
_BETWEEN = 0.1  # until the next one is asked for
_LOOK = 0.001  # between two looks whether it is there


class _Painted(GdsimApp):
    """A screen that notes when it was painted."""

    CSS_PATH = str(ROOT / "tui/app.tcss")
    painted = 0.0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        self.painted = time.perf_counter()


class _Replayed(_Painted, ReplayApp):
    """That of a recording."""


def history_of(app: GdsimApp) -> History:
    """What is recorded on a screen."""
    assert app.session.history is not None, app.session.banner
    return app.session.history


@asynccontextmanager
async def played() -> AsyncIterator[_Painted]:
    """The screen of a race that came so far."""
    runs = tuple(RunConfig(f"by-{size}", size) for size in BATCH_SIZES)
    experiment = Experiment(runs=runs, device="cpu", backend="compiled")
    app = _Painted(experiment, card_of(ProblemConfig()), ProcessLink(), playing=True)
    async with app.run_test(size=SIZE):
        app.session.player.speed = float("inf")
        while app.session.history is None or max(app.session.history.updates) < UPDATES:
            await asyncio.sleep(_BETWEEN)
        app.session.player.pause()
        gc.freeze()  # as the screen does with what is there when it draws first, but where nobody sees it
        yield app


@asynccontextmanager
async def replayed() -> AsyncIterator[_Painted]:
    """The screen of a recording of as many."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "race.gdsim")
        command = ["run", "linear", "--device=cpu", "--backend=compiled", f"--updates={UPDATES}", f"--record={path}"]
        runs = [f"--run=name=by-{size},batch_size={size}" for size in BATCH_SIZES]
        subprocess.run([sys.executable, "-m", "tui", *command, *runs], check=True, capture_output=True)
        playback = Playback(Recording(path))
        app = _Replayed(playback.asked, playback.card, playback)
        async with app.run_test(size=SIZE):
            while app.session.history is None:
                await asyncio.sleep(_BETWEEN)
            gc.freeze()
            yield app


async def sought(app: _Painted, moment: int) -> tuple[float, float]:
    """The milliseconds, of the processor, until a moment is answered, and those until it is there.

    Infinite where that takes too long.
    """
    history, began, spent = history_of(app), time.perf_counter(), time.process_time()
    app.post_message(Sought(moment))

    async def painted(there: Callable[[], bool]) -> bool:
        while not there() and time.perf_counter() - began < _PATIENCE:
            await asyncio.sleep(_LOOK)
        since = time.perf_counter() - _LOOK
        while app.painted < since and time.perf_counter() - began < _PATIENCE:
            await asyncio.sleep(_LOOK)
        return there()

    answered = await painted(lambda: history.sought == moment)
    spent = time.process_time() - spent
    there = await painted(lambda: history.cursor == moment)
    return 1000 * spent if answered else math.inf, 1000 * (app.painted - began) if there else math.inf


async def measured(screen: AbstractAsyncContextManager[_Painted]) -> list[tuple[float, float]]:
    """The milliseconds of each."""
    some = random.Random(SEED)
    async with screen as app:
        found = []
        for _ in range(SEEKS):
            found.append(await sought(app, some.randint(1, UPDATES)))
            await asyncio.sleep(_BETWEEN)
        app.exit()
    return found


def lines() -> Iterator[Line]:
    """Of the race and of the recording."""
    for case, screen in (("race", played), ("recording", replayed)):
        answered, there = zip(*asyncio.run(measured(screen())), strict=True)
        yield line(f"{case}: an answer", answered, unit="ms")
        worst = float(np.percentile(answered, PERCENT))
        yield line(f"{case}: an answer, {PERCENT} of 100", [worst], unit="ms", goal=ANSWERED, at_most=True)
        yield line(f"{case}: that very moment", there, unit="ms")
        yield line(f"{case}: that very moment, {PERCENT} of 100", [float(np.percentile(there, PERCENT))], unit="ms")
