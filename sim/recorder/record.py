"""The record of a loop: its updates, where it went, and what there is to be seen there."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sim.descent.retention import KeptSnapshots
from sim.experiment.resolved import IDENTITY_PARAMETERS, Lineage
from sim.experiment.words import first_line
from sim.models.checks import check_parameters
from sim.models.flat import Layout, trainable
from sim.models.problem import Loss
from sim.protocol.answers import Advanced, Opened, PlaneNews, Worked
from sim.protocol.commands import Advance, Open, Work
from sim.protocol.trace import Rows
from sim.recorder.allowance import Allowance
from sim.recorder.clouds import Clouds
from sim.recorder.data import Data, LossOverData, count
from sim.recorder.landscapes import Landscapes
from sim.recorder.loop import resolved_loop
from sim.recorder.origins import Origins
from sim.recorder.steps import Steps
from sim.recording.writer import Writer, check_name
from sim.views.plane import on_plane_terms
from sim.views.trails import REFIT_AFTER, REFIT_AT_LAST, trails_of

_FIRST, _EVERY = 0.5, 2.0  # seconds until what came is first looked at, and between two looks at most
_GRADIENTS, _COPIES, _PASSES = 0.002, 0.0015, 0.0015  # shares of the loop's time that these may cost
_PLANES, _ORIGINS, _CLOUDS = 0.003, 0.001, 0.001  # the same: planes with their landscapes, and possible steps
_MEMORY = 256 * 2**20  # bytes for parameters that are kept
_WAITING = 32 * 2**20  # bytes of them that may wait where the model is
_PATIENCE = 1.0  # seconds that a pass through all examples may take before and after the loop
_STEPS_AT_THE_END, _LANDSCAPE_AT_THE_END = 1.0, 3.0  # seconds


class Record:
    """What is recorded of a loop, from where its model stands now.

    Raises:
        ConfigError: for a model whose parameters no plane shows, or a file whose name is no recording's.
    """

    def __init__(
        self, path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss | None, data: Data | None
    ) -> None:
        check_name(path)
        check_parameters(model)
        self._path, self._model, self._optimizer = path, model, optimizer
        self._parameters: list[Tensor] = [parameter for _, parameter in trainable(model)]
        self._sentences = list[str]()
        self._over_data = None if loss is None or data is None else self._look_at(model, loss, data)
        self._examples = self._over_data.examples if self._over_data else count(data)
        layout = Layout.of(self._parameters)
        flat = sum(parameter.numel() for parameter in self._parameters) == IDENTITY_PARAMETERS
        self._now = layout.join([parameter.detach() for parameter in self._parameters])
        self._parts = list(layout.split(self._now))
        self._trails = trails_of("identity" if flat else "pca", model, torch.initial_seed())
        self._kept = KeptSnapshots(layout.length, math.inf if flat else _MEMORY)
        self._waiting: list[tuple[int, Tensor]] = [(0, self._now.clone())]
        self._steps = Steps(self._parameters, optimizer, self._examples)
        self._start = self._steps.start(self._loss() if self._pass_seconds < _PATIENCE else math.nan)
        self._landscapes = Landscapes(self._over_data, self._trails) if self._over_data else None
        self._origins = Origins(model, self._parameters)
        self._clouds = self._look_at_steps()
        if self._clouds is not None:
            self._origins.begin(1, self._waiting[0][1])
        self._seen_on = -1  # the number of the plane on which there is something to be seen
        self._lineages: tuple[Lineage, ...] = ()
        self._writer = Writer(path)
        self._measuring = Allowance(_GRADIENTS)
        self._copying, self._passing = Allowance(_COPIES), Allowance(_PASSES)
        self._looking, self._noting, self._imagining = Allowance(_PLANES), Allowance(_ORIGINS), Allowance(_CLOUDS)
        self._fit_seconds = 0.0
        self._began = self._writing = time.perf_counter()
        self._writing += _FIRST
        self._busy = 0.0  # when more is to be done for an update than to note it
        self._kept_next = 0  # the update whose parameters are kept next, where not any update's may be
        self._beside = 0.0  # seconds that were the recorder's and not the loop's

    # -- the loop -----------------------------------------------------------------------------------------------------

    def take(self, batch_loss: Tensor | float, examples: int) -> bool:
        """Record an update; whether something was written, and there may be sentences."""
        now, steps = time.perf_counter(), self._steps
        # most updates are only noted: the processor's caches are full of the loop's own, and whatever is touched costs
        if now < self._busy and steps.update + 1 != self._kept_next:
            steps.take(batch_loss, examples, now - self._began - self._beside)
            return False
        self._look_at_update(batch_loss, examples, now)
        written = now >= self._writing
        if written:
            self._write(steps.rows())
            self._go_on_looking(now)
            self._writing = time.perf_counter() + min(_EVERY, now - self._began)
        self._plan()
        return written

    def _look_at_update(self, batch_loss: Tensor | float, examples: int, now: float) -> None:
        """Record an update, and of it as much as the loop bears."""
        steps, elapsed, cheap = self._steps, now - self._began, not self._trails.fitted
        with self._measuring.spending():
            measured = cheap or self._measuring.bears(0.0, elapsed)
            steps.take(batch_loss, examples, elapsed - self._beside, measured=measured)
        if self._origins.begun == steps.update:
            with self._noting.spending():
                self._origins.complete(self._optimizer.param_groups[0].get("lr", math.nan), examples)
        if steps.update == 1:
            self._open(examples)
        if steps.update % self._kept.now.stride == 0 and (cheap or self._copying.bears(0.0, elapsed)):
            self._keep_update(elapsed)
        if self._over_data and self._passing.bears(self._pass_seconds, elapsed):
            self._note_loss()

    def _keep_update(self, elapsed: float) -> None:
        """Keep the parameters after an update, and where the next one begins."""
        with self._copying.spending():
            self._waiting.append((self._steps.update, self._copy()))
        if self._clouds is not None and self._noting.bears(0.0, elapsed):
            with self._noting.spending():
                self._origins.begin(self._steps.update + 1, self._waiting[-1][1])
        if len(self._waiting) * self._now.nbytes > _WAITING:
            self._keep()

    def _plan(self) -> None:
        """See when there is more to be done than to note an update."""
        self._beside = self._passing.spent + self._looking.spent + self._imagining.spent
        if not self._trails.fitted or self._origins.begun:
            self._busy = 0.0
            return
        passes = self._passing.due(self._pass_seconds) if self._over_data else math.inf
        self._busy = min(self._began + min(self._measuring.due(), passes), self._writing)
        stride = self._kept.now.stride
        self._kept_next = (self._steps.update // stride + 1) * stride if stride > 1 else 0

    def close(self, *, in_haste: bool) -> None:
        """Write what is left, possible steps and the landscape, unless in haste."""
        if self._lineages:
            if not in_haste and self._pass_seconds < _PATIENCE:
                self._note_loss()
            seen = in_haste and self._seen_on == self._trails.number
            self._write(self._steps.rows(), finished=True, again=not seen)
            if not in_haste:
                self._look_at_the_end()
        self._writer.close()

    def abandon(self) -> None:
        """Write no more."""
        self._writer.close()

    def sentences(self) -> list[str]:
        """What is to be said of the recording since it was last asked."""
        said, self._sentences = self._sentences + self._writer.sentences(), []
        return said

    def _open(self, examples: int) -> None:
        asked, experiment = resolved_loop(self._path, self._model, self._optimizer, self._examples, examples)
        self._lineages = experiment.lineages
        self._keep()
        plane = self._trails.news([self._kept.now], [self._kept.now.vectors[0]], [0])
        device = str(self._parameters[0].device)
        self._writer.take(Open(asked), Opened(experiment, self._start, device, tolerance=0.0, plane=plane))
        self._see(plane)

    def _write(self, rows: Rows, *, finished: bool = False, again: bool = False) -> None:
        """Have written what came since; the plane is fitted anew where that is due, or in any case."""
        self._keep()
        began = time.perf_counter()
        snapshots, heads, updates = [self._kept.now], [self._copy()], [self._steps.update]
        finite = bool(torch.isfinite(heads[0]).all())
        number = self._trails.number
        if again and finite:
            plane = self._trails.set_kind("pca", snapshots, heads, updates)
        else:
            bears = finite and not finished and self._looking.bears(self._fit_seconds, began - self._began)
            unfinished = self._landscapes is not None and self._landscapes.unfinished
            refit_after = math.inf if not bears else REFIT_AT_LAST if unfinished else REFIT_AFTER
            plane = self._trails.news(snapshots, heads, updates, refit_after=refit_after)
        if self._trails.number != number:
            self._fit_seconds = time.perf_counter() - began
            self._looking.spent += self._fit_seconds
        self._see(plane)
        news = Advanced(rows, float(len(rows)), finished, plane, self._lineages)
        self._writer.take(Advance(len(rows), math.inf, 0.0), news)

    # -- where it is --------------------------------------------------------------------------------------------------

    def _copy(self) -> Tensor:
        """The parameters as they are, in one vector."""
        with torch.no_grad():
            torch._foreach_copy_(self._parts, self._parameters)
        return self._now.clone()

    def _keep(self) -> None:
        """Keep the copies that wait."""
        stride = self._kept.now.stride
        due = [(update, vector) for update, vector in self._waiting if update % stride == 0]
        self._waiting = []
        if due:
            updates, vectors = zip(*due, strict=True)
            self._kept.take(np.array(updates, np.int64), on_plane_terms(torch.stack(vectors)))

    def _see(self, plane: PlaneNews) -> None:
        """Note what is new on the plane; the trail need not be kept any more if that never changes."""
        if self._landscapes is not None:
            self._landscapes.note(plane)
        if not self._trails.fitted:
            self._kept.forget()

    # -- the loss over all examples ----------------------------------------------------------------------------------

    def _look_at(self, model: nn.Module, loss: Loss, data: Data) -> LossOverData | None:
        with _guarded(self._do_without):
            return LossOverData(model, loss, data)
        return None

    def _look_at_steps(self) -> Clouds | None:
        with _guarded(self._do_without_steps):
            return Clouds(self._over_data, self._origins, self._trails, self._optimizer) if self._over_data else None
        return None

    def _do_without(self, error: Exception) -> None:
        self._sentences.append(f"No losses over all examples and no landscapes are recorded: {first_line(error)}.")
        self._over_data = self._landscapes = self._clouds = None

    def _do_without_steps(self, error: Exception) -> None:
        self._sentences.append(f"No possible steps are recorded: {first_line(error)}.")
        self._clouds = None

    @property
    def _pass_seconds(self) -> float:
        """How long it takes to go through all examples."""
        return self._over_data.pass_seconds if self._over_data else 0.0

    def _loss(self) -> float:
        """The loss over all examples, where it is known of what."""
        with _guarded(self._do_without):
            return self._over_data.passes().training.loss if self._over_data else math.nan
        return math.nan

    def _note_loss(self) -> None:
        """Note the loss over all examples where the model stands now."""
        with self._passing.spending():
            self._steps.note_loss(self._loss())

    def _go_on_looking(self, now: float) -> None:
        """Go on with the landscape and with possible steps, each where there is time for it."""
        elapsed = now - self._began
        if self._landscapes and self._landscapes.wanted and self._looking.bears(0.0, elapsed):
            self._see_more()
        if self._clouds and self._clouds.wanted and self._imagining.bears(self._clouds.seconds, elapsed):
            self._imagine()

    def _look_at_the_end(self) -> None:
        """Look at possible steps as long as there is time, once at least, and then at the landscape."""
        until, bears = time.perf_counter() + _STEPS_AT_THE_END, self._pass_seconds < _PATIENCE
        while self._clouds and self._clouds.wanted and bears:
            self._imagine()
            bears = self._clouds is not None and time.perf_counter() + self._clouds.seconds < until
        if self._landscapes:
            self._landscapes.begin()
            self._see_more(_LANDSCAPE_AT_THE_END)

    def _see_more(self, seconds: float = 0.0) -> None:
        """See more of the landscape."""
        assert self._landscapes is not None
        news: Worked | None = None
        with _guarded(self._do_without), self._looking.spending():
            news = self._landscapes.go_on(seconds)
        self._found(news)

    def _imagine(self) -> None:
        """Find the possible steps of one more update."""
        assert self._clouds is not None
        news: Worked | None = None
        with _guarded(self._do_without_steps), self._imagining.spending():
            news = self._clouds.go_on()
        self._found(news)

    def _found(self, news: Worked | None) -> None:
        if news is not None:
            self._seen_on = self._trails.number
            self._writer.take(Work((), 0.0), news)


@contextmanager
def _guarded(do_without: Callable[[Exception], None]) -> Iterator[None]:
    """Within, whatever the user's own model, loss or data raise ends what they were asked for, not the loop."""
    try:
        yield
    except Exception as error:
        do_without(error)
