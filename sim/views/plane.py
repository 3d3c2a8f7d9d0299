"""How many parameters are seen in two dimensions: a plane of the parameter space, and points on it.

A vector of parameters has the shape (L,) of their `Layout`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

from sim.experiment.choices import PlaneName
from sim.models.flat import Layout

AT_ONCE = 65_536  # numbers that are taken in float64 at once: they stay in the processor's cache


def on_plane_terms(vector: Tensor, *, copy: bool = False) -> Tensor:
    """A vector of parameters as planes take it: on the CPU, in float32 at least."""
    return vector.detach().to("cpu", torch.promote_types(vector.dtype, torch.float32), copy=copy)


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane of the parameter space: all `origin + x * basis[0] + y * basis[1]`, seen as the points (x, y).

    Attributes:
        kind: how it was found.
        origin: shape (L,).
        basis: shape (2, L); orthonormal, except for `random`.
        words: what it is, for people.
    """

    kind: PlaneName
    origin: Tensor
    basis: Tensor
    words: str

    def at(self, points: Tensor) -> Tensor:
        """The parameters at a point of the plane, shape (2,) to (L,); at K points, (K, 2) to (K, L)."""
        moved = torch.addmm(self.origin, points.to(self.basis.dtype).reshape(-1, 2), self.basis)
        return moved.reshape(*points.shape[:-1], -1)

    def project(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest points of the plane and how far they are off it: (K, 2) and (K,), for parameters (K, L)."""
        seen = self.resolve(vectors)
        return seen.points.to(vectors.dtype), seen.distances.to(vectors.dtype)

    def resolve(self, vectors: Tensor) -> "Seen":
        """Parameters of shape (K, L) as seen from the plane. In float64, in pieces, since L may be large."""
        along = vectors.new_zeros(len(vectors), 2, dtype=torch.float64)
        squares, gram = along.new_zeros(len(vectors)), along.new_zeros(2, 2)
        columns = max(1, AT_ONCE // len(vectors))
        for part, origin, basis in zip(
            *(torch.split(tensor, columns, dim=-1) for tensor in (vectors, self.origin, self.basis)), strict=True
        ):
            away, directions = part.double() - origin.double(), basis.double()
            along += away @ directions.T
            gram += directions @ directions.T
            squares += (away**2).sum(dim=1)
        points = torch.linalg.solve(gram, along.T).T
        beside = (squares - (points * along).sum(dim=1)).clamp(min=0.0)
        return Seen(points, along, squares, beside)

    def directions(self, gradient: Tensor) -> Tensor:
        """The slope along each of the two directions of a gradient of shape (L,): shape (2,)."""
        return self.basis @ on_plane_terms(gradient)


class IdentityPlane(Plane):
    """The plane of two parameters, each pair its own point: nothing is rounded, and what overflowed stays as it is."""

    def project(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """See `Plane`."""
        return vectors[:, self._occupied], vectors.new_zeros(len(vectors))

    def at(self, points: Tensor) -> Tensor:
        """See `Plane`."""
        vectors = self.basis.new_zeros(*points.shape[:-1], self.basis.shape[1])
        vectors[..., self._occupied] = points.to(self.basis.dtype)
        return vectors

    def directions(self, gradient: Tensor) -> Tensor:
        """See `Plane`."""
        return on_plane_terms(gradient)[self._occupied]

    @property
    def _occupied(self) -> Tensor:
        """Where in a vector the two are."""
        return self.basis.argmax(dim=1)


def identity_plane(layout: Layout) -> Plane:
    """The plane of two parameters that lie so in a vector."""
    (where,) = torch.nonzero(layout.occupied(), as_tuple=True)
    unit = torch.eye(layout.length, dtype=torch.float64)[where]
    return IdentityPlane(
        "identity", torch.zeros(layout.length, dtype=torch.float64), unit, "the two parameters themselves"
    )


class Seen(NamedTuple):
    """K vectors of parameters as seen from a plane, in float64.

    Attributes:
        points: the nearest ones of the plane, shape (K, 2).
        along: the products of their ways from the plane's origin with its two directions, shape (K, 2).
        squares, beside: of their distances from the origin and from the plane, shape (K,).
    """

    points: Tensor
    along: Tensor
    squares: Tensor
    beside: Tensor

    @property
    def distances(self) -> Tensor:
        """From the plane, shape (K,)."""
        return self.beside.sqrt()

    def some(self, which: Tensor) -> "Seen":
        """So many of them: bool, shape (K,)."""
        return Seen(*(column[which] for column in self))


@dataclass(frozen=True, slots=True)
class Scatter:
    """How parameters lie about a plane, in so few numbers that those of two sets add up.

    Attributes:
        count: how many vectors of parameters.
        way: the sum of their ways from the plane's origin, float64, shape (L,).
        points, along, squares, beside: the sums of what `Seen` has of each.
    """

    count: int
    way: Tensor
    points: Tensor
    along: Tensor
    squares: Tensor
    beside: Tensor

    @classmethod
    def of(cls, plane: Plane, vectors: Sequence[Tensor], seen: Seen) -> "Scatter":
        """That of parameters of shape (L,) each, which the plane has resolved."""
        way = plane.origin.double() * -len(vectors)
        for vector in vectors:
            way += vector
        return cls(len(vectors), way, *(column.sum(dim=0) for column in seen))

    def __add__(self, other: "Scatter") -> "Scatter":
        """That of both sets, as seen from the same plane."""
        return Scatter(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def explained(scatters: Sequence[Scatter]) -> float:
    """The share of the variation of sets of parameters about their common mean that lies along a plane; 1 without any.

    On the plane that scikit-learn's PCA finds, the sum of its explained variance ratios. Nothing is made as large as
    the parameters: it is cheap enough to be asked for again and again.
    """
    count = sum(scatter.count for scatter in scatters)
    if not count:
        return 1.0
    points, along, squares, beside = (
        torch.stack([getattr(scatter, name) for scatter in scatters]).sum(dim=0)
        for name in ("points", "along", "squares", "beside")
    )
    of_mean = sum(float(one.way @ other.way) for one in scatters for other in scatters) / count
    variation = float(squares) - of_mean
    missed = float(beside) - (of_mean - float(points @ along) / count)
    return min(1.0, max(0.0, 1.0 - missed / variation)) if variation > 0 else 1.0
