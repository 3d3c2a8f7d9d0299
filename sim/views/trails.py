"""Where the runs went, seen on a plane that may change."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import compress
from operator import add
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.experiment.choices import PlaneKind, PlaneName
from sim.models.flat import Layout, trainable
from sim.protocol.answers import PlaneNews, Trail
from sim.views.plane import Plane, Scatter, Seen, explained, identity_plane, on_plane_terms
from sim.views.planes import aligned, distinct, heads_plane, pca_plane, random_plane
from sim.views.snapshots import Snapshots

Floats = NDArray[np.float64]

_REACH = 100.0  # times the length of the parameters at the start
_MOST_FITTED = 64  # snapshots that a plane is fitted to, besides start and heads: more would not turn it, but take long
_AT_ONCE = 64  # snapshots that are projected at once: they are copied for it
REFIT_AFTER = 1.3  # times as many updates as at the last fit
REFIT_AT_LAST = 2.0  # the same while the plane's landscape is still to be completed


class Trails(Protocol):
    """The trails of the runs on a plane, sent to the terminal piece by piece.

    Attributes:
        plane: the present one.
        number: of the plane; another one where it changed.
        fitted: whether the plane may change, so that all snapshots have to be kept.
    """

    plane: Plane
    number: int
    fitted: bool

    def set_kind(
        self,
        kind: PlaneKind,
        snapshots: Sequence[Snapshots],
        heads: Sequence[Tensor],
        updates: Sequence[int],
        *,
        afresh: bool = False,
    ) -> PlaneNews:
        """See the runs on another plane, turned to agree best with the last one, unless `afresh`."""

    def news(
        self,
        snapshots: Sequence[Snapshots],
        heads: Sequence[Tensor],
        updates: Sequence[int],
        *,
        refit_after: float = REFIT_AFTER,
    ) -> PlaneNews:
        """Refit the plane if the runs have moved much since; what is new on it, or all if it changed.

        Args:
            snapshots: what is kept of each run; where the plane is never fitted, what was not sent yet.
            heads: where the runs are, shape (L,) each.
            updates: how many each has made.
            refit_after: times as many updates as at the last fit have to be made until the next.
        """


def trails_of(kind: PlaneName, model: nn.Module, seed: int) -> Trails:
    """The trails of runs of a model, seen on a plane of some kind; see `random_plane` for the seed."""
    return IdentityTrails(model) if kind == "identity" else FittedTrails(kind, model, seed)


class IdentityTrails:
    """`Trails` of two parameters, which are their own plane."""

    fitted = False
    number = 0

    def __init__(self, model: nn.Module) -> None:
        self.plane = identity_plane(Layout.of(parameter for _, parameter in trainable(model)))

    def set_kind(
        self,
        _kind: PlaneKind,
        snapshots: Sequence[Snapshots],
        heads: Sequence[Tensor],
        updates: Sequence[int],
        *,
        afresh: bool = False,  # noqa: ARG002
    ) -> PlaneNews:
        """Two parameters are their own plane."""
        return self.news(snapshots, heads, updates)

    def news(
        self,
        snapshots: Sequence[Snapshots],
        heads: Sequence[Tensor],
        _updates: Sequence[int],
        *,
        refit_after: float = REFIT_AFTER,  # noqa: ARG002
    ) -> PlaneNews:
        """See `Trails`."""
        trails = tuple(self._trail(*one.since(0), head) for one, head in zip(snapshots, heads, strict=True))
        return PlaneNews(0, "identity", self.plane.words, 1.0, False, trails)

    def _trail(self, updates: NDArray[np.int64], blocks: list[Tensor], head: Tensor) -> Trail:
        xy = torch.cat([self.plane.project(vectors)[0] for vectors in [*blocks, on_plane_terms(head)[None]]])
        x, y = xy[-1].tolist()
        return Trail(updates, xy[:-1].double().numpy(), np.zeros(len(updates)), (x, y), 0.0)


class FittedTrails:
    """`Trails` on a plane that is fitted to them anew as they grow."""

    fitted = True

    def __init__(self, kind: PlaneKind, model: nn.Module, seed: int) -> None:
        self.kind = kind
        self.number = 0
        self._model, self._seed = model, seed
        parameters = [parameter.detach() for _, parameter in trainable(model)]
        self._layout = Layout.of(parameters)
        self._start = on_plane_terms(self._layout.join(parameters), copy=True)
        self._has_buffers = any(True for _ in model.buffers())
        self.plane: Plane = random_plane(model, seed)
        self._fitted_at = 0
        self._sent: list[tuple[int, int]] = []
        self._reach: list[bool] = []
        self._scatter: Scatter | None = None  # of the snapshots kept of the runs in reach

    def set_kind(
        self,
        kind: PlaneKind,
        snapshots: Sequence[Snapshots],
        heads: Sequence[Tensor],
        updates: Sequence[int],
        *,
        afresh: bool = False,
    ) -> PlaneNews:
        """See `Trails`."""
        self.kind, self._fitted_at = kind, _made(snapshots, updates)
        self._fit(snapshots, heads, updates, previous=None if afresh else self.plane)
        return self._news(snapshots, heads, whole=True)

    def news(
        self,
        snapshots: Sequence[Snapshots],
        heads: Sequence[Tensor],
        updates: Sequence[int],
        *,
        refit_after: float = REFIT_AFTER,
    ) -> PlaneNews:
        """See `Trails`."""
        made = _made(snapshots, updates)
        grown = made > self._fitted_at * refit_after and made > 0
        if grown:
            self._fitted_at = made
            self._fit(snapshots, heads, updates, previous=self.plane if self.plane.kind != "random" else None)
            if self.kind == "random":  # it stays, but a landscape over it changes with running statistics
                self.number += self._has_buffers
                grown = self._has_buffers
        thinned = [one.thinnings for one in snapshots] != [thinnings for _, thinnings in self._sent]  # or forked
        return self._news(snapshots, heads, whole=grown or thinned)

    def _fit(
        self, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], updates: Sequence[int], previous: Plane | None
    ) -> None:
        seen = zip(snapshots, map(on_plane_terms, heads), strict=True)
        kept = [(_own_way(one), head) for one, head in seen if self._in_reach(head)]
        trails, present = zip(*kept or [([self._start], self._start)], strict=True)
        vectors = torch.stack(distinct(trails, present, _MOST_FITTED))
        if self.kind == "random" or len(vectors) == 1:
            if self.plane.kind != "random":
                self.plane = aligned(random_plane(self._model, self._seed), self.plane, vectors)
                self.number += 1
            return
        if self.kind == "pca":
            self.plane = pca_plane(vectors, previous, self._layout)
        else:
            plane = heads_plane(torch.stack(present), vectors, previous, self._layout)
            self.plane = replace(plane, words=f"{plane.words} at update {max(updates):,}")
        self.number += 1

    def _in_reach(self, head: Tensor) -> bool:
        """Whether a run is near enough to where it began to be seen beside others: one that diverged is not."""
        reach = _REACH * (1 + torch.linalg.vector_norm(self._start))
        return bool(torch.linalg.vector_norm(head - self._start) < reach)

    def _news(self, snapshots: Sequence[Snapshots], heads: Sequence[Tensor], *, whole: bool) -> PlaneNews:
        present = list(map(on_plane_terms, heads))
        reach = list(map(self._in_reach, present))
        whole = whole or reach != self._reach
        begins = [0] * len(snapshots) if whole else [sent for sent, _ in self._sent]
        vectors, kept, unkept = list[Tensor](), list[bool](), list[bool]()
        for one, head, begin, near in zip(snapshots, present, begins, reach, strict=True):
            fresh = [vector for block in one.since(begin)[1] for vector in block]
            again = whole and any(kept)  # all runs begin at one point
            vectors += [*fresh, head]
            counts = zip(fresh, one.own[begin:].tolist(), strict=True)
            kept += [near and own and not (again and vector is fresh[0]) for vector, own in counts] + [False]
            unkept += [False] * len(fresh) + [near and not torch.equal(one.newest, head)]
        seen = self._seen(vectors)
        share = self._explained(vectors, seen, kept, unkept, whole=whole)
        xy, distances = seen.points.numpy(), seen.distances.numpy()
        ends = np.cumsum([len(one) - begin + 1 for one, begin in zip(snapshots, begins, strict=True)])[:-1]
        trails = tuple(
            Trail(one.updates[begin:], own[:-1], off[:-1], (float(own[-1, 0]), float(own[-1, 1])), float(off[-1]))
            for one, begin, own, off in zip(
                snapshots, begins, np.split(xy, ends), np.split(distances, ends), strict=True
            )
        )
        self._sent, self._reach = [(len(one), one.thinnings) for one in snapshots], reach
        unit = float(torch.linalg.vector_norm(self.plane.basis[0]))
        return PlaneNews(self.number, self.kind, self.plane.words, share, whole, trails, unit)

    def _seen(self, vectors: list[Tensor]) -> Seen:
        """K vectors as seen from the plane."""
        parts = [
            self.plane.resolve(torch.stack(vectors[begin : begin + _AT_ONCE]))
            for begin in range(0, len(vectors), _AT_ONCE)
        ]
        return Seen(*(torch.cat(columns) for columns in zip(*parts, strict=True)))

    def _explained(
        self, vectors: list[Tensor], seen: Seen, kept: list[bool], unkept: list[bool], *, whole: bool
    ) -> float:
        """The share of the variation of all snapshots, counted once each, that lies along the plane.

        Args:
            vectors, seen: what is sent, and how the plane sees it.
            kept: which of them count from now on.
            unkept: which of them count this once.
            whole: whether nothing counted before.
        """
        lasting, now = (
            [Scatter.of(self.plane, list(compress(vectors, which)), seen.some(torch.tensor(which)))]
            if any(which)
            else []
            for which in (kept, unkept)
        )
        before = [] if whole or self._scatter is None else [self._scatter]
        self._scatter = reduce(add, before + lasting) if before + lasting else None
        return explained([*([] if self._scatter is None else [self._scatter]), *now])


def _own_way(one: Snapshots) -> list[Tensor]:
    """Where a run began, and what no other run has of its way."""
    start, *others = one.vectors
    return [start, *compress(others, one.own[1:].tolist())]


def _made(snapshots: Sequence[Snapshots], updates: Sequence[int]) -> int:
    """How many updates all runs have made, those that forks have in common with their parents once."""
    return sum(update - max(one.shared, 0) for one, update in zip(snapshots, updates, strict=True))
