"""The live sentence says what the numbers of the trace say."""

from dataclasses import replace
from textwrap import wrap

import numpy as np
import pytest

from sim.experiment.config import Experiment, RunConfig
from sim.experiment.geometry import Point
from sim.protocol.results import Imagined
from sim.protocol.trace import Rows, Status
from tests.tui.traces import SECONDS, cloud_of, make_experiment, make_race, make_scene
from tui.scene.narrate import narrate

WIDTH = 118


def say(experiment: Experiment, until: float, cursor: int | None = None) -> tuple[str, Rows]:
    """The sentence at the end of a race, or at a moment of it, and the race."""
    race = make_race(experiment, until)
    return narrate(make_scene(experiment, race, cursor=cursor), WIDTH), race.rows


def test_before_the_first_update() -> None:
    sentence, rows = say(make_experiment(), 10, cursor=0)
    loss = f"{rows[0]['loss']:.3f}"
    assert sentence == (f"All runs begin at the same point, at loss {loss}. Space lets them go, . makes one update.")
    sentence, _ = say(make_experiment(RunConfig("a", 1)), 10, cursor=0)
    assert sentence == f"a begins at loss {loss}. Space lets it go, . makes one update."


def test_on_the_clock_of_updates() -> None:
    sentence, _ = say(make_experiment(), 40)
    assert sentence.startswith("After the same 40 updates, batch has read 2,440 examples, stochastic 40.")


def test_after_one_update_nouns_are_singular() -> None:
    sentence, _ = say(make_experiment(), 40, cursor=1)
    assert sentence.startswith("After 1 update each, batch has read 61 examples, stochastic 1.")


def test_on_the_clock_of_examples() -> None:
    sentence, _ = say(make_experiment(clock="examples"), 122)
    assert sentence.startswith("After 122 examples, stochastic has made 122 updates, batch 2.")


def test_on_the_clock_of_examples_before_the_slowest_has_moved() -> None:
    sentence, _ = say(make_experiment(clock="examples"), 122, cursor=20)
    assert sentence.startswith("After 20 examples, stochastic has made 20 updates, batch 0.")


def test_on_the_clock_of_seconds() -> None:
    sentence, _ = say(make_experiment(clock="seconds"), 100 * SECONDS * 1.61)
    assert sentence.startswith("In 16.1 ms of PyTorch's computing each, batch has made 100 updates, stochastic 159 (")


def test_on_the_clock_of_seconds_it_says_what_computes() -> None:
    sentence, _ = say(replace(make_experiment(clock="seconds"), backend="compiled"), 100 * SECONDS * 1.61)
    assert sentence.startswith("In 16.1 ms of compiled computing each, batch")


def test_on_the_clock_of_seconds_before_times_are_alike() -> None:
    """An update of the batch run takes 161 microseconds, one of the stochastic run 101."""
    sentence, _ = say(make_experiment(clock="seconds"), 100 * SECONDS * 1.61, cursor=3)
    assert sentence.startswith(
        "Per second of PyTorch's computing, batch reads 379 k examples in 6.2 k updates, "
        "stochastic reads 9.9 k examples in 9.9 k updates."
    )


def test_the_lowest_and_the_highest_are_named() -> None:
    experiment = make_experiment()
    sentence, rows = say(experiment, 25)
    losses = {experiment.runs[row["run"]].name: float(row["loss"]) for row in rows[-3:]}
    best, worst = min(losses, key=losses.__getitem__), max(losses, key=losses.__getitem__)
    assert f"Lowest now: {best} at {losses[best]:.4f}" in sentence
    assert f"highest: {worst} at {losses[worst]:.4f}." in sentence


def test_runs_that_have_all_arrived_are_equal() -> None:
    experiment = make_experiment(RunConfig("slow", "all", lr=0.3), RunConfig("fast", "all", lr=0.5))
    sentence, rows = say(experiment, 400)
    assert np.ptp(rows[-2:]["loss"]) < 1e-9
    assert sentence == f"slow has read 24,400 examples in 400 updates. All are at loss {rows[-1]['loss']:.4f}."


def test_a_single_run_is_not_compared() -> None:
    sentence, _ = say(make_experiment(RunConfig("alone", 16)), 30)
    assert sentence == "alone has read 480 examples in 30 updates."


def test_of_nine_runs_the_extremes_are_compared() -> None:
    runs = [RunConfig(f"b{size}", size) for size in (3, 5, 1, 7, 9, 61, 11, 13, 15)]
    sentence, _ = say(make_experiment(*runs), 30)
    assert sentence.startswith("After the same 30 updates, b61 has read 1,830 examples, b1 30.")


def test_a_run_whose_loss_was_not_evaluated_since_the_start_is_not_compared() -> None:
    experiment = make_experiment()
    race = make_race(experiment, 40)
    race.rows["loss"][(race.rows["run"] == 1) & (race.rows["update"] > 0)] = np.nan
    sentence = narrate(make_scene(experiment, race), WIDTH)
    assert "Lowest now" in sentence
    assert "mini-batch" not in sentence


def test_a_diverged_run_is_what_matters() -> None:
    sentence, rows = say(make_experiment(RunConfig("calm", "all"), RunConfig("hasty", 1, lr=1.4)), 40)
    last = rows[rows["run"] == 1][-1]["update"]
    assert sentence == f"hasty diverged at update {last}: a rate of 1.4 is too high for batches of 1; calm goes on."


def test_all_that_go_on_are_named_or_counted() -> None:
    hasty, calm = RunConfig("hasty", 1, lr=1.4), [RunConfig(name, "all") for name in ("a", "b", "c")]
    assert say(make_experiment(hasty, *calm[:2]), 40)[0].endswith("; a and b go on.")
    assert say(make_experiment(hasty, *calm), 40)[0].endswith("; 3 others go on.")


def test_when_all_diverged_it_says_what_to_try() -> None:
    sentence, _ = say(make_experiment(RunConfig("hasty", 1, lr=1.4)), 40)
    assert sentence.endswith("Try a lower --lr.")


def test_a_hidden_run_is_not_spoken_of() -> None:
    experiment = make_experiment()
    scene = make_scene(experiment, make_race(experiment, 40))
    batch, mini, stochastic = scene.runs
    sentence = narrate(replace(scene, runs=(replace(batch, shown=False), mini, stochastic)), WIDTH)
    assert sentence.startswith("After the same 40 updates, mini-batch has read 640 examples, stochastic 40.")


def test_where_all_runs_are_hidden_it_says_how_to_see_them() -> None:
    experiment = make_experiment()
    scene = make_scene(experiment, make_race(experiment, 40))
    hidden = replace(scene, runs=tuple(replace(run, shown=False) for run in scene.runs))
    assert narrate(hidden, WIDTH) == "All runs are hidden; 1 to 3 show them."


@pytest.mark.parametrize("width", range(50, 140, 6))
def test_it_fits_two_lines_and_every_sentence_is_whole(width: int) -> None:
    experiment = make_experiment()
    scene = make_scene(experiment, make_race(experiment, 40))
    sentence = narrate(scene, width)
    assert len(wrap(sentence, width)) <= 2
    assert sentence.endswith(".")
    assert "batch has read 2,440 examples" in sentence
    assert ("Lowest" in sentence) == (width >= 62)


def test_before_the_first_update_space_is_said_to_do_what_it_does() -> None:
    experiment = make_experiment()
    scene = make_scene(experiment, make_race(experiment, 10), cursor=0)
    assert "Space lets them go" in narrate(scene, WIDTH)
    assert "Space pauses" in narrate(replace(scene, playing=True), WIDTH)


def test_equal_runs_are_lowest_together() -> None:
    experiment = make_experiment(RunConfig("one", 16), RunConfig("twin", 16), RunConfig("far", 1))
    sentence, _ = say(experiment, 20)
    assert "Lowest now: one and twin at" in sentence


def failed(*failing: str, among: tuple[str, ...]) -> str:
    """The sentence where some runs failed."""
    experiment = make_experiment(*(RunConfig(name, 16) for name in among))
    scene = make_scene(experiment, make_race(experiment, 10))
    runs = tuple(replace(run, failed=run.config.name in failing) for run in scene.runs)
    return narrate(replace(scene, runs=runs), WIDTH)


def test_all_that_failed_are_named_and_those_that_go_on() -> None:
    assert failed("a", among=("a", "b", "c")) == "a could not go on; b and c go on."
    assert failed("a", "c", among=("a", "b", "c")) == "a and c could not go on; b goes on."
    assert failed("a", "b", among=("a", "b")) == "a and b could not go on; press i for the reason."


def test_momentum_is_to_blame_where_the_same_rate_without_it_goes_on() -> None:
    """Of plain descent a rate of up to 2/λ is borne."""
    experiment = make_experiment(RunConfig("heavy", 16, lr=1.0), RunConfig("plain", 16, lr=0.5))
    race = make_race(experiment, 40)
    scene = make_scene(experiment, race)
    heavy, plain = scene.runs
    assert heavy.status is Status.DIVERGED
    blamed = replace(heavy, config=replace(heavy.config, momentum=0.9))
    calm = replace(plain, values={**plain.values, "lr": 1.0})
    words = narrate(replace(scene, runs=(blamed, calm)), WIDTH)
    assert "a momentum of 0.9 is too much for a rate of 1" in words
    assert "a rate of 1 with a momentum of 0.9 is too high" in narrate(replace(scene, runs=(blamed, plain)), WIDTH)


def test_what_is_no_number_is_not_blamed_on_the_rate_alone() -> None:
    experiment = make_experiment(RunConfig("a", 16), RunConfig("b", 16))
    race = make_race(experiment, 10)
    last = np.flatnonzero(race.rows["run"] == 0)[-1]
    race.rows["status"][last], race.rows["grad_norm"][last] = Status.DIVERGED, np.nan
    race.rows["batch_loss"][last] = race.rows["batch_loss"][last - 2]
    assert "a gradient was no number (0/0, say); b goes on." in narrate(make_scene(experiment, race), WIDTH)
    race.rows["batch_loss"][last] = np.nan
    words = narrate(make_scene(experiment, race), WIDTH)
    assert "all at once its loss was no number (0/0, say, or after too large a step); b goes on." in words


def test_the_rate_in_use_is_named_not_the_peak_of_a_schedule() -> None:
    experiment = make_experiment(RunConfig("hasty", 1, lr=1.4))
    race = make_race(experiment, 40)
    race.rows["lr"][-1] = 0.7
    assert "a rate of 0.7 is too high for batches of 1" in narrate(make_scene(experiment, race), WIDTH)


def test_drawing_as_many_with_replacement_is_not_all_examples_at_once() -> None:
    experiment = make_experiment(RunConfig("drawn", "all", lr=3.0, sampling="replacement"))
    assert "for batches of 61" in say(experiment, 40)[0]
    assert "even for all examples at once" in say(make_experiment(RunConfig("all", "all", lr=3.0)), 40)[0]


def test_a_run_that_gets_worse_says_so_long_before_it_diverges() -> None:
    experiment = make_experiment(RunConfig("hasty", "all", lr=1.2))
    race = make_race(experiment, 40)
    end = int(race.rows["update"][race.rows["status"] == Status.DIVERGED][0])
    words = [narrate(make_scene(experiment, race, cursor=moment), WIDTH) for moment in range(end)]
    first = next(moment for moment, sentence in enumerate(words) if "is getting worse and worse" in sentence)
    assert first < end / 2


def noisy(*factors: float) -> str:
    """The sentence about a run whose loss is so many times that at the start, update by update."""
    experiment = make_experiment(RunConfig("noisy", 1, lr=0.05))
    race = make_race(experiment, len(factors))
    race.rows["loss"][1:] = race.rows["loss"][0] * np.array(factors)
    return narrate(make_scene(experiment, race), WIDTH)


def test_a_noisy_run_that_gets_worse_with_ups_and_downs_says_so() -> None:
    rising = [2 ** (update / 3) * (1.5 if update % 2 else 1.0) for update in range(1, 25)]
    assert "noisy is getting worse and worse: its loss is 256 times that at the start" in noisy(*rising)


def test_a_run_that_only_rises_to_the_level_of_its_noise_does_not_get_worse_without_end() -> None:
    level = [min(update, 10) * (1.2 if update % 2 else 1.0) for update in range(1, 61)]
    assert "worse" not in noisy(*level)


def test_who_waits_after_a_change_of_the_clock_is_said() -> None:
    experiment = make_experiment()
    scene = make_scene(experiment, make_race(experiment, 40))
    sentence = narrate(replace(scene, clock="examples"), WIDTH)
    assert "batch and mini-batch wait until stochastic has read as many examples." in sentence
    assert "wait" not in narrate(scene, WIDTH)


def test_a_run_that_only_jitters_is_not_said_to_get_worse() -> None:
    experiment = make_experiment()
    race = make_race(experiment, 60)
    assert not any("worse" in narrate(make_scene(experiment, race, cursor=moment), WIDTH) for moment in range(60))


def test_who_would_be_ahead_on_another_clock_is_said() -> None:
    """After as many updates batch descent is lowest; after as many examples, a small batch is."""
    experiment = make_experiment(RunConfig("all", "all", lr=0.1), RunConfig("few", 4, lr=0.1))
    race = make_race(experiment, 30)
    losses = [float(race.rows["loss"][race.rows["run"] == run][-1]) for run in (0, 1)]
    assert losses[0] < losses[1]
    assert "all is ahead" in narrate(make_scene(experiment, race), 200)
    first, second = make_scene(experiment, race).runs
    lower = replace(second, values={**second.values, "loss": first.loss / 2})
    contrary = narrate(replace(make_scene(experiment, race), runs=(first, lower)), 200)
    assert "ahead" not in contrary, "the table says otherwise"
    assert "per example it would be few" in narrate(make_scene(experiment, race), 200)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (0, "batch always goes to the middle of its cloud, the mean of all 61 examples: no noise, for 61 "),
        # the root of 16 * (61 - 1)/(61 - 16): Cochran, Sampling Techniques (1977), ch. 2
        (1, "the mean of 16 strays 4.6 times less, and costs 16 gradients an update."),
        (
            2,
            "stochastic goes where one example leads. It could have been any dot of its cloud, so it jumps; it costs ",
        ),
    ],
)
def test_while_paused_it_says_what_the_cloud_means_for_the_selected_run(index: int, words: str) -> None:
    experiment = make_experiment()
    race = make_race(experiment, 40)
    scene = make_scene(experiment, race)
    update, point = scene.runs[index].update, Point(*race.points[index][-2])
    possible = Imagined(index, update, point, cloud_of(update, scene.runs[index].config, point))
    assert words in narrate(replace(scene, imagined=possible), WIDTH)
    assert words not in narrate(replace(scene, imagined=possible, playing=True), WIDTH)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_nothing_is_said_of_a_cloud_that_is_a_single_point(index: int) -> None:
    experiment = make_experiment()
    scene = make_scene(experiment, make_race(experiment, 40))
    cloud = cloud_of(40, scene.runs[index].config, Point(0, 0))
    nowhere = replace(cloud, steps=np.zeros_like(cloud.steps), own=(0.0, 0.0), full=(0.0, 0.0))
    possible = Imagined(index, 40, Point(0, 0), nowhere)
    assert narrate(replace(scene, imagined=possible), WIDTH) == narrate(scene, WIDTH)


def test_few_of_many_examples_stray_less_by_the_root_of_their_number() -> None:
    experiment = make_experiment(RunConfig("few", 4))
    race = make_race(experiment, 40)
    scene = make_scene(experiment, race)
    possible = Imagined(0, 40, Point(0, 0), cloud_of(40, scene.runs[0].config, Point(0, 0)))
    assert "strays about √4 = 2.0 times less" in narrate(replace(scene, imagined=possible), WIDTH)
