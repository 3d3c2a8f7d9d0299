"""Peak memory of long runs of `linear`: of the screen and its engine, flat out, and of `gdsim run --export`.

`python -m benchmarks.memory` prints it after 1, 3 and 10 million updates, or after the numbers that it is given, with
the time that it took. The memory of a program and that which compiling takes are in it, so what counts is that it does
not grow.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.resident import peak
from sim.experiment.config import Experiment
from sim.experiment.problem import ProblemConfig
from sim.problems.card import card_of
from tui.app import GdsimApp
from tui.session.link import ProcessLink

_UPDATES = (1_000_000, 3_000_000, 10_000_000)
_MEGABYTE = 2**20


async def on_the_screen(milestones: list[int], report: Callable[[int, str, float], None]) -> None:
    """Play flat out in a terminal of 120x40 that nobody sees, and report the peaks where it has come so far."""
    link = ProcessLink()
    experiment = replace(Experiment(), backend="compiled")
    app = GdsimApp(experiment, card_of(ProblemConfig()), link, playing=True)
    async with app.run_test(size=(120, 40)):
        app.session.player.speed = float("inf")
        for milestone in milestones:
            while app.session.history is None or max(app.session.history.updates) < milestone:
                assert app.session.banner is None, app.session.banner
                await asyncio.sleep(0.1)
            report(milestone, "the screen", peak("self"))
            report(milestone, "its engine", peak(str(link.process_id)))
        app.exit()


def exported(updates: int, suffix: str) -> float:
    """The peak of a run that exports every update, in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/race{suffix}"
        command = [sys.executable, "-m", "tui", "run", "linear", f"--updates={updates}", f"--export={path}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / _MEGABYTE


def main() -> None:
    """Print the table."""
    milestones = [int(word) for word in sys.argv[1:]] or list(_UPDATES)
    began = time.monotonic()

    def report(updates: int, what: str, megabytes: float) -> None:
        print(f"{updates:>12,}  {what:20}  {megabytes:8,.0f}  {time.monotonic() - began:8,.0f}", flush=True)

    print(f"{'updates':>12}  {'peak memory of':20}  {'MB':>8}  {'after s':>8}")
    for updates in milestones:  # first: the greatest of all children so far is what can be known
        report(updates, "gdsim run --export", exported(updates, ".parquet"))
    asyncio.run(on_the_screen(milestones, report))


if __name__ == "__main__":
    main()
