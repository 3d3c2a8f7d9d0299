"""Where the runs of a model went, kept within a memory budget, and seen on a plane that may change."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import compress
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.experiment.choices import PlaneKind
from sim.measures.planes import (
    Plane,
    Resolved,
    Scatter,
    distinct,
    explained,
    heads_plane,
    on_plane_terms,
    pca_plane,
    random_plane,
)
from sim.models.flat import Layout, trainable
from sim.protocol.answers import PlaneNews, Trail

Floats = NDArray[np.float64]

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
        self._scatter: Scatter | None = None  # of the places kept of the runs in reach

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
        vectors, kept, unkept = list[Tensor](), list[bool](), list[bool]()
        for one, head, begin, near in zip(snapshots, present, begins, reach, strict=True):
            fresh = one.vectors[begin:]
            again = whole and any(kept)  # all runs begin at one place
            vectors += [*fresh, head]
            kept += [near and not (again and vector is fresh[0]) for vector in fresh] + [False]
            unkept += [False] * len(fresh) + [near and not torch.equal(one.vectors[-1], head)]
        seen = self._resolved(vectors)
        share = self._explained(vectors, seen, kept, unkept, whole=whole)
        places, distances = seen.places.numpy(), seen.distances.numpy()
        ends = np.cumsum([len(one.updates) - begin + 1 for one, begin in zip(snapshots, begins, strict=True)])[:-1]
        trails = tuple(
            Trail(
                updates=np.array(one.updates[begin:], np.int64),
                xy=xy[:-1],
                distances=off[:-1],
                head=(float(xy[-1, 0]), float(xy[-1, 1])),
                head_distance=float(off[-1]),
            )
            for one, begin, xy, off in zip(
                snapshots, begins, np.split(places, ends), np.split(distances, ends), strict=True
            )
        )
        self._told, self._reach = [(len(one.updates), one.thinnings) for one in snapshots], reach
        unit = float(torch.linalg.vector_norm(self.plane.basis[0]))
        return PlaneNews(self.number, self.kind, self.plane.words, share, whole, trails, unit)

    def _resolved(self, vectors: list[Tensor]) -> Resolved:
        """K vectors as seen from the plane."""
        parts = [
            self.plane.resolve(torch.stack(vectors[begin : begin + _AT_ONCE]))
            for begin in range(0, len(vectors), _AT_ONCE)
        ]
        return Resolved(*(torch.cat(columns) for columns in zip(*parts, strict=True)))

    def _explained(
        self, vectors: list[Tensor], seen: Resolved, kept: list[bool], unkept: list[bool], *, whole: bool
    ) -> float:
        """The share of the variation of all places, each once, that lies along the plane.

        Args:
            vectors, seen: what is told, and how the plane sees it.
            kept: which of them count from now on.
            unkept: which of them count this once.
            whole: whether nothing counted before.
        """
        told, now = (
            [Scatter.of(self.plane, list(compress(vectors, which)), seen.some(torch.tensor(which)))]
            if any(which)
            else []
            for which in (kept, unkept)
        )
        before = [] if whole or self._scatter is None else [self._scatter]
        self._scatter = reduce(add, before + told) if before + told else None
        return explained([*([] if self._scatter is None else [self._scatter]), *now])


def _in_reach(snapshots: Snapshots, head: Tensor) -> bool:
    """Whether a run is near enough to where it began to be seen beside others: one that diverged is not."""
    begin = snapshots.vectors[0]
    return bool(torch.linalg.vector_norm(head - begin) < _REACH * (1 + torch.linalg.vector_norm(begin)))
