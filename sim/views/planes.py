"""How many parameters are seen in two dimensions: planes of the parameter space, and points on them.

A vector of parameters has the shape (L,) of their `Layout`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sim.experiment.choices import PlaneName
from sim.models.flat import Layout, trainable

_OPEN = 1e-3  # of the weight of the points' pictures: that of the directions
_AT_ONCE = 65_536  # numbers that are taken in float64 at once: they stay in the processor's cache


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
        columns = max(1, _AT_ONCE // len(vectors))
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


def distinct(trails: Sequence[Sequence[Tensor]], heads: Sequence[Tensor], most: int | None = None) -> list[Tensor]:
    """The parameters that runs were seen at, each once: where all began, what was kept of their ways, and their heads.

    Args:
        trails: of each run, the parameters kept, from the common start to perhaps its head.
        heads: where each run is.
        most: of those between start and heads, so many at most, evenly chosen; None: all.
    """
    start, between, present = trails[0][0], list[Tensor](), list[Tensor]()
    for trail, head in zip(trails, heads, strict=True):
        between += trail[1:-1] if torch.equal(trail[-1], head) else trail[1:]
        present += [] if torch.equal(start, head) else [head]
    if most is not None and len(between) > most:
        between = [between[index] for index in torch.linspace(0, len(between) - 1, most).round().int().tolist()]
    return [start, *between, *present]


def pca_plane(vectors: Tensor, previous: Plane | None, layout: Layout) -> Plane:
    """The plane of the first two principal components of parameters, shape (K, L), about their mean.

    It is turned within itself to show them as the previous plane did: see `aligned`.
    """
    middle = vectors.mean(dim=0)
    directions = principal_directions(vectors - middle, layout)
    return aligned(Plane("pca", middle, directions, "PCA of the trails so far"), previous, vectors)


def heads_plane(heads: Tensor, vectors: Tensor, previous: Plane | None, layout: Layout) -> Plane:
    """The plane through the runs' present parameters, shape (R, L): exact for three, the best fit for more.

    For fewer it is completed by the direction in which the parameters so far, shape (K, L), vary most besides.
    """
    middle = heads.mean(dim=0)
    spanned = min(len(heads) - 1, 2)
    basis = principal_directions(heads - middle, layout)[:spanned]
    words = "through the three heads" if len(heads) == 3 else "the best fit to the heads"
    if spanned < 2:
        rest = vectors - middle
        rest = rest - (rest @ basis.T) @ basis
        besides = principal_directions(rest - rest.mean(dim=0), layout, beside=basis)
        basis = torch.cat([basis, besides[: 2 - spanned]])
        words = "through the heads, completed by PCA"
    return aligned(Plane("heads", middle, basis, words), previous, vectors)


def random_plane(module: nn.Module, seed: int) -> Plane:
    """Two random directions from where the module is, filter-normalised: Li et al. 2018, "Visualizing the Loss
    Landscape of Neural Nets", section 4. Each filter of a direction is as long as the module's own; parameters of
    one dimension (biases, normalisation) are left out. Where that leaves no plane, the directions are plain noise.

    Drawn from the module's own seed they would be the module: see `directions_seed`.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = [parameter for _, parameter in trainable(module)]
    layout, values = Layout.of(parameters), list(map(on_plane_terms, parameters))
    basis = torch.stack([layout.join([_filters(value, generator) for value in values]) for _ in range(2)])
    words = "two random directions, filter-normalised"
    if _collinear(basis):
        basis = torch.stack([layout.join([_noise(value, generator) for value in values]) for _ in range(2)])
        words = "two random directions, plain noise"
    return Plane("random", layout.join(values), basis, words)


def _collinear(basis: Tensor) -> bool:
    """Whether two directions, shape (2, L), span no plane: so do filters of one weight each, and those of length 0."""
    gram = (basis @ basis.T).double()
    return bool(gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2 <= 1e-6 * gram[0, 0] * gram[1, 1])


def _noise(parameter: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, one for each of a parameter's."""
    return torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)


def _filters(parameter: Tensor, generator: torch.Generator) -> Tensor:
    """A random direction for one parameter: each of its filters (first dimension) as long as the parameter's."""
    if parameter.ndim < 2:
        return torch.zeros_like(parameter)
    direction = _noise(parameter, generator)
    flat, own = direction.flatten(1), parameter.flatten(1)
    scale = torch.linalg.vector_norm(own, dim=1) / (torch.linalg.vector_norm(flat, dim=1) + 1e-10)
    scaled: Tensor = direction * scale.reshape(-1, *[1] * (parameter.ndim - 1))
    return scaled


def principal_directions(centred: Tensor, layout: Layout, beside: Tensor | None = None) -> Tensor:
    """The first two principal directions of centred parameters (K, L), orthonormal, shape (2, L).

    By the eigenvectors of the K x K Gram matrix, in float64 but in pieces: K is small, L may be large. Where those
    span less than two dimensions, single parameters complete them, at right angles also to those `beside`, (B, L).
    """
    parts = torch.split(centred, max(1, _AT_ONCE // len(centred)), dim=1)
    gram = centred.new_zeros(len(centred), len(centred), dtype=torch.float64)
    for part in map(Tensor.double, parts):
        gram += part @ part.T
    values, vectors = torch.linalg.eigh(gram)
    kept = [
        vectors[:, -rank] / values[-rank].sqrt()
        for rank in (1, 2)
        if rank <= len(values) and values[-rank] > 1e-12 * values[-1].clamp(min=1e-300)
    ]
    basis = centred.new_empty(0, centred.shape[1])
    if kept:
        mixing = torch.stack(kept)
        basis = torch.cat([(mixing @ part.double()).to(centred.dtype) for part in parts], dim=1)
    while len(basis) < 2:
        others = basis if beside is None else torch.cat([beside, basis])
        free = others.abs().sum(dim=0).masked_fill_(~layout.occupied(), torch.inf)
        unit = torch.zeros(1, centred.shape[1], dtype=centred.dtype)
        unit[0, int(free.argmin())] = 1
        unit = unit - (unit @ others.T) @ others
        basis = torch.cat([basis, unit / torch.linalg.vector_norm(unit)])
    return basis


def aligned(plane: Plane, previous: Plane | None, vectors: Tensor) -> Plane:
    """The plane turned and mirrored within itself until parameters (K, L) look as they did on the previous one.

    As nearly as they can, in the least squares of their two pictures: the orthogonal Procrustes problem. What these
    leave open, as points on a line do, the planes' directions decide. Random directions stay what they are: they change
    their order and signs at most.
    """
    if previous is None:
        turn = torch.diag(torch.where(plane.basis.double().sum(dim=1) < 0, -1.0, 1.0).double())
    else:
        agreement = _unit(_picture(previous, vectors).T @ _picture(plane, vectors))
        agreement = agreement + _OPEN * _unit(previous.basis.double() @ plane.basis.double().T)
        turn = _swap_or_mirror(agreement) if plane.kind == "random" else _rotation(agreement)
    return replace(plane, basis=turn.to(plane.basis) @ plane.basis)


def _picture(plane: Plane, vectors: Tensor) -> Tensor:
    """Where parameters (K, L) are on a plane, about their mean, as exactly as its turn needs: float64, shape (K, 2)."""
    basis = plane.basis.to(vectors)
    points = torch.linalg.solve((basis @ basis.T).double(), (basis @ vectors.T).double()).T
    picture: Tensor = points - points.mean(dim=0)
    return picture


def _unit(matrix: Tensor) -> Tensor:
    """A matrix of length 1, or zeros."""
    unit: Tensor = matrix / torch.linalg.matrix_norm(matrix).clamp(min=1e-300)
    return unit


def _rotation(agreement: Tensor) -> Tensor:
    """The orthogonal matrix, shape (2, 2), that agrees best: the sum of its products with `agreement` is largest."""
    left, _, right = torch.linalg.svd(agreement)
    rotation: Tensor = left @ right
    return rotation


def _swap_or_mirror(agreement: Tensor) -> Tensor:
    """The same among those that only change the order of two directions, and their signs."""
    signs = [torch.diag(torch.tensor(pair, dtype=torch.float64)) for pair in product((1.0, -1.0), repeat=2)]
    turns = [*signs, *(sign.flip(1) for sign in signs)]
    return max(turns, key=lambda turn: float((turn * agreement).sum()))
