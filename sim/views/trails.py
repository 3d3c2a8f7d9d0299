"""Where the runs went, seen on a plane that may change."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.experiment.choices import PlaneName
from sim.protocol.answers import PlaneNews, Trail
from sim.views.places import Places
from sim.views.planes import (
    Plane,
    explained,
    heads_plane,
    identity_plane,
    on_plane_terms,
    pca_plane,
    random_plane,
)

Floats = NDArray[np.float64]

_REACH = 100.0  # times the length of the parameters at the start
_MOST_FITTED = 64  # places that a plane is fitted to: more would not turn it, but take long
_NUMBERS_AT_ONCE = 65_536
_REFIT_AFTER = 1.3  # times as many updates as at the last fit


class Trails:
    """The plane, and what of the trails on it the terminal has not been told yet.

    Attributes:
        kind: what was asked for.
        plane: the one that there is: before anything has moved a random one, where it is to be fitted.
        number: of the plane; another one where it changed.
    """

    def __init__(self, kind: PlaneName, model: nn.Module, seed: int) -> None:
        self.kind = kind
        self.number = 0
        self._model, self._seed = model, seed
        self._has_buffers = any(True for _ in model.buffers())
        self.plane: Plane = identity_plane() if kind == "identity" else random_plane(model, seed)
        self._origin = torch.cat([parameter.reshape(-1) for parameter in model.parameters() if parameter.requires_grad])
        self._fitted_at = 0
        self._explained = 1.0
        self._told: list[tuple[int, int]] = []

    @property
    def fitted(self) -> bool:
        """Whether the plane may change, so that all places have to be kept."""
        return self.kind != "identity"

    def set_kind(
        self, kind: PlaneName, places: Sequence[Places], heads: Sequence[Tensor], updates: Sequence[int]
    ) -> PlaneNews:
        """See the runs on another plane."""
        self.kind = kind
        self._fit(places, heads, updates, previous=None)
        return self._tell(places, heads, whole=True)

    def news(self, places: Sequence[Places], heads: Sequence[Tensor], updates: Sequence[int]) -> PlaneNews:
        """Refit the plane if the runs have moved much since; what is new on it, or all if it changed.

        Args:
            places: what is kept of each run; where the plane is never fitted, what was not told yet.
            heads: where the runs are, shape (P,) each.
            updates: how many each has made.
        """
        if not self.fitted:
            self._told = []
            return self._tell(places, heads, whole=False)
        made = sum(updates)
        grown = made > self._fitted_at * _REFIT_AFTER and made > 0
        if grown:
            self._fitted_at = made
            self._fit(places, heads, updates, previous=self.plane if self.plane.kind != "random" else None)
            if self.kind == "random":  # it stays, but a landscape over it changes with running statistics
                self.number += self._has_buffers
                grown = self._has_buffers
        thinned = [one.thinnings for one in places] != [thinnings for _, thinnings in self._told]
        return self._tell(places, heads, whole=grown or thinned)

    def _fit(
        self, places: Sequence[Places], heads: Sequence[Tensor], updates: Sequence[int], previous: Plane | None
    ) -> None:
        seen = zip(places, map(on_plane_terms, heads), strict=True)
        kept = [(one, head) for one, head in seen if self._in_reach(head)]
        present = torch.stack([head for _, head in kept] or [on_plane_terms(self._origin)])
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
            self.plane = replace(plane, words=f"{plane.words} at update {max(updates):,}")
        self._explained = explained(self.plane, points)
        self.number += 1

    def _in_reach(self, head: Tensor) -> bool:
        """Whether a run is near enough to where it began to be seen beside others: one that diverged is not."""
        begin = on_plane_terms(self._origin)
        return bool(torch.linalg.vector_norm(head - begin) < _REACH * (1 + torch.linalg.vector_norm(begin)))

    def _tell(self, places: Sequence[Places], heads: Sequence[Tensor], *, whole: bool) -> PlaneNews:
        begins = [0] * len(places) if whole or not self._told else [told for told, _ in self._told]
        new = [one.since(begin) for one, begin in zip(places, begins, strict=True)]
        ends = np.cumsum([len(updates) + 1 for updates, _ in new])[:-1]
        blocks = [[*vectors, on_plane_terms(head)[None]] for (_, vectors), head in zip(new, heads, strict=True)]
        projected = [self.plane.project(part) for part in _portions(chain.from_iterable(blocks), self._at_once)]
        xy, off = (torch.cat(parts).double().numpy() for parts in zip(*projected, strict=True))
        trails = tuple(
            Trail(updates, own[:-1], away[:-1], (float(own[-1, 0]), float(own[-1, 1])), float(away[-1]))
            for (updates, _), own, away in zip(new, np.split(xy, ends), np.split(off, ends), strict=True)
        )
        self._told = [(len(one), one.thinnings) for one in places]
        unit = float(torch.linalg.vector_norm(self.plane.basis[0]))
        return PlaneNews(self.number, self.kind, self.plane.words, self._explained, whole, trails, unit)

    @property
    def _at_once(self) -> int:
        """How many places are projected at once: they are copied for it."""
        return max(64, _NUMBERS_AT_ONCE // self.plane.origin.numel())


def _portions(blocks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """The rows of blocks (k, P), joined and cut anew into blocks of so many."""
    waiting, room = list[Tensor](), size
    for block in blocks:
        rest = block
        while len(rest):
            waiting.append(rest[:room])
            rest, room = rest[room:], room - len(waiting[-1])
            if not room:
                yield torch.cat(waiting)
                waiting, room = [], size
    if waiting:
        yield torch.cat(waiting)


def _thinned(vectors: Sequence[Tensor]) -> list[Tensor]:
    """So many of the vectors, evenly chosen, as a plane is fitted to."""
    chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), _MOST_FITTED)).round().astype(int)
    return [vectors[place] for place in chosen]
