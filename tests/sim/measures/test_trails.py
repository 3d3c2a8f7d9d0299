"""Where runs of models went: what is told in pieces, thinned, and drawn anew when the plane changes."""

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

import sim.measures.trails
from sim.experiment.choices import PlaneKind
from sim.experiment.config import MAX_RUNS, Experiment, ModelConfig, RunConfig
from sim.measures.trails import Snapshots, Trails
from sim.protocol.answers import Advanced, PlaneNews
from sim.protocol.commands import Advance, SetPlane
from tests.sim.real_models import descent_of, opened, problem_of

RUNS = (RunConfig("batch", "all"), RunConfig("mini-batch", 32), RunConfig("stochastic", 1))


def advanced(engine, moments):
    answer = engine.ask(Advance(moments, math.inf, 60.0))
    assert isinstance(answer, Advanced)
    assert answer.plane is not None
    return answer.plane


def taken(told: list[PlaneNews], run: int) -> tuple[list[int], list[list[float]], list[float]]:
    """The trail of a run, put together from the news since the plane was told whole."""
    begin = max(place for place, news in enumerate(told) if news.whole)
    trails = [news.trails[run] for news in told[begin:]]
    return tuple(
        np.concatenate([getattr(trail, name) for trail in trails]).tolist() for name in ("updates", "xy", "distances")
    )


@pytest.mark.parametrize("kind", ["pca", "random", "heads"])
def test_news_added_up_are_the_whole_trails(kind: PlaneKind, device: str) -> None:
    engine, opening = opened(Experiment(ModelConfig(plane=kind), runs=RUNS, device=device))
    told = [opening.plane, *(advanced(engine, 7) for _ in range(12))]
    assert not all(news.whole for news in told[1:])
    state = engine._open
    for run, descent in enumerate(state.descents):
        updates, xy, distances = taken(told, run)
        assert updates == descent.snapshots.updates == list(range(85))
        places, off = state.trails.plane.project(torch.stack(descent.snapshots.vectors))
        np.testing.assert_allclose(xy, places, atol=1e-5)
        np.testing.assert_allclose(distances, off, atol=1e-5)
        head = told[-1].trails[run]
        np.testing.assert_allclose(head.head, xy[-1], atol=1e-5)
        assert head.head_distance == pytest.approx(distances[-1], abs=1e-5)


def test_before_anything_moved_the_plane_is_random_and_then_as_asked(device: str) -> None:
    engine, opening = opened(Experiment(ModelConfig(plane="pca"), runs=RUNS, device=device))
    assert "random" in opening.plane.words
    assert all(trail.head == (0.0, 0.0) for trail in opening.plane.trails)
    moved = advanced(engine, 30)
    assert "PCA" in moved.words
    assert moved.whole
    assert moved.number > opening.plane.number


def seen(descents) -> np.ndarray:
    """The places kept of runs, and where they are, each once: float64."""
    vectors = [vector for descent in descents for vector in (*descent.snapshots.vectors, descent.vector)]
    places = np.unique(np.stack([vector.detach().cpu().numpy() for vector in vectors]), axis=0)
    return places.astype(np.float64)


def test_the_plane_and_the_share_explained_are_those_of_scikit_learns_pca(device: str) -> None:
    engine, _ = opened(Experiment(ModelConfig(), runs=RUNS, device=device))
    news = advanced(engine, 15)  # few enough that all places are fitted to
    oracle = PCA(2).fit(seen(engine._open.descents))
    basis = engine._open.trails.plane.basis.double().numpy()
    np.testing.assert_allclose(np.linalg.svd(oracle.components_ @ basis.T)[1], 1, atol=1e-6)
    assert news.explained == pytest.approx(oracle.explained_variance_ratio_.sum(), abs=1e-6)


@pytest.mark.parametrize("kind", ["pca", "random", "heads"])
def test_the_share_explained_is_of_all_that_was_seen_by_now(kind: PlaneKind, device: str) -> None:
    runs = (*RUNS, RunConfig("wild", 32, lr=1e6))  # which is soon left out
    engine, _ = opened(Experiment(ModelConfig(plane=kind), runs=runs, clock="examples", device=device))
    shares = set()
    for _ in range(12):
        news = advanced(engine, 40)
        points = seen(engine._open.descents[:3])
        away = points - points.mean(axis=0)
        directions = np.linalg.qr(engine._open.trails.plane.basis.double().numpy().T)[0]
        share = ((away @ directions) ** 2).sum() / (away**2).sum()
        assert news.explained == pytest.approx(share, abs=1e-6)
        shares.add(round(share, 6))
    assert len(shares) == 12


@pytest.mark.parametrize("runs", [1, 2, 3, 5])
def test_the_heads_plane_holds_up_to_three_heads(runs: int, device: str) -> None:
    rows = tuple(RunConfig(f"run {size}", size) for size in (1, 4, 16, 64, 256)[:runs])
    engine, _ = opened(Experiment(ModelConfig(), runs=rows, device=device))
    advanced(engine, 20)
    news = engine.ask(SetPlane("heads"))
    assert isinstance(news, PlaneNews)
    assert news.whole
    distances = [trail.head_distance for trail in news.trails]
    lengths = [float(descent.vector.norm()) for descent in engine._open.descents]
    if runs <= 3:
        np.testing.assert_allclose(distances, 0, atol=1e-5 * max(lengths))
    else:
        assert max(distances) > 1e-3 * max(lengths)


def test_a_run_that_diverged_does_not_bend_the_plane(device: str) -> None:
    wild = RunConfig("wild", "all", lr=1e6)
    engine, _ = opened(Experiment(ModelConfig(), runs=(RunConfig("calm", 32), wild), device=device))
    news = advanced(engine, 40)
    calm = np.stack([vector.numpy() for vector in engine._open.descents[0].snapshots.vectors])
    overlap = np.linalg.svd(PCA(2).fit(calm).components_ @ engine._open.trails.plane.basis.numpy().T)[1]
    np.testing.assert_allclose(overlap, 1, atol=1e-2)
    assert news.explained > 0.5


def test_thinning_keeps_within_the_budget_and_reaches_from_the_start_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim.measures.trails, "_BUDGET", 4 * 10 * 3 * 40)
    snapshots = Snapshots(parameters=10, runs=3)
    for update in range(1001):
        snapshots.keep(update, torch.full((10,), float(update)))
        assert len(snapshots.vectors) <= 40
    assert snapshots.updates[0] == 0
    assert snapshots.updates[-1] > 1000 - 32
    assert len(set(np.diff(snapshots.updates))) == 1
    assert [float(vector[0]) for vector in snapshots.vectors] == snapshots.updates


@pytest.mark.parametrize(("parameters", "runs"), [(9_000, 3), (400_000, MAX_RUNS), (4_000_000, 3)])
def test_the_memory_budget_holds_for_all_runs_together(parameters: int, runs: int) -> None:
    snapshots = Snapshots(parameters, runs)
    vector = torch.zeros(parameters)
    for update in range(40):
        snapshots.keep(update, vector)
        held = runs * len(snapshots.vectors) * vector.nbytes
        assert held <= sim.measures.trails._BUDGET + runs * vector.nbytes


def test_trails_that_were_thinned_are_told_whole(device: str) -> None:
    problem = problem_of(device, hidden=(2,))
    descent = descent_of(problem, RunConfig("run", 1))
    descent.snapshots._most = 16
    trails = Trails("random", problem.model, 0)
    descent.start()
    told = []
    for _ in range(10):
        descent.advance(7)
        told.append(trails.news([descent.snapshots], [descent.vector], [descent.update]))
    assert any(news.whole for news in told[1:])
    assert taken(told, 0)[0] == descent.snapshots.updates


def test_snapshots_are_copies(device: str) -> None:
    model = nn.Linear(2, 1).to(device)
    snapshots, vector = Snapshots(2, 1), model.weight.detach().reshape(-1)
    before = vector.cpu().clone()
    snapshots.keep(0, vector)
    vector.add_(1)
    assert torch.equal(snapshots.vectors[0], before)


def test_a_random_plane_says_how_little_it_explains(device: str) -> None:
    engine, _ = opened(Experiment(ModelConfig(plane="random"), runs=RUNS, device=device))
    told = advanced(engine, 60)
    asked = engine.ask(SetPlane("random"))
    assert isinstance(asked, PlaneNews)
    assert 0 < told.explained < 0.05
    assert told.explained == pytest.approx(asked.explained, rel=0.5)
    assert told.number == asked.number
    first, _ = state_basis(engine)
    assert told.unit == pytest.approx(float(torch.linalg.vector_norm(first)))


def state_basis(engine):
    return engine._open.trails.plane.basis


def test_the_heads_plane_says_of_which_update_it_is(device: str) -> None:
    engine, _ = opened(Experiment(ModelConfig(plane="heads"), runs=RUNS, device=device))
    assert advanced(engine, 10).words == "through the three heads at update 10"
    assert advanced(engine, 1).words == "through the three heads at update 10"
    asked = engine.ask(SetPlane("heads"))
    assert isinstance(asked, PlaneNews)
    assert asked.words == "through the three heads at update 11"
    assert max(trail.head_distance for trail in asked.trails) < 1e-4
