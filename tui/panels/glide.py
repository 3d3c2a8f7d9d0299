"""On the way from one picture of the trails to the next: moved through in a few frames, not jumped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.experiment.geometry import Window
from tui.draw.ground import Ground
from tui.draw.viewport import Viewport
from tui.scene.scene import RunScene, Scene

FRAMES = 6
"""How many a change takes: about a fifth of a second."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Carry:
    """What lay at `p` in one picture lies at `scale * p + shift` in the next."""

    scale: float
    shift: tuple[float, float]

    @classmethod
    def between(cls, before: Floats, after: Floats) -> "Carry | None":
        """The one that takes points, shape (K, 2), as near as it can to others; None where they do not say how far.

        Planes are turned and mirrored to agree, so that least squares for a scale and a shift are all that is left.
        """
        finite = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
        if not finite.any():
            return None
        before, after = before[finite], after[finite]
        middle, there = before.mean(axis=0), after.mean(axis=0)
        spread = float(((before - middle) ** 2).sum())
        agreement = float(((before - middle) * (after - there)).sum())
        if not spread or agreement <= 0:
            return None
        scale = agreement / spread
        x, y = (there - scale * middle).tolist()
        return cls(scale, (x, y))

    @classmethod
    def of_windows(cls, before: Window, after: Window) -> "Carry":
        """The one that takes the middle of a window to that of another one, and its width to its width."""
        scale = (after.right - after.left) / (before.right - before.left)
        x = (after.left + after.right - scale * (before.left + before.right)) / 2
        y = (after.bottom + after.top - scale * (before.bottom + before.top)) / 2
        return cls(scale, (x, y))

    def points(self, points: Floats) -> Floats:
        """Where points lie then, shape (K, 2)."""
        return self.scale * points + self.shift

    def window(self, window: Window) -> Window:
        """Where a window lies then."""
        (left, bottom), (right, top) = self.points(np.array([window[::2], window[1::2]])).tolist()
        return Window(left, right, bottom, top)

    def ground(self, ground: Ground) -> Ground:
        """Where a landscape lies then; it is one of another plane now."""
        landscape = replace(ground.landscape, window=self.window(ground.landscape.window))
        return replace(ground, landscape=landscape, lines=[self.points(line) for line in ground.lines], stale=True)


@dataclass(frozen=True, slots=True, eq=False)
class TrailsPicture:
    """What was drawn of the trails.

    Attributes:
        window: the part of the plane.
        trails: for each run, by index, updates of shape (K,) and where it was after them, shape (K, 2).
    """

    window: Window
    trails: Mapping[int, tuple[NDArray[np.int64], Floats]]

    @classmethod
    def of(cls, scene: Scene, window: Window) -> "TrailsPicture":
        """That of the runs that are shown."""
        return cls(window, {run.index: (run.updates, run.points) for run in scene.runs if run.shown})

    def at(self, run: RunScene) -> Floats:
        """Where each of a run's points was, shape (K, 2): between those drawn on the line, later ones at the head."""
        if run.index not in self.trails:
            return run.points
        updates, points = self.trails[run.index]
        return np.stack([np.interp(run.updates, updates, points[:, axis]) for axis in (0, 1)], axis=1)

    def carry(self, runs: Sequence[RunScene]) -> Carry | None:
        """Where the picture lies on the plane on which runs are seen now; None where they do not say."""
        known = [run for run in runs if run.index in self.trails and not run.status.stopped]
        if not known:
            return None
        before, after = [self.at(run) for run in known], [run.points for run in known]
        return Carry.between(np.concatenate(before), np.concatenate(after))

    def carried(self, carry: Carry) -> "TrailsPicture":
        """The same in other coordinates."""
        trails = {index: (updates, carry.points(points)) for index, (updates, points) in self.trails.items()}
        return TrailsPicture(carry.window(self.window), trails)


@dataclass(frozen=True, slots=True, eq=False)
class Glide:
    """Where a change has got to.

    Attributes:
        start: the old picture, in the coordinates of the new plane.
        frames: that went by since.
    """

    start: TrailsPicture
    frames: int = 0

    def on(self) -> "Glide | None":
        """A frame later; None at the end of the way."""
        return replace(self, frames=self.frames + 1) if self.frames + 1 < FRAMES else None

    @property
    def _share(self) -> float:
        """Of the way: slow at either end."""
        part = self.frames / FRAMES
        return part * part * (3 - 2 * part)

    def view(self, view: Viewport) -> Viewport:
        """What is seen on the way to a view."""
        edges = zip(self.start.window, view.window, strict=True)
        return replace(view, window=Window(*(one + (other - one) * self._share for one, other in edges)))

    def scene(self, scene: Scene) -> Scene:
        """The trails on the way to where they are."""
        return replace(scene, runs=tuple(replace(run, points=self._moved(run)) for run in scene.runs))

    def _moved(self, run: RunScene) -> Floats:
        start = self.start.at(run)
        moved: Floats = start + (run.points - start) * self._share
        return moved
