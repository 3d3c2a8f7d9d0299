"""Where runs of models went: what is sent in pieces, thinned, and drawn anew when the plane changes."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from sim.experiment.choices import PlaneKind
from sim.experiment.config import Experiment, RunConfig
from sim.experiment.geometry import Window
from sim.experiment.problem import ModelConfig
from sim.protocol.answers import PlaneNews, Worked
from sim.protocol.commands import Retention, SetPlane, Survey, Work
from sim.views.trails import FittedTrails
from tests.sim.one_run import race_of, rows_of
from tests.sim.real_models import advanced, opened, problem_of

RUNS = (RunConfig("batch", "all"), RunConfig("mini-batch", 32), RunConfig("stochastic", 1))
SMALL = ModelConfig(dataset="iris", hidden=(16,))


def moved_on(engine, moments: int) -> PlaneNews:
    """What is new on the plane after so many moments."""
    return advanced(engine, moments).plane


def taken(sent: list[PlaneNews], run: int) -> tuple[list[int], list[list[float]], list[float]]:
    """The trail of a run, put together from the news since the plane was sent whole."""
    begin = max(index for index, news in enumerate(sent) if news.whole)
    trails = [news.trails[run] for news in sent[begin:]]
    return tuple(
        np.concatenate([getattr(trail, name) for trail in trails]).tolist() for name in ("updates", "xy", "distances")
    )


@pytest.mark.parametrize("kind", ["pca", "random", "heads"])
def test_news_added_up_are_the_whole_trails(kind: PlaneKind, device: str) -> None:
    engine, opening = opened(Experiment(SMALL, runs=RUNS, plane=kind, device=device))
    sent = [opening.plane, *(moved_on(engine, 7) for _ in range(12))]
    assert not all(news.whole for news in sent[1:])
    state = engine._open
    for run, kept in enumerate(state.race.snapshots):
        updates, xy, distances = taken(sent, run)
        assert updates == kept.updates.tolist() == list(range(85))
        points, off = state.trails.plane.project(torch.stack(kept.vectors))
        np.testing.assert_allclose(xy, points, atol=1e-5)
        np.testing.assert_allclose(distances, off, atol=1e-5)
        head = sent[-1].trails[run]
        np.testing.assert_allclose(head.head, xy[-1], atol=1e-5)
        assert head.head_distance == pytest.approx(distances[-1], abs=1e-5)


def test_before_anything_moved_the_plane_is_random_and_then_as_asked(device: str) -> None:
    engine, opening = opened(Experiment(SMALL, runs=RUNS, plane="pca", device=device))
    assert "random" in opening.plane.words
    assert all(trail.head == (0.0, 0.0) for trail in opening.plane.trails)
    moved = moved_on(engine, 30)
    assert "PCA" in moved.words
    assert moved.whole
    assert moved.number > opening.plane.number


def seen(race, runs: int) -> np.ndarray:
    """The snapshots kept of the first so many runs, and where they are, each once: float64."""
    kept = zip(race.snapshots[:runs], race.heads[:runs], strict=True)
    vectors = [vector for snapshots, head in kept for vector in (*snapshots.vectors, head)]
    once = np.unique(np.stack([vector.detach().cpu().numpy() for vector in vectors]), axis=0)
    return once.astype(np.float64)


def test_the_plane_and_the_share_explained_are_those_of_scikit_learns_pca(device: str) -> None:
    engine, _ = opened(Experiment(SMALL, runs=RUNS, device=device))
    news = moved_on(engine, 15)  # few enough that all snapshots are fitted to
    oracle = PCA(2).fit(seen(engine._open.race, 3))
    basis = engine._open.trails.plane.basis.double().numpy()
    np.testing.assert_allclose(np.linalg.svd(oracle.components_ @ basis.T)[1], 1, atol=1e-6)
    assert news.explained == pytest.approx(oracle.explained_variance_ratio_.sum(), abs=1e-6)


@pytest.mark.parametrize("kind", ["pca", "random", "heads"])
def test_the_share_explained_is_of_all_that_was_seen_by_now(kind: PlaneKind, device: str) -> None:
    runs = (*RUNS, RunConfig("wild", 32, lr=1e6))  # which is soon left out
    engine, _ = opened(Experiment(SMALL, plane=kind, runs=runs, clock="examples", device=device))
    shares = set()
    for _ in range(12):
        news = moved_on(engine, 20)
        points = seen(engine._open.race, 3)
        away = points - points.mean(axis=0)
        directions = np.linalg.qr(engine._open.trails.plane.basis.double().numpy().T)[0]
        share = ((away @ directions) ** 2).sum() / (away**2).sum()
        assert news.explained == pytest.approx(share, abs=1e-6)
        shares.add(round(share, 6))
    assert len(shares) == 12


@pytest.mark.parametrize("runs", [1, 2, 3, 5])
def test_the_heads_plane_holds_up_to_three_heads(runs: int, device: str) -> None:
    rows = tuple(RunConfig(f"run {size}", size) for size in (1, 4, 16, 64, 120)[:runs])
    engine, _ = opened(Experiment(SMALL, runs=rows, device=device))
    advanced(engine, 20)
    news = engine.ask(SetPlane("heads"))
    assert isinstance(news, PlaneNews)
    assert news.whole
    distances = [trail.head_distance for trail in news.trails]
    lengths = [float(head.norm()) for head in engine._open.race.heads]
    if runs <= 3:
        np.testing.assert_allclose(distances, 0, atol=1e-5 * max(lengths))
    else:
        assert max(distances) > 1e-3 * max(lengths)


def test_a_run_that_diverged_does_not_bend_the_plane(device: str) -> None:
    wild = RunConfig("wild", "all", lr=1e6)
    engine, _ = opened(Experiment(SMALL, runs=(RunConfig("calm", 32), wild), device=device))
    news = moved_on(engine, 40)
    calm = torch.stack(engine._open.race.snapshots[0].vectors).numpy()
    overlap = np.linalg.svd(PCA(2).fit(calm).components_ @ engine._open.trails.plane.basis.numpy().T)[1]
    np.testing.assert_allclose(overlap, 1, atol=1e-2)
    assert news.explained > 0.5


def test_trails_that_were_thinned_are_sent_whole(device: str) -> None:
    problem = problem_of(device, hidden=(2,))
    run, parameters = RunConfig("run", 1), problem.facts.parameters
    race = race_of(problem, run, retention=Retention(memory=2 * 16 * 4 * parameters))
    trails = FittedTrails("random", problem.model, 0)
    sent = [trails.news(race.snapshots, race.heads, race.updates)]
    for _ in range(10):
        rows_of(race, 7)
        sent.append(trails.news(race.snapshots, race.heads, race.updates))
    assert any(news.whole for news in sent[1:])
    assert not all(news.whole for news in sent[1:])
    assert taken(sent, 0)[0] == race.snapshots[0].updates.tolist()
    assert len(race.snapshots[0]) <= 16


def test_two_parameters_are_sent_once_and_forgotten(device: str) -> None:
    engine, opening = opened(Experiment(runs=RUNS, device=device))
    sent = [opening.plane, *(moved_on(engine, 7) for _ in range(12))]
    assert not any(news.whole for news in sent)
    assert {news.number for news in sent} == {0}
    assert [len(snapshots) for snapshots in engine._open.race.snapshots] == [0, 0, 0]
    for run in range(3):
        updates = np.concatenate([news.trails[run].updates for news in sent])
        assert updates.tolist() == list(range(85))
        assert all(news.trails[run].distances.tolist() == [0.0] * len(news.trails[run].updates) for news in sent)


def test_a_random_plane_says_how_little_it_explains(device: str) -> None:
    engine, _ = opened(Experiment(SMALL, runs=RUNS, plane="random", device=device))
    news = moved_on(engine, 60)
    asked = engine.ask(SetPlane("random"))
    assert isinstance(asked, PlaneNews)
    assert 0 < news.explained < 0.05
    assert news.explained == pytest.approx(asked.explained, rel=0.5)
    assert news.number == asked.number
    first, _ = state_basis(engine)
    assert news.unit == pytest.approx(float(torch.linalg.vector_norm(first)))


def state_basis(engine):
    return engine._open.trails.plane.basis


def test_the_heads_plane_says_of_which_update_it_is(device: str) -> None:
    engine, _ = opened(Experiment(SMALL, runs=RUNS, plane="heads", device=device))
    assert moved_on(engine, 10).words == "through the three heads at update 10"
    assert moved_on(engine, 1).words == "through the three heads at update 10"
    asked = engine.ask(SetPlane("heads"))
    assert isinstance(asked, PlaneNews)
    assert asked.words == "through the three heads at update 11"
    assert max(trail.head_distance for trail in asked.trails) < 1e-4


def test_a_plane_stays_while_the_first_picture_of_its_landscape_is_being_made_but_not_for_ever(device: str) -> None:
    """A job of no time does one piece at a time; the first picture needs several."""
    problem = ModelConfig(dataset="synthetic", examples=5000, hidden=(64,))
    engine, _ = opened(Experiment(problem, runs=(RunConfig("mini-batch", 32),), device=device))
    number = moved_on(engine, 10).number
    job = Survey(Window(-1.0, 1.0, -1.0, 1.0), 60, 60)
    assert worked(engine, job) == []
    assert moved_on(engine, 9).number == number
    assert moved_on(engine, 2).number == number + 1, "twice as many updates"
    while not worked(engine, job):
        pass
    assert moved_on(engine, 7).number == number + 2, "a third more updates"


def worked(engine, job: Survey) -> list:
    """What came of one piece of a job."""
    answer = engine.ask(Work((job,), 0.0))
    assert isinstance(answer, Worked)
    return list(answer.results)
