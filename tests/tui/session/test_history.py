"""What was recorded, and the cursor, against plain filters of the same rows."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from sim.experiment.choices import CLOCKS, Clock
from sim.protocol.answers import PlaneNews, Trail
from sim.protocol.trace import NO_ROWS, ROW, Rows
from tests.tui.traces import make_experiment, make_race
from tui.session.column import thinned
from tui.session.history import History
from tui.session.record import record
from tui.session.trails import PlaneTrails

Floats = NDArray[np.float64]

PACE: dict[Clock, float] = {"updates": 10.0, "examples": 100.0, "seconds": 0.5}


def rows_at(positions: list[float], *, first: int = 1, clock: Clock = "updates", run: int = 0) -> Rows:
    """One row of one run at each of these positions on a clock, from moment `first` on."""
    rows = np.zeros(len(positions), dtype=ROW)
    rows["run"], rows["clock"], rows["position"] = run, list(CLOCKS).index(clock), positions
    rows["moment"] = rows["update"] = first + np.arange(len(positions))
    return rows


def one_run(*blocks: Rows) -> History:
    history = History(rows_at([0.0], first=0))
    for block in blocks:
        history.append(block)
    return history


@pytest.fixture
def race() -> Rows:
    """Three runs on the clock of examples, where moments differ from updates."""
    return make_race(make_experiment(clock="examples"), until=130).rows


@pytest.fixture
def history(race: Rows) -> History:
    history = History(race[:3])
    for block in np.array_split(race[3:], np.searchsorted(race["moment"], [2, 17, 17, 60]) - 3):
        history.append(block)
    return history


def test_every_row_comes_back(history: History, race: Rows) -> None:
    for run in range(3):
        assert history.recorded(run).tobytes() == race[race["run"] == run].tobytes()
    assert len(history.all_rows()) == len(race)
    assert history.end == race["moment"].max()


def test_what_is_seen_ends_at_the_cursor(history: History, race: Rows) -> None:
    history.seek_first()
    for cursor in range(history.end + 1):
        assert history.cursor == cursor
        for run in range(3):
            own = race[(race["run"] == run) & (race["moment"] <= cursor)]
            assert history.seen(run).tobytes() == own.tobytes()
        history.seek(1)


def test_a_spike_of_one_update_is_kept() -> None:
    calm = rows_at([float(n) for n in range(1, 50_001)])
    calm["batch_loss"][33_333] = 1e9
    assert one_run(calm[:20_000], calm[20_000:]).recorded(0)["batch_loss"].max() == 1e9


def test_rows_handed_out_stay_as_they_were_while_more_come() -> None:
    rows = rows_at([float(n) for n in range(1, 10_001)])
    history = one_run(rows[:700])
    early = history.seen(0)
    copy = early.copy()
    for begin in range(700, 10_000, 300):
        history.append(rows[begin : begin + 300])
    np.testing.assert_array_equal(early, copy)
    np.testing.assert_array_equal(history.recorded(0)[1:], rows)


def test_a_live_cursor_stays_live_and_another_stays_put(race: Rows) -> None:
    history = History(race[:3])
    history.append(race[(race["moment"] > 0) & (race["moment"] <= 10)])
    assert (history.cursor, history.live) == (10, True)
    history.seek(-4)
    history.append(race[race["moment"] > 10])
    assert (history.cursor, history.live) == (6, False)
    history.seek_live()
    assert history.cursor == race["moment"].max()


def test_nothing_new_changes_nothing() -> None:
    history = one_run(rows_at([1.0]), NO_ROWS)
    assert (history.cursor, history.end) == (1, 1)


@pytest.mark.parametrize(
    ("start", "moments", "there", "missing"), [(20, -5, 15, 0), (3, -10, 0, 0), (15, 5, 20, 0), (15, 8, 20, 3)]
)
def test_seeking_stops_at_the_ends_and_says_what_is_missing(start: int, moments: int, there: int, missing: int) -> None:
    history = one_run(rows_at([float(n) for n in range(1, 21)]))
    history.seek(start - 20)
    assert history.seek(moments) == missing
    assert history.cursor == there


def test_the_loss_is_the_last_one_evaluated() -> None:
    rows = rows_at([1.0, 2.0, 3.0, 4.0])
    rows["loss"] = [np.nan, 0.7, np.nan, np.inf]
    history = one_run(rows[:1], rows[1:3], rows[3:])
    losses = []
    for _ in range(5):
        losses.append(history.evaluated(0)["loss"])
        history.seek(-1)
    assert losses == [np.inf, 0.7, 0.7, 0.0, 0.0]


def test_without_any_evaluation_there_is_no_loss() -> None:
    start = rows_at([0.0], first=0)
    start["loss"] = np.nan
    assert np.isnan(History(start).evaluated(0)["loss"])


def test_rates_are_of_the_runs_own_last_updates() -> None:
    rows = rows_at([float(n) for n in range(1, 501)])
    rows["examples"] = rows["update"] * 8
    cost = np.where(rows["update"] <= 250, 1.0, 0.01)  # an expensive beginning, long ago
    rows["seconds"] = np.cumsum(cost)
    history = one_run(rows)

    def rate() -> float:
        now, then = history.lately(0)
        return float((now["update"] - then["update"]) / (now["seconds"] - then["seconds"]))

    assert rate() == pytest.approx(100.0)
    history.seek(-400)
    assert rate() == pytest.approx(1.0)
    history.seek_first()
    now, then = history.lately(0)
    assert now["seconds"] == then["seconds"]


def test_replay_goes_at_the_pace_of_the_clock() -> None:
    history = one_run(rows_at([float(n) for n in range(1, 11)]))
    history.seek_first()
    assert history.replay(0.35, PACE) == pytest.approx(0.05)
    assert history.cursor == 3
    assert history.replay(0.05, PACE) == pytest.approx(0.05)
    assert history.cursor == 3
    assert history.replay(5.0, PACE) == pytest.approx(4.3)
    assert history.live


def test_replay_across_a_change_of_clock() -> None:
    """Five updates at 10/s, then, from 160 examples on, four steps of 50 at 100/s: half a second, then two."""
    history = one_run(
        rows_at([1.0, 2.0, 3.0, 4.0, 5.0]), rows_at([160.0, 210.0, 260.0, 310.0, 360.0], first=6, clock="examples")
    )
    history.seek_first()
    left = history.replay(0.5, PACE)
    assert history.cursor in (5, 6)  # the first moment of another clock takes no time
    left = history.replay(left + 1.0, PACE)
    assert history.cursor == 8
    assert left == pytest.approx(0.0, abs=1e-9)


def long_race(moments: int, seed: int, clocks: tuple[int, ...] = (1, 7, 64)) -> tuple[Rows, list[Floats]]:
    """Runs that complete an update at every so many moments, noise with spikes, and where each was, per row."""
    rng = np.random.default_rng(seed)
    runs = []
    for run, every in enumerate(clocks):
        rows = np.zeros(moments // every + 1, dtype=ROW)
        rows["run"], rows["update"] = run, np.arange(len(rows))
        rows["moment"] = rows["examples"] = rows["position"] = np.arange(len(rows)) * every
        for measure in ("batch_loss", "grad_norm", "loss", "lr"):
            rows[measure] = rng.standard_cauchy(len(rows)) if measure != "lr" else 0.1
        rows["loss"][rng.random(len(rows)) < 0.5] = np.nan
        rows["batch_loss"][rng.integers(0, len(rows), 3)] = rng.choice([np.inf, 1e9, -1e9])
        runs.append(rows)
    points = [rng.standard_cauchy((len(rows), 2)) for rows in runs]
    return np.concatenate([rows[:1] for rows in runs] + [rows[1:] for rows in runs]), points


def held_by(history: History) -> int:
    """The bytes of all of its arrays."""
    runs = (column for run in history._runs for column in (run._rows, run._evaluated, run._evaluations))
    return sum(column._buffer.nbytes for column in (history._moments, *runs))


@settings(max_examples=5)
@given(
    moments=st.integers(6000, 9000),
    seed=st.integers(0, 999),
    blocks=st.integers(1, 30),
    memory=st.integers(1_000_000, 1_600_000),
)
def test_thinned_it_keeps_within_its_memory_every_extreme_and_what_was_to_be_seen_at_a_moment(
    moments: int, seed: int, blocks: int, memory: int
) -> None:
    whole, points = long_race(moments, seed)
    start, rest = whole[:3], whole[3:]
    rest = rest[np.argsort(rest["moment"], kind="stable")]
    history, unbounded = History(start, memory), History(start)
    ways = tuple(Trail(np.arange(len(xy)), xy, np.zeros(len(xy)), (0.0, 0.0), 0.0) for xy in points)
    trails = PlaneTrails(PlaneNews(0, "identity", "both parameters", 1.0, True, ways))
    for block in np.split(rest, np.searchsorted(rest["moment"], np.linspace(1, moments, blocks, dtype=int)[:-1])):
        record(block, history, trails, ())
        unbounded.append(block)
        assert held_by(history) <= memory
    kept = [history.recorded(run) for run in range(3)]
    assert sum(map(len, kept)) < len(whole), "something was left out"

    for run, every in enumerate((1, 7, 64)):
        all_rows = unbounded.recorded(run)
        xy = trails.points_of(kept[run])[:, :2]
        np.testing.assert_array_equal(xy, points[run][kept[run]["update"]], "where it was after each update is known")
        for measure in ("batch_loss", "grad_norm", "loss", "lr"):
            assert_same_extremes(all_rows[measure], kept[run][measure], history.width, every, kept[run]["update"])
        for axis in (0, 1):
            assert_same_extremes(points[run][:, axis], xy[:, axis], history.width, every, kept[run]["update"])

    for moment in np.random.default_rng(seed).integers(0, moments, 200).tolist():
        history.seek_to(moment)
        assert history.cursor == moment or moment <= moments - 500, "the newest moments are all there"
        unbounded.seek_to(history.cursor)
        assert history.position == unbounded.position
        for run in range(3):
            assert history.seen(run)[-1].tobytes() == unbounded.seen(run)[-1].tobytes()
            assert history.evaluated(run).tobytes() == unbounded.evaluated(run).tobytes()


@pytest.mark.parametrize(("every", "bounded"), [(1, False), (100, True)])
def test_where_most_moments_are_left_out_already_fewer_rows_are_kept(every: int, bounded: bool) -> None:
    rows = rows_at([float(every * n) for n in range(3000)], first=0)
    rows["moment"] = rows["update"] = every * np.arange(3000)
    history = History(rows[:1], selected=2000)
    history.append(rows[1:])
    assert history.full == bounded
    if bounded:
        history.thin([np.full((3000, 2), np.nan)])
        assert len(history.recorded(0)) <= 2000
        assert not history.full
        assert history.end == rows[-1]["moment"]


def assert_same_extremes(whole: Floats, kept: Floats, width: int, every: int, updates: Floats) -> None:
    """In each stretch of so many moments the least and the largest of all values are among those that were kept."""
    of_all, of_kept = np.arange(len(whole)) * every // width, updates * every // width
    for pick in (np.fmin, np.fmax):
        theirs, ours = (
            pick.reduceat(values, np.flatnonzero(np.diff(stretches, prepend=-1)))
            for values, stretches in ((whole, of_all), (kept, of_kept))
        )
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("count", [1, 8192, 8193, 100_000])
def test_what_is_drawn_of_many_rows_is_evenly_chosen_and_bounded(count: int) -> None:
    kept = thinned(np.arange(count))
    assert kept[0] == 0
    assert len(set(np.diff(kept))) <= 1
    assert min(count, 4096) <= len(kept) <= 8192
    assert count > 8192 or len(kept) == count


def test_of_many_evaluations_those_that_are_drawn_are_evenly_chosen() -> None:
    rows = np.zeros(30_000, dtype=ROW)
    rows["update"] = rows["moment"] = np.arange(30_000)
    rows["loss"] = np.where(np.arange(30_000) % 3, np.nan, np.arange(30_000))
    history = History(rows[:1])
    history.append(rows[1:])
    evaluations = history.recorded(0)[history.evaluations(0)]
    np.testing.assert_array_equal(evaluations["loss"], evaluations["update"])
    assert 4096 <= len(evaluations) <= 8192
