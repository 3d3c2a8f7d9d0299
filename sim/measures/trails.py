"""Where the runs of a model went, kept within a memory budget, and seen on a plane that may change."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import torch
from torch import Tensor, nn

from sim.experiment.choices import PlaneKind
from sim.measures.planes import (
    Plane,
    Resolved,
    Scatter,
    distinct,
    heads_plane,
    on_plane_terms,
    pca_plane,
    random_plane,
)
from sim.models.flat import Layout, trainable
from sim.protocol.answers import PlaneNews, Trail

_BUDGET = 256 * 2**20  # bytes of parameters kept for all runs together
_FEWEST, _MOST = 4, 512  # places kept of each run, however many parameters there are
_REACH = 100.0  # times the length of the parameters at the start
_MOST_FITTED = 64  # places that a plane is fitted to, besides start and heads: more would not turn it, but take long
_AT_ONCE = 64  # places that are projected at once: they are copied for it
_REFIT_AFTER = 1.3  # times as many updates as at the last fit


class Snapshots:
    """The parameters of one run at updates 0, s, 2s, ...; the stride s doubles whenever there are too many."""

    def __init__(self, parameters: int, runs: int) -> None:
        self.updates: list[int] = []
        self.vectors: list[Tensor] = []
        self.thinnings = 0
        self._most = min(_MOST, max(_FEWEST, _BUDGET // (4 * parameters * runs)))
        self._stride = 1

    def keep(self, update: int, vector: Tensor) -> None:
        """Keep a place, if its update is one to be kept."""
        if update % self._stride:
            return
        self.updates.append(update)
        self.vectors.append(on_plane_terms(vector, copy=True))
        if len(self.updates) > self._most:
            self._stride *= 2
            self.thinnings += 1
            kept = [place for place, one in enumerate(self.updates) if one % self._stride == 0]
            self.updates = [self.updates[place] for place in kept]
            self.vectors = [self.vectors[place] for place in kept]


class Trails:
    """The plane, and what of the trails on it the terminal has not been told yet."""

    def __init__(self, kind: PlaneKind, model: nn.Module, seed: int) -> None:
        self.kind = kind
        self.number = 0
        self._model, self._seed = model, seed
        self._layout = Layout.of(parameter for _, parameter in trainable(model))
        self._has_buffers = any(True for _ in model.buffers())
        self.plane: Plane = random_plane(model, seed)
        self._fitted_at = 0
        self._told: list[tuple[int, int]] = []
        self._reach: list[bool] = []
        self._scatter: Scatter | None = None  # of the places told of the runs in reach

    def set_kind(
        self, kind: PlaneKind, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], updates: Sequence[int]
    ) -> PlaneNews:
        """See the runs on another plane."""
        self.kind = kind
        self._fit(snapshots, heads, max(updates), previous=None)
        return self._tell(snapshots, heads, whole=True)

    def news(self, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], updates: Sequence[int]) -> PlaneNews:
        """Refit the plane if the runs have moved much since; what is new on it, or all if it changed."""
        made = sum(updates)
        grown = made > self._fitted_at * _REFIT_AFTER and made > 0
        if grown:
            self._fitted_at = made
            self._fit(snapshots, heads, max(updates), previous=self.plane if self.plane.kind != "random" else None)
            if self.kind == "random":  # it stays, but a landscape over it changes with running statistics
                self.number += self._has_buffers
                grown = self._has_buffers
        thinned = [one.thinnings for one in snapshots] != [thinnings for _, thinnings in self._told]
        return self._tell(snapshots, heads, whole=grown or thinned)

    def _fit(
        self, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], update: int, previous: Plane | None
    ) -> None:
        seen = zip(snapshots, map(on_plane_terms, heads), strict=True)
        kept = [(one.vectors, head) for one, head in seen if _in_reach(one, head)]
        start = snapshots[0].vectors[0]
        trails, present = zip(*kept or [([start], start)], strict=True)
        points = torch.stack(distinct(trails, present, _MOST_FITTED))
        if self.kind == "random" or len(points) == 1:
            if self.plane.kind != "random":
                self.plane = random_plane(self._model, self._seed)
                self.number += 1
            return
        if self.kind == "pca":
            self.plane = pca_plane(points, previous, self._layout)
        else:
            plane = heads_plane(torch.stack(present), points, previous, self._layout)
            self.plane = replace(plane, words=f"{plane.words} at update {update:,}")
        self.number += 1

    def _tell(self, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], *, whole: bool) -> PlaneNews:
        present = list(map(on_plane_terms, heads))
        reach = list(map(_in_reach, snapshots, present))
        whole = whole or reach != self._reach
        begins = [0] * len(snapshots) if whole else [told for told, _ in self._told]
        trails, scatter, unkept = list[Trail](), None if whole else self._scatter, list[Scatter]()
        for one, head, begin, near in zip(snapshots, present, begins, reach, strict=True):
            seen = [self.plane.resolve(torch.stack(part)) for part in _in_parts(one.vectors, begin)]
            now = self.plane.resolve(head[None])
            trails.append(_trail(one.updates[begin:], seen, now))
            if near:
                counted = seen[1:] if begin == 0 and scatter is not None else seen  # all runs begin at one place
                scatters = [Scatter.of(self.plane, part) for part in counted]
                scatter = reduce(add, scatters) if scatter is None else reduce(add, scatters, scatter)
                unkept += [] if torch.equal(one.vectors[-1], head) else [Scatter.of(self.plane, now)]
        self._told = [(len(one.updates), one.thinnings) for one in snapshots]
        self._reach, self._scatter = reach, scatter
        explained = 1.0 if scatter is None else reduce(add, unkept, scatter).explained
        unit = float(torch.linalg.vector_norm(self.plane.basis[0]))
        return PlaneNews(self.number, self.kind, self.plane.words, explained, whole, tuple(trails), unit)


def _in_parts(vectors: list[Tensor], begin: int) -> list[list[Tensor]]:
    """The vectors from one of them on, in parts that are projected at once; the very first one for itself."""
    first = max(begin, 1)
    rest = [vectors[place : place + _AT_ONCE] for place in range(first, len(vectors), _AT_ONCE)]
    return rest if begin else [vectors[:1], *rest]


def _trail(updates: Sequence[int], seen: Sequence[Resolved], now: Resolved) -> Trail:
    """What is told of a run whose places the plane has resolved."""
    return Trail(
        updates=np.array(updates, np.int64),
        xy=np.concatenate([np.empty((0, 2)), *(part.places.numpy() for part in seen)]),
        distances=np.concatenate([np.empty(0), *(part.distances.numpy() for part in seen)]),
        head=(float(now.places[0, 0]), float(now.places[0, 1])),
        head_distance=float(now.distances[0]),
    )


def _in_reach(snapshots: Snapshots, head: Tensor) -> bool:
    """Whether a run is near enough to where it began to be seen beside others: one that diverged is not."""
    begin = snapshots.vectors[0]
    return bool(torch.linalg.vector_norm(head - begin) < _REACH * (1 + torch.linalg.vector_norm(begin)))
