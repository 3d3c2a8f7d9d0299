"""Where the runs of a model went, kept within a memory budget, and seen on a plane that may change."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.experiment.choices import PlaneKind
from sim.protocol.answers import PlaneNews, Trail
from sim.views.planes import Plane, explained, heads_plane, on_plane_terms, pca_plane, random_plane

Floats = NDArray[np.float64]

_BUDGET = 256 * 2**20  # bytes of parameters kept for all runs together
_FEWEST, _MOST = 4, 512  # places kept of each run, however many parameters there are
_REACH = 100.0  # times the length of the parameters at the start
_MOST_FITTED = 64  # places that a plane is fitted to: more would not turn it, but take long
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
        self._has_buffers = any(True for _ in model.buffers())
        self.plane: Plane = random_plane(model, seed)
        self._fitted_at = 0
        self._explained = 1.0
        self._told: list[tuple[int, int]] = []

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
        kept = [(one, head) for one, head in seen if _in_reach(one, head)]
        present = torch.stack([head for _, head in kept] or [snapshots[0].vectors[0]])
        points = torch.stack([*_thinned([vector for one, _ in kept for vector in one.vectors]), *present])
        moved = bool((points != points[0]).any())
        if self.kind == "random" or not moved:
            if self.plane.kind != "random":
                self.plane = random_plane(self._model, self._seed)
                self.number += 1
            self._explained = explained(self.plane, points) if moved else 1.0
            return
        if self.kind == "pca":
            self.plane = pca_plane(points, previous)
        else:
            plane = heads_plane(present, points, previous)
            self.plane = replace(plane, words=f"{plane.words} at update {update:,}")
        self._explained = explained(self.plane, points) if moved else 1.0
        self.number += 1

    def _tell(self, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], *, whole: bool) -> PlaneNews:
        begins = [0] * len(snapshots) if whole else [told for told, _ in self._told]
        vectors = [
            [*one.vectors[begin:], on_plane_terms(head)]
            for one, begin, head in zip(snapshots, begins, heads, strict=True)
        ]
        ends = np.cumsum([len(some) for some in vectors])[:-1]
        places, distances = self._projected(list(chain.from_iterable(vectors)))
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
        self._told = [(len(one.updates), one.thinnings) for one in snapshots]
        unit = float(torch.linalg.vector_norm(self.plane.basis[0]))
        return PlaneNews(self.number, self.kind, self.plane.words, self._explained, whole, trails, unit)

    def _projected(self, vectors: Sequence[Tensor]) -> tuple[Floats, Floats]:
        """Places on the plane and distances from it, shapes (K, 2) and (K,), of K vectors."""
        parts = [
            self.plane.project(torch.stack(tuple(vectors[begin : begin + _AT_ONCE])))
            for begin in range(0, len(vectors), _AT_ONCE)
        ]
        places, distances = (torch.cat(columns).double().numpy() for columns in zip(*parts, strict=True))
        return places, distances


def _thinned(vectors: Sequence[Tensor]) -> list[Tensor]:
    """So many of the vectors, evenly chosen, as a plane is fitted to."""
    chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), _MOST_FITTED)).round().astype(int)
    return [vectors[place] for place in chosen]


def _in_reach(snapshots: Snapshots, head: Tensor) -> bool:
    """Whether a run is near enough to where it began to be seen beside others: one that diverged is not."""
    begin = snapshots.vectors[0]
    return bool(torch.linalg.vector_norm(head - begin) < _REACH * (1 + torch.linalg.vector_norm(begin)))
