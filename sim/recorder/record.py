"""The record of a loop: its updates, where it went, and the landscape there."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sim.descent.retention import KeptSnapshots
from sim.experiment.errors import ConfigError
from sim.experiment.geometry import Window
from sim.experiment.resolved import IDENTITY_PARAMETERS, Lineage
from sim.experiment.seeds import Seeds
from sim.experiment.words import first_line
from sim.models.flat import Layout, trainable
from sim.models.problem import Loss
from sim.protocol.answers import Advanced, Opened, PlaneNews, Worked
from sim.protocol.commands import Advance, Open, Survey
from sim.protocol.results import Surveyed
from sim.protocol.trace import Rows
from sim.recorder.data import Data, LossOverData
from sim.recorder.loop import resolved_loop
from sim.recorder.steps import Steps
from sim.recording.writer import Writer, check_name
from sim.views.plane import on_plane_terms
from sim.views.trails import REFIT_AFTER, REFIT_AT_LAST, trails_of

_FIRST, _EVERY = 0.5, 2.0  # seconds until what came is first looked at, and between two looks at most
_GRADIENTS, _EACH_OTHER = 0.006, 0.003  # shares of the loop's time: for gradients' lengths; for what else costs time
_MEMORY = 256 * 2**20  # bytes for parameters that are kept
_WAITING = 32 * 2**20  # bytes of them that may wait where the model is
_PATIENCE = 1.0  # seconds that a pass through all examples may take before and after the loop
_AT_THE_END = 3.0  # seconds for the landscape
_GRID = 96, 64  # of landscapes
_ROOM = 0.3  # around the trail in a landscape, as a share of its extent; as much as a screen leaves
_WIDTHS = 1.1, 1.6  # of the screen's surface, in heights


@dataclass(slots=True)
class _Allowance:
    """Seconds that something may take in all, as a share of the loop's."""

    share: float = _EACH_OTHER
    spent: float = 0.0

    def bears(self, seconds: float, elapsed: float) -> bool:
        """Whether so much more may be spent, so many seconds after the start."""
        return self.spent + seconds <= self.share * elapsed


class Record:
    """What is recorded of a loop, from where its model stands now.

    Raises:
        ConfigError: for a model without parameters to train, or a file whose name is no recording's.
    """

    def __init__(
        self, path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss | None, data: Data | None
    ) -> None:
        check_name(path)
        self._path, self._model, self._optimizer = path, model, optimizer
        self._parameters: list[Tensor] = [parameter for _, parameter in trainable(model)]
        if not self._parameters:
            raise ConfigError("The model has no parameters to train.")
        self._sentences = list[str]()
        self._over_data = None if loss is None or data is None else self._look_at(model, loss, data)
        self._examples = self._over_data.examples if self._over_data else _count(data)
        layout = Layout.of(self._parameters)
        flat = sum(parameter.numel() for parameter in self._parameters) == IDENTITY_PARAMETERS
        self._now = layout.join([parameter.detach() for parameter in self._parameters])
        self._parts = list(layout.split(self._now))
        self._trails = trails_of("identity" if flat else "pca", model, Seeds.of(torch.initial_seed()).directions)
        self._kept = KeptSnapshots(layout.length, math.inf if flat else _MEMORY)
        self._waiting: list[tuple[int, Tensor]] = [(0, self._now.clone())]
        self._steps = Steps(self._parameters, optimizer, self._examples)
        self._start = self._steps.start(self._loss() if self._pass_seconds < _PATIENCE else math.nan)
        self._survey: Iterator[Surveyed | None] | None = None
        self._bounds: Window | None = None  # of the trail, on the present plane
        self._surveyed: tuple[int, Window] | None = None  # the plane and the window of the newest landscape
        self._lineages: tuple[Lineage, ...] = ()
        self._writer = Writer(path)
        self._measuring = _Allowance(_GRADIENTS)
        self._copying, self._passing, self._looking = _Allowance(), _Allowance(), _Allowance()
        self._fit_seconds = 0.0
        self._began = self._due = time.perf_counter()
        self._due += _FIRST

    # -- the loop -----------------------------------------------------------------------------------------------------

    def take(self, batch_loss: Tensor | float, examples: int) -> bool:
        """Record an update; whether something was written, and there may be sentences."""
        now = time.perf_counter()
        steps, elapsed, cheap = self._steps, now - self._began, not self._trails.fitted
        measured = cheap or self._measuring.bears(0.0, elapsed)
        steps.take(batch_loss, examples, elapsed - self._passing.spent - self._looking.spent, measured=measured)
        if measured:
            self._measuring.spent += time.perf_counter() - now
        if steps.update == 1:
            self._open(examples)
        if steps.update % self._kept.now.stride == 0 and (cheap or self._copying.bears(0.0, elapsed)):
            began = time.perf_counter()
            self._waiting.append((steps.update, self._copy()))
            self._copying.spent += time.perf_counter() - began
            if len(self._waiting) * self._now.nbytes > _WAITING:
                self._keep()
        if self._over_data and self._passing.bears(self._pass_seconds, elapsed):
            self._note_loss()
        if now < self._due:
            return False
        self._write(self._steps.rows())
        self._go_on_looking(now)
        self._due = time.perf_counter() + min(_EVERY, elapsed)
        return True

    def close(self, *, in_haste: bool) -> None:
        """Write what is left, and the landscape, unless in haste."""
        if self._lineages:
            if not in_haste and self._pass_seconds < _PATIENCE:
                self._note_loss()
            self._write(self._steps.rows(), finished=True)
            if self._over_data is not None and not in_haste:
                self._begin_survey()
                self._survey_for(_AT_THE_END)
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

    def _write(self, rows: Rows, *, finished: bool = False) -> None:
        """Have written what came since; the plane is fitted anew where that is due."""
        self._keep()
        began = time.perf_counter()
        snapshots, heads, updates = [self._kept.now], [self._copy()], [self._steps.update]
        finite = bool(torch.isfinite(heads[0]).all())
        number = self._trails.number
        if finished and finite:
            plane = self._trails.set_kind("pca", snapshots, heads, updates)
        else:
            bears = finite and self._looking.bears(self._fit_seconds, began - self._began)
            refit_after = math.inf if not bears else REFIT_AFTER if self._survey is None else REFIT_AT_LAST
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
        """Note how far the trail goes on its plane, whose points need not be kept any more if it never changes."""
        (trail,) = plane.trails
        points = np.concatenate([trail.xy, [trail.head]])
        points = points[np.isfinite(points).all(axis=1)]
        if self._bounds is not None and not plane.whole:
            left, right, bottom, top = self._bounds
            points = np.concatenate([points, [(left, bottom), (right, top)]])
        if len(points):
            (left, bottom), (right, top) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
            self._bounds = Window(left, right, bottom, top)
        if not self._trails.fitted:
            self._kept.forget()

    # -- the loss over all examples ----------------------------------------------------------------------------------

    def _look_at(self, model: nn.Module, loss: Loss, data: Data) -> LossOverData | None:
        try:
            return LossOverData(model, loss, data)
        except Exception as error:  # as the user's own code raises
            self._do_without(error)
        return None

    def _do_without(self, error: Exception) -> None:
        self._sentences.append(f"No losses over all examples and no landscapes are recorded: {first_line(error)}.")
        self._over_data = self._survey = None

    @property
    def _pass_seconds(self) -> float:
        """How long it takes to go through all examples."""
        return self._over_data.pass_seconds if self._over_data else 0.0

    def _loss(self) -> float:
        """The loss over all examples, where it is known of what."""
        if self._over_data is None:
            return math.nan
        try:
            return self._over_data.passes().training.loss
        except Exception as error:
            self._do_without(error)
            return math.nan

    def _note_loss(self) -> None:
        """Note the loss over all examples where the model stands now."""
        began = time.perf_counter()
        self._steps.note_loss(self._loss())
        self._passing.spent += time.perf_counter() - began

    def _go_on_looking(self, now: float) -> None:
        """Go on with the landscape where there is time for it."""
        if self._over_data is None or not self._looking.bears(0.0, now - self._began):
            return
        same_plane = self._surveyed is not None and self._surveyed[0] == self._trails.number
        if not (same_plane and self._survey):
            if self._surveyed and same_plane and _within(self._bounds, self._surveyed[1]):
                return
            self._begin_survey()
        self._survey_for(0.0)

    def _begin_survey(self) -> None:
        assert self._over_data is not None
        window, number = _around(self._bounds or Window(0.0, 0.0, 0.0, 0.0)), self._trails.number
        self._surveyed = number, window
        self._survey = self._over_data.survey(self._trails.plane.at, number, window, *_GRID)

    def _survey_for(self, seconds: float) -> None:
        """Do at least one piece of the landscape, and as many as there is time for; write what there is to be seen."""
        assert self._survey is not None
        began, seen = time.perf_counter(), None
        try:
            for stage in self._survey:
                seen = stage or seen
                if time.perf_counter() - began >= seconds:
                    break
            else:
                self._survey = None
        except Exception as error:
            self._do_without(error)
        self._looking.spent += time.perf_counter() - began
        if seen is not None:
            rows, columns = seen.values.shape
            self._writer.take(Advance(0, 0.0, 0.0), Worked(((Survey(seen.window, columns, rows), seen),), ()))


def _count(data: Data | None) -> int:
    """How many examples there are; 0 where that is not known."""
    if data is None:
        return 0
    if isinstance(data, tuple):
        return len(data[0])
    dataset = getattr(data, "dataset", data)
    return len(dataset) if hasattr(dataset, "__len__") else 0


def _within(bounds: Window | None, window: Window) -> bool:
    return bounds is None or (
        window.left <= bounds.left
        and bounds.right <= window.right
        and window.bottom <= bounds.bottom
        and bounds.top <= window.top
    )


def _around(bounds: Window) -> Window:
    """A window with room around what lies within bounds, as wide as a screen shows it at least."""
    left, right, bottom, top = bounds
    narrow, wide = _WIDTHS
    x, y, room = (left + right) / 2, (bottom + top) / 2, 0.5 + _ROOM
    across = max(right - left, (top - bottom) * wide) * room or 1.0
    up = max(top - bottom, (right - left) / narrow) * room or 1.0
    return Window(x - across, x + across, y - up, y + up)
