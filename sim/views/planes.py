"""How planes of the parameter space are found: by where runs have been, by where they are, or by chance."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from sim.models.flat import Layout, trainable
from sim.views.plane import AT_ONCE, Plane, on_plane_terms

_OPEN = 1e-3  # of the weight of the points' pictures: that of the directions


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

    The seed is that of the experiment, and of the module, too.
    """
    generator = torch.Generator().manual_seed(_directions_seed(seed))
    parameters = [parameter for _, parameter in trainable(module)]
    layout, values = Layout.of(parameters), list(map(on_plane_terms, parameters))
    basis = torch.stack([layout.join([_filters(value, generator) for value in values]) for _ in range(2)])
    words = "two random directions, filter-normalised"
    if _collinear(basis):
        basis = torch.stack([layout.join([_noise(value, generator) for value in values]) for _ in range(2)])
        words = "two random directions, plain noise"
    return Plane("random", layout.join(values), basis, words)


def _directions_seed(seed: int) -> int:
    """The seed of random directions, from 0 to 2^63 - 1: `numpy.random.SeedSequence([seed, 1])`'s first word.

    A model is made right after `torch.manual_seed(seed)`: directions drawn from that same seed would be the model.
    """
    (word,) = np.random.SeedSequence([seed, 1]).generate_state(1, np.uint64)
    return int(word) >> 1


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
    parts = torch.split(centred, max(1, AT_ONCE // len(centred)), dim=1)
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
