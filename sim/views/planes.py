"""How many parameters are seen in two dimensions: planes of the parameter space, and places on them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sim.experiment.choices import PlaneName
from sim.models.flat import trainable

_AT_ONCE = 65_536  # numbers that are taken in float64 at once: they stay in the processor's cache


def on_plane_terms(vector: Tensor, *, copy: bool = False) -> Tensor:
    """A vector of parameters as planes take it: on the CPU, in float32 at least."""
    return vector.detach().to("cpu", torch.promote_types(vector.dtype, torch.float32), copy=copy)


@dataclass(frozen=True, slots=True)
class Plane:
    """The points `origin + x * basis[0] + y * basis[1]`.

    Attributes:
        kind: how it was found.
        origin: shape (P,).
        basis: shape (2, P); orthonormal, except for `random`.
        words: what it is, for people.
    """

    kind: PlaneName
    origin: Tensor
    basis: Tensor
    words: str

    def at(self, places: Tensor) -> Tensor:
        """The parameters at a place of the plane, shape (2,) to (P,); at K places, (K, 2) to (K, P)."""
        moved = torch.addmm(self.origin, places.to(self.basis.dtype).reshape(-1, 2), self.basis)
        return moved.reshape(*places.shape[:-1], -1)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest places on the plane and how far they are off it: shapes (K, 2) and (K,), for points (K, P)."""
        places, _, beside = self.resolve(points)
        return places.to(points.dtype), beside.sqrt().to(points.dtype)

    def resolve(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The nearest places on the plane, shape (K, 2), for points (K, P); the squares of their distances from the
        origin and from the plane, shape (K,) each. In float64, in pieces, since P may be large."""
        along = points.new_zeros(len(points), 2, dtype=torch.float64)
        squares, gram = along.new_zeros(len(points)), along.new_zeros(2, 2)
        columns = max(1, _AT_ONCE // len(points))
        for part, origin, basis in zip(
            *(torch.split(tensor, columns, dim=-1) for tensor in (points, self.origin, self.basis)), strict=True
        ):
            away, directions = part.double() - origin.double(), basis.double()
            along += away @ directions.T
            gram += directions @ directions.T
            squares += (away**2).sum(dim=1)
        places = torch.linalg.solve(gram, along.T).T
        return places, squares, (squares - (places * along).sum(dim=1)).clamp(min=0.0)

    def directions(self, gradient: Tensor) -> Tensor:
        """The slope along each of the two directions of a gradient of shape (P,): shape (2,)."""
        return self.basis @ on_plane_terms(gradient)


class IdentityPlane(Plane):
    """Two parameters, which are their own places: nothing is rounded, and what overflowed stays as it is."""

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """See `Plane`."""
        return points, points.new_zeros(len(points))

    def at(self, places: Tensor) -> Tensor:
        """See `Plane`."""
        return places.to(self.basis.dtype)

    def directions(self, gradient: Tensor) -> Tensor:
        """See `Plane`."""
        return on_plane_terms(gradient)


def identity_plane() -> Plane:
    """The plane of two parameters."""
    unit = torch.eye(2, dtype=torch.float64)
    return IdentityPlane("identity", torch.zeros(2, dtype=torch.float64), unit, "the two parameters themselves")


def explained(plane: Plane, points: Tensor) -> float:
    """The share of the points' variation about their mean, shape (K, P), that lies in the plane's two directions."""
    _, squares, beside = replace(plane, origin=points.mean(dim=0)).resolve(points)
    variation = float(squares.sum())
    return max(0.0, 1.0 - float(beside.sum()) / variation) if variation > 0 else 1.0


def pca_plane(points: Tensor, previous: Plane | None) -> Plane:
    """The plane of the points' first two principal components, shape (K, P), about their mean.

    It is turned within itself to lie as near to the previous plane as it can.
    """
    middle = points.mean(dim=0)
    directions = principal_directions(points - middle)
    return _aligned(Plane("pca", middle, directions, "PCA of the trails so far"), previous)


def heads_plane(heads: Tensor, points: Tensor, previous: Plane | None) -> Plane:
    """The plane through the runs' present places, shape (R, P): exact for three, the best fit for more.

    For fewer it is completed by the direction in which the points so far, shape (K, P), vary most besides.
    """
    middle = heads.mean(dim=0)
    spanned = min(len(heads) - 1, 2)
    basis = principal_directions(heads - middle)[:spanned]
    words = "through the three heads" if len(heads) == 3 else "the best fit to the heads"
    if spanned < 2:
        rest = points - middle
        rest = rest - (rest @ basis.T) @ basis
        basis = torch.cat([basis, principal_directions(rest - rest.mean(dim=0), beside=basis)[: 2 - spanned]])
        words = "through the heads, completed by PCA"
    return _aligned(Plane("heads", middle, basis, words), previous)


def random_plane(module: nn.Module, seed: int) -> Plane:
    """Two random directions from where the module is, filter-normalised: Li et al. 2018, "Visualizing the Loss
    Landscape of Neural Nets", section 4. Each filter of a direction is as long as the module's own; parameters of
    one dimension (biases, normalisation) are left out."""
    generator = torch.Generator().manual_seed(seed)
    parameters = [on_plane_terms(parameter) for _, parameter in trainable(module)]
    origin = torch.cat([parameter.reshape(-1) for parameter in parameters])
    basis = torch.stack([torch.cat([_filters(p, generator).reshape(-1) for p in parameters]) for _ in range(2)])
    if _collinear(basis):
        basis = torch.randn(basis.shape, generator=generator, dtype=basis.dtype)
    return Plane("random", origin, basis, "two random directions, filter-normalised")


def _collinear(basis: Tensor) -> bool:
    """Whether two directions, shape (2, P), span no plane: so do filters of one weight each, and those of length 0."""
    gram = (basis @ basis.T).double()
    return bool(gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2 <= 1e-6 * gram[0, 0] * gram[1, 1])


def _filters(parameter: Tensor, generator: torch.Generator) -> Tensor:
    """A random direction for one parameter: each of its filters (first dimension) as long as the parameter's."""
    if parameter.ndim < 2:
        return torch.zeros_like(parameter)
    direction = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    flat, own = direction.flatten(1), parameter.flatten(1)
    scale = torch.linalg.vector_norm(own, dim=1) / (torch.linalg.vector_norm(flat, dim=1) + 1e-10)
    scaled: Tensor = direction * scale.reshape(-1, *[1] * (parameter.ndim - 1))
    return scaled


def principal_directions(centred: Tensor, beside: Tensor | None = None) -> Tensor:
    """The first two principal directions of centred points (K, P), orthonormal, shape (2, P).

    By the eigenvectors of the K x K Gram matrix, in float64 but in pieces: K is small, P may be large. Where the points
    span less than two dimensions, unit vectors complete them, at right angles also to those `beside`, shape (B, P).
    """
    parts = torch.split(centred, max(1, _AT_ONCE // len(centred)), dim=1)
    gram = centred.new_zeros(len(centred), len(centred), dtype=torch.float64)
    for part in map(Tensor.double, parts):
        gram += part @ part.T
    values, vectors = torch.linalg.eigh(gram)
    kept = [
        vectors[:, -place] / values[-place].sqrt()
        for place in (1, 2)
        if place <= len(values) and values[-place] > 1e-12 * values[-1].clamp(min=1e-300)
    ]
    basis = centred.new_empty(0, centred.shape[1])
    if kept:
        mixing = torch.stack(kept)
        basis = torch.cat([(mixing @ part.double()).to(centred.dtype) for part in parts], dim=1)
    while len(basis) < 2:
        unit = torch.zeros(1, centred.shape[1], dtype=centred.dtype)
        others = basis if beside is None else torch.cat([beside, basis])
        unit[0, int(others.abs().sum(dim=0).argmin())] = 1
        unit = unit - (unit @ others.T) @ others
        basis = torch.cat([basis, unit / torch.linalg.vector_norm(unit)])
    return basis


def _aligned(plane: Plane, previous: Plane | None) -> Plane:
    """The plane turned or mirrored within itself to lie as near to the previous one as it can (Procrustes)."""
    basis = plane.basis
    if previous is None:
        basis = basis * torch.where(basis.sum(dim=1, keepdim=True) < 0, -1.0, 1.0)
    else:
        left, _, right = torch.linalg.svd(previous.basis @ basis.T)
        basis = (left @ right) @ basis
    return Plane(plane.kind, plane.origin, basis, plane.words)
