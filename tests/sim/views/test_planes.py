"""Planes against scikit-learn's PCA, against their definitions, and against geometry."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from sim.views.planes import explained, heads_plane, pca_plane, random_plane


def walk(steps: int, seed: int = 0, parameters: int = 200) -> torch.Tensor:
    """A walk whose steps are longer in some directions than in others: shape (K, P), float64."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.linspace(1, 0.01, parameters, dtype=torch.float64) ** 3
    return (torch.randn(steps, parameters, generator=generator, dtype=torch.float64) * lengths).cumsum(dim=0)


def assert_orthonormal(basis: torch.Tensor) -> None:
    np.testing.assert_allclose(basis @ basis.T, np.eye(2), atol=1e-6)


def test_pca_is_that_of_scikit_learn() -> None:
    points = walk(120)
    plane, oracle = pca_plane(points, None), PCA(2).fit(points.numpy())
    overlap = np.linalg.svd(oracle.components_ @ plane.basis.numpy().T)[1]
    np.testing.assert_allclose(overlap, 1, atol=1e-9)  # the cosines of the angles between the planes
    np.testing.assert_allclose(plane.origin, oracle.mean_, atol=1e-12)
    assert explained(plane, points) == pytest.approx(oracle.explained_variance_ratio_.sum(), abs=1e-9)
    _, distances = plane.project(points)
    missing = points.numpy() - oracle.inverse_transform(oracle.transform(points.numpy()))
    np.testing.assert_allclose(distances, np.linalg.norm(missing, axis=1), atol=1e-9)


def test_a_refit_neither_flips_nor_jumps() -> None:
    points = walk(400)
    plane = pca_plane(points[:100], None)
    for count in range(105, 401, 5):
        refitted = pca_plane(points[:count], plane)
        assert_orthonormal(refitted.basis)
        assert float(torch.min((refitted.basis * plane.basis).sum(dim=1))) > 0.9
        plane = refitted


def test_a_refit_to_the_same_points_keeps_a_mirrored_basis() -> None:
    points = walk(50)
    plane = pca_plane(points, None)
    mirrored = type(plane)(plane.kind, plane.origin, plane.basis.flip(0) * torch.tensor([[-1.0], [1.0]]), plane.words)
    np.testing.assert_allclose(pca_plane(points, mirrored).basis, mirrored.basis, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_the_plane_through_up_to_three_heads_holds_them(heads: int, dtype: torch.dtype) -> None:
    points = walk(60).to(dtype)
    places = torch.stack([walk(40, seed)[-1] for seed in range(1, heads + 1)]).to(dtype)
    plane = heads_plane(places, torch.cat([points, places]), None)
    assert_orthonormal(plane.basis)
    xy, distances = plane.project(places)
    scale = float(torch.linalg.vector_norm(places, dim=1).max())
    assert float(distances.max()) < scale * 100 * torch.finfo(dtype).eps
    np.testing.assert_allclose(torch.pdist(xy), torch.pdist(places), rtol=1e-5)
    assert ("three heads" in plane.words) == (heads == 3)
    assert ("completed by PCA" in plane.words) == (heads < 3)


def test_what_completes_one_head_is_pca() -> None:
    points = walk(60)
    plane = heads_plane(points[-1:], points, None)
    oracle = PCA(2).fit(points.numpy()).components_
    np.testing.assert_allclose(np.linalg.svd(oracle @ plane.basis.numpy().T)[1], 1, atol=1e-9)


def test_more_heads_get_the_plane_that_fits_them_best() -> None:
    heads = walk(5, seed=4)
    plane, oracle = heads_plane(heads, walk(60), None), PCA(2).fit(heads.numpy())
    np.testing.assert_allclose(np.linalg.svd(oracle.components_ @ plane.basis.numpy().T)[1], 1, atol=1e-9)
    assert "best fit" in plane.words


def test_heads_at_one_place_still_have_a_plane() -> None:
    points = walk(10)
    plane = heads_plane(points[-1:].expand(3, -1), points, None)
    assert_orthonormal(plane.basis)
    assert float(plane.project(points[-1:])[1]) < 1e-9


def test_random_directions_are_filter_normalised(device: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5)).to(device)
    plane = random_plane(model, seed=1)
    for direction in plane.basis:
        begin = 0
        for parameter in model.parameters():
            part = direction[begin : begin + parameter.numel()].view(parameter.shape)
            begin += parameter.numel()
            if parameter.ndim == 1:
                assert not part.any()
            else:
                for filter_, own in zip(part, parameter.detach().cpu(), strict=True):
                    assert float(filter_.norm()) == pytest.approx(float(own.norm()), rel=1e-5)
        assert begin == plane.basis.shape[1]
    np.testing.assert_array_equal(random_plane(model, seed=1).basis, plane.basis)
    assert not torch.equal(random_plane(model, seed=2).basis, plane.basis)


def test_places_on_a_plane_that_is_not_orthonormal_come_back() -> None:
    torch.manual_seed(0)
    plane = random_plane(nn.Sequential(nn.Linear(30, 20)), seed=0)
    places = torch.tensor([[0.0, 0.0], [1.5, -2.0], [-0.3, 0.7]])
    found, distances = plane.project(torch.stack([plane.at(place) for place in places]))
    np.testing.assert_allclose(found, places, atol=1e-5)
    np.testing.assert_allclose(distances, 0, atol=1e-4)


def test_a_slope_on_the_plane_is_that_of_the_loss_along_it() -> None:
    plane = pca_plane(walk(30), None)
    target = walk(1, seed=9)[0]

    def loss(x: float, y: float) -> float:
        return float(((plane.at(torch.tensor([x, y], dtype=target.dtype)) - target) ** 2).sum())

    gradient = 2 * (plane.at(torch.tensor([0.4, -0.2], dtype=target.dtype)) - target)
    slopes = [(loss(0.4 + dx, -0.2 + dy) - loss(0.4 - dx, -0.2 - dy)) / 2e-4 for dx, dy in ((1e-4, 0.0), (0.0, 1e-4))]
    np.testing.assert_allclose(plane.directions(gradient), slopes, rtol=1e-5)


def test_two_heads_that_moved_along_one_parameter_alone_have_a_plane() -> None:
    points = torch.zeros(6, 5)
    points[:, 0] = torch.arange(6.0)
    plane = heads_plane(points[[2, 5]], points, None)
    assert_orthonormal(plane.basis)
    np.testing.assert_allclose(plane.project(points)[1], 0, atol=1e-6)
