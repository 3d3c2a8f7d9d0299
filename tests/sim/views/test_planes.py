"""Planes against scikit-learn's PCA, against their definitions, and against geometry."""

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from torch import nn

from sim.models.flat import Layout
from sim.views.plane import Scatter, explained
from sim.views.planes import aligned, distinct, heads_plane, pca_plane, random_plane

DENSE = Layout.of([torch.zeros(200)])


def walk(steps: int, seed: int = 0, parameters: int = 200) -> torch.Tensor:
    """A walk whose steps are longer in some directions than in others: shape (K, P), float64."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.linspace(1, 0.01, parameters, dtype=torch.float64) ** 3
    return (torch.randn(steps, parameters, generator=generator, dtype=torch.float64) * lengths).cumsum(dim=0)


def assert_orthonormal(basis: torch.Tensor) -> None:
    np.testing.assert_allclose(basis @ basis.T, np.eye(2), atol=1e-6)


def test_pca_is_that_of_scikit_learn() -> None:
    vectors = walk(120)
    plane, oracle = pca_plane(vectors, None, DENSE), PCA(2).fit(vectors.numpy())
    overlap = np.linalg.svd(oracle.components_ @ plane.basis.numpy().T)[1]
    np.testing.assert_allclose(overlap, 1, atol=1e-9)  # the cosines of the angles between the planes
    np.testing.assert_allclose(plane.origin, oracle.mean_, atol=1e-12)
    one, two, three = (
        Scatter.of(plane, part, plane.resolve(part)) for part in (vectors[:1], vectors[1:50], vectors[50:])
    )
    for scatters in ([one, two, three], [one + two, three], [one + two + three]):
        assert explained(scatters) == pytest.approx(oracle.explained_variance_ratio_.sum(), abs=1e-9)
    _, distances = plane.project(vectors)
    missing = vectors.numpy() - oracle.inverse_transform(oracle.transform(vectors.numpy()))
    np.testing.assert_allclose(distances, np.linalg.norm(missing, axis=1), atol=1e-9)


def test_a_refit_neither_flips_nor_jumps() -> None:
    vectors = walk(400)
    plane = pca_plane(vectors[:100], None, DENSE)
    for count in range(105, 401, 5):
        refitted = pca_plane(vectors[:count], plane, DENSE)
        assert_orthonormal(refitted.basis)
        assert float(torch.min((refitted.basis * plane.basis).sum(dim=1))) > 0.9
        plane = refitted


def test_a_refit_to_the_same_vectors_keeps_a_mirrored_basis() -> None:
    vectors = walk(50)
    plane = pca_plane(vectors, None, DENSE)
    mirrored = type(plane)(plane.kind, plane.origin, plane.basis.flip(0) * torch.tensor([[-1.0], [1.0]]), plane.words)
    np.testing.assert_allclose(pca_plane(vectors, mirrored, DENSE).basis, mirrored.basis, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_the_plane_through_up_to_three_heads_holds_them(heads: int, dtype: torch.dtype) -> None:
    vectors = walk(60).to(dtype)
    present = torch.stack([walk(40, seed)[-1] for seed in range(1, heads + 1)]).to(dtype)
    plane = heads_plane(present, torch.cat([vectors, present]), None, DENSE)
    assert_orthonormal(plane.basis)
    xy, distances = plane.project(present)
    scale = float(torch.linalg.vector_norm(present, dim=1).max())
    assert float(distances.max()) < scale * 100 * torch.finfo(dtype).eps
    np.testing.assert_allclose(torch.pdist(xy), torch.pdist(present), rtol=1e-5)
    assert ("three heads" in plane.words) == (heads == 3)
    assert ("completed by PCA" in plane.words) == (heads < 3)


def test_what_completes_one_head_is_pca() -> None:
    vectors = walk(60)
    plane = heads_plane(vectors[-1:], vectors, None, DENSE)
    oracle = PCA(2).fit(vectors.numpy()).components_
    np.testing.assert_allclose(np.linalg.svd(oracle @ plane.basis.numpy().T)[1], 1, atol=1e-9)


def test_more_heads_get_the_plane_that_fits_them_best() -> None:
    heads = walk(5, seed=4)
    plane, oracle = heads_plane(heads, walk(60), None, DENSE), PCA(2).fit(heads.numpy())
    np.testing.assert_allclose(np.linalg.svd(oracle.components_ @ plane.basis.numpy().T)[1], 1, atol=1e-9)
    assert "best fit" in plane.words


def test_heads_at_one_point_still_have_a_plane() -> None:
    vectors = walk(10)
    plane = heads_plane(vectors[-1:].expand(3, -1), vectors, None, DENSE)
    assert_orthonormal(plane.basis)
    assert float(plane.project(vectors[-1:])[1]) < 1e-9


def test_random_directions_are_filter_normalised(device: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5)).to(device)
    plane, layout = random_plane(model, seed=1), Layout.of(model.parameters())
    for direction in plane.basis:
        for parameter, part in zip(model.parameters(), layout.split(direction), strict=True):
            if parameter.ndim == 1:
                assert not part.any()
            else:
                for filter_, own in zip(part, parameter.detach().cpu(), strict=True):
                    assert float(filter_.norm()) == pytest.approx(float(own.norm()), rel=1e-5)
        assert not direction[~layout.occupied()].any()
    assert "filter-normalised" in plane.words
    np.testing.assert_array_equal(random_plane(model, seed=1).basis, plane.basis)
    assert not torch.equal(random_plane(model, seed=2).basis, plane.basis)


@pytest.mark.parametrize("make", [lambda: nn.Embedding(500, 8), lambda: nn.Linear(64, 64), lambda: nn.LayerNorm(400)])
def test_random_directions_do_not_depend_on_the_model(make) -> None:
    """As the engine has them: one seed for the model and for the directions."""
    for seed in range(10):
        torch.manual_seed(seed)
        model = make()
        plane = random_plane(model, seed)
        for direction in plane.basis:
            cosine = torch.nn.functional.cosine_similarity(direction, plane.origin, dim=0)
            assert abs(float(cosine)) < 5 / len(direction) ** 0.5  # five standard deviations


@pytest.mark.parametrize(
    "model",
    [
        nn.LayerNorm(20),  # parameters of one dimension alone
        nn.Linear(1, 1),  # a filter of one weight
        nn.Linear(3, 2).apply(lambda layer: nn.init.zeros_(layer.weight)),
    ],
)
def test_directions_that_are_not_filter_normalised_are_not_called_so(model: nn.Module) -> None:
    plane, layout = random_plane(model, 0), Layout.of(model.parameters())
    assert plane.words == "two random directions, plain noise"
    assert plane.basis[:, layout.occupied()].all()
    assert not plane.basis[:, ~layout.occupied()].any()


@pytest.mark.parametrize("kept", [1, 3, 200])
def test_a_plane_is_fitted_to_each_snapshot_once(kept: int) -> None:
    """Held against scikit-learn's PCA of the distinct rows: runs begin at one point, and one may have kept its head."""
    start = walk(1)
    trails = [torch.cat([start, start + walk(kept, seed)]) for seed in (1, 2, 3)]
    heads = [trails[0][-1].clone(), trails[1][-1] + 1, start[0].clone()]
    vectors = distinct(trails, heads)
    everything = np.unique(np.concatenate([*trails, torch.stack(heads)]), axis=0)
    np.testing.assert_array_equal(np.unique(torch.stack(vectors), axis=0), everything)
    assert len(vectors) == len(everything)
    oracle = PCA(2).fit(everything).components_
    basis = pca_plane(torch.stack(vectors), None, DENSE).basis.numpy()
    np.testing.assert_allclose(np.linalg.svd(oracle @ basis.T)[1], 1, atol=1e-9)
    fewer = distinct(trails, heads, 64)
    assert len(fewer) == min(len(vectors), 1 + 64 + 2)
    assert torch.equal(fewer[0], start[0])
    assert torch.equal(torch.stack(fewer[-2:]), torch.stack(heads[:2]))


def test_what_completes_a_plane_is_a_parameter() -> None:
    """A weight that moved alone, of a layer whose bias does not lie next to it."""
    layout = Layout.of(nn.Linear(1, 1).parameters())
    assert layout.length > 2
    vectors = torch.zeros(6, layout.length)
    vectors[:, 0] = torch.arange(6.0)
    for plane in (pca_plane(vectors, None, layout), heads_plane(vectors[-1:], vectors, None, layout)):
        assert_orthonormal(plane.basis[:, layout.occupied()])


def test_points_on_a_plane_that_is_not_orthonormal_come_back() -> None:
    torch.manual_seed(0)
    plane = random_plane(nn.Sequential(nn.Linear(30, 20)), seed=0)
    points = torch.tensor([[0.0, 0.0], [1.5, -2.0], [-0.3, 0.7]])
    found, distances = plane.project(torch.stack([plane.at(point) for point in points]))
    np.testing.assert_allclose(found, points, atol=1e-5)
    np.testing.assert_allclose(distances, 0, atol=1e-4)


def test_a_slope_on_the_plane_is_that_of_the_loss_along_it() -> None:
    plane = pca_plane(walk(30), None, DENSE)
    target = walk(1, seed=9)[0]

    def loss(x: float, y: float) -> float:
        return float(((plane.at(torch.tensor([x, y], dtype=target.dtype)) - target) ** 2).sum())

    gradient = 2 * (plane.at(torch.tensor([0.4, -0.2], dtype=target.dtype)) - target)
    slopes = [(loss(0.4 + dx, -0.2 + dy) - loss(0.4 - dx, -0.2 - dy)) / 2e-4 for dx, dy in ((1e-4, 0.0), (0.0, 1e-4))]
    np.testing.assert_allclose(plane.directions(gradient), slopes, rtol=1e-5)


def test_two_heads_that_moved_along_one_parameter_alone_have_a_plane() -> None:
    vectors = torch.zeros(6, 5)
    vectors[:, 0] = torch.arange(6.0)
    plane = heads_plane(vectors[[2, 5]], vectors, None, Layout.of([vectors[0]]))
    assert_orthonormal(plane.basis)
    np.testing.assert_allclose(plane.project(vectors)[1], 0, atol=1e-6)


def picture_agreement(before: np.ndarray, after: np.ndarray) -> float:
    """How well the best scale and shift of a picture explain another one: 1 where they are alike."""
    before, after = before - before.mean(axis=0), after - after.mean(axis=0)
    return float((before * after).sum() / np.linalg.norm(before) / np.linalg.norm(after))


@pytest.mark.parametrize("kind", ["pca", "heads"])
@pytest.mark.parametrize("before", ["random", "pca of the first half"])
def test_a_new_plane_is_turned_and_mirrored_to_agree_best_with_the_last(kind: str, before: str) -> None:
    points = walk(60).float()
    random, earlier = random_plane(nn.Linear(200, 1, bias=False), 3), pca_plane(points[:30], None, DENSE)
    previous = random if before == "random" else earlier
    heads = points[[20, 40, 59]]
    plane = pca_plane(points, previous, DENSE) if kind == "pca" else heads_plane(heads, points, previous, DENSE)
    assert_orthonormal(plane.basis)
    old, new = (one.resolve(points).points.numpy() for one in (previous, plane))
    _, scale = orthogonal_procrustes(new - new.mean(axis=0), old - old.mean(axis=0))
    best = scale / np.linalg.norm(new - new.mean(axis=0)) / np.linalg.norm(old - old.mean(axis=0))
    assert picture_agreement(old, new) == pytest.approx(best, abs=1e-3)
    assert best > picture_agreement(old, new @ np.array([[0.0, 1.0], [1.0, 0.0]]))


def test_random_directions_change_their_order_and_signs_at_most() -> None:
    torch.manual_seed(0)
    points, random = walk(60).float(), random_plane(nn.Linear(20, 10, bias=False), 3)
    previous = pca_plane(points, None, DENSE)
    plane = aligned(random, previous, points)
    overlap = (plane.basis @ random.basis.T / random.basis.square().sum(dim=1)).abs().round()
    assert overlap.sum(dim=0).tolist() == overlap.sum(dim=1).tolist() == [1, 1]
    old, new = (one.resolve(points).points.numpy() for one in (previous, plane))
    others = [new * signs for signs in ((1, -1), (-1, 1), (-1, -1))]
    others += [other[:, ::-1] for other in [new, *others]]
    assert picture_agreement(old, new) >= max(picture_agreement(old, other) for other in others) - 1e-6


def test_a_refit_to_points_on_a_line_does_not_flip() -> None:
    points = torch.outer(torch.linspace(0, 1, 30), torch.linspace(1, 2, 200)).double()
    plane = pca_plane(points[:10], None, DENSE)
    for count in range(11, 31):
        refitted = pca_plane(points[:count], plane, DENSE)
        np.testing.assert_allclose(refitted.basis, plane.basis, atol=1e-6)
        plane = refitted
