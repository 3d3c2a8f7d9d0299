"""What is said of the members of a run that is made from many seeds."""

import numpy as np
import pytest

from sim.experiment.problem import ProblemConfig
from sim.problems.card import card_of
from sim.protocol.answers import Members
from sim.protocol.trace import Status
from tui.scene.members import statuses_in_words, whereabouts


def members(points: list[tuple[float, float]], *stopped: int) -> Members:
    """At these points; those of these indices have diverged."""
    statuses = np.zeros(len(points), np.uint8)
    statuses[list(stopped)] = Status.DIVERGED
    return Members(np.array(points), statuses)


def test_who_left_the_saddle_and_to_which_side() -> None:
    points = [(-1.5, 0.0), (0.0, 0.4), (0.0, 0.6), (0.1, 1.1), (0.0, -0.9), (np.nan, np.inf)]
    words = whereabouts(card_of(ProblemConfig("saddle")), members(points, 5))
    assert words == "left the saddle: 3 of 6; above: 2, below: 1"
    assert whereabouts(card_of(ProblemConfig("saddle")), members(points[:1])) == "left the saddle: 0 of 1"


@pytest.mark.filterwarnings("error")
def test_what_is_far_off_has_no_warning() -> None:
    points = [(0.0, 1e200), (1e200, 1e200), (0.0, 0.4)]
    assert whereabouts(card_of(ProblemConfig("saddle")), members(points)).startswith("left the saddle: ")
    assert whereabouts(card_of(ProblemConfig("himmelblau")), members(points)) == "3 near no known minimum"


def test_which_minimum_is_near() -> None:
    points = [(3.1, 2.0), (2.5, 2.5), (-3.0, 3.0), (-3.0, -3.0), (0.0, 0.0), (3.0, 2.0)]
    card = card_of(ProblemConfig("himmelblau"))
    near = "2 near (3, 2), 1 near (-2.81, 3.13), 1 near (-3.78, -3.28)"
    assert whereabouts(card, members(points, 5)) == f"{near}, 1 near no known minimum"
    assert whereabouts(card, members(points[:4])) == near


def test_one_minimum_is_no_choice() -> None:
    assert whereabouts(card_of(ProblemConfig("linear")), members([(0.0, 0.0)])) == ""


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([Status.RUNNING] * 3, "all running"),
        ([Status.CONVERGED] * 3, "all standing still"),
        ([Status.RUNNING, Status.DIVERGED, Status.RUNNING], "2 running, 1 diverged"),
    ],
)
def test_statuses_are_counted(statuses: list[Status], words: str) -> None:
    assert statuses_in_words(Members(np.zeros((3, 2)), np.array(statuses, np.uint8))) == words
